/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/pattern.h"

#include <errno.h>
#include <string.h>

const char *pattern_class_end(const char *text)
{
        text++;
        if (*text == '!' || *text == '^')
                text++;
        if (*text == ']')
                text++;
        for (; *text && *text != ']'; text++)
                if (*text == '\\' && text[1])
                        text++;
        return *text ? text + 1 : NULL;
}

bool pattern_has_wildcard(const char *text)
{
        for (; *text; text++) {
                if (*text == '\\' && text[1])
                        text++;
                else if (strchr("*?[{", *text))
                        return true;
        }
        return false;
}

static int check_one(const char **text, unsigned *depth, struct err *err)
{
        const char *at = *text, *end;

        switch (*at) {
        case '\\':
                if (!at[1])
                        return err_set(err, EINVAL,
                                       "\"\\\" at the end of the pattern; expected a character after it");
                if (at[1] == '/')
                        return err_set(err, EINVAL, "\"\\/\"; a slash always separates components");
                *text = at + 2;
                return 0;
        case '[':
                end = pattern_class_end(at);
                if (!end)
                        return err_set(err, EINVAL,
                                       "\"[\" without \"]\"; write \"\\[\" for the character itself");
                *text = end;
                return 0;
        case '{':
                ++*depth;
                break;
        case '}':
                if (!*depth)
                        return err_set(err, EINVAL,
                                       "\"}\" without \"{\"; write \"\\}\" for the character itself");
                --*depth;
                break;
        }
        *text = at + 1;
        return 0;
}

int pattern_check(const char *text, struct err *err)
{
        unsigned depth = 0;

        if (!*text)
                return err_set(err, EINVAL, "an empty path; expected an absolute path");
        if (strlen(text) >= PATTERN_LENGTH_MAX)
                return err_set(err, EINVAL, "a pattern of %zu bytes; expected at most %d", strlen(text),
                               PATTERN_LENGTH_MAX - 1);
        while (*text) {
                int r = check_one(&text, &depth, err);

                if (r < 0)
                        return r;
        }
        if (depth)
                return err_set(err, EINVAL, "\"{\" without \"}\"; write \"\\{\" for the character itself");
        return 0;
}

/* The next character of a class, unescaped. */
static unsigned char class_character(const char **text)
{
        if (**text == '\\' && (*text)[1])
                ++*text;
        return (unsigned char)*(*text)++;
}

static int class_range(const char **text, struct byte_set *set, struct err *err)
{
        unsigned char low = class_character(text), high = low;

        if (**text == '-' && (*text)[1] != ']' && (*text)[1]) {
                ++*text;
                high = class_character(text);
        }
        if (low >= 0x80 || high >= 0x80)
                return err_set(err, EINVAL,
                               "a character beyond ASCII in \"[...]\"; expected ASCII there (use {a,b})");
        if (high < low)
                return err_set(err, EINVAL, "the range \"%c-%c\" in \"[...]\"; expected the lower end first",
                               low, high);
        for (unsigned byte = low; byte <= high; byte++)
                byte_set_add(set, (unsigned char)byte);
        return 0;
}

int pattern_class(const char *text, struct byte_set *ret_set, bool *ret_negated, struct err *err)
{
        const char *end = pattern_class_end(text) - 1;
        struct byte_set set = {0};
        bool negated;
        int r;

        text++;
        negated = *text == '!' || *text == '^';
        text += negated;
        do {
                if (text[0] == '[' && (text[1] == ':' || text[1] == '.' || text[1] == '='))
                        return err_set(err, EINVAL,
                                       "\"[%c\" inside \"[...]\"; named classes are not supported", text[1]);
                r = class_range(&text, &set, err);
                if (r < 0)
                        return r;
        } while (text < end);

        if (negated)
                for (unsigned i = 0; i < 2; i++)
                        set.bits[i] = ~set.bits[i];
        else if (byte_set_has(&set, '/'))
                return err_set(err, EINVAL, "\"/\" in \"[...]\"; a class never matches a slash");
        set.bits['/' >> 6] &= ~(1ull << ('/' & 63));
        *ret_set = set;
        *ret_negated = negated;
        return 0;
}

/* Is the component (length bytes, escapes in it) this name? */
static bool component_is(const char *component, size_t length, const char *name)
{
        size_t i = 0;

        for (; i < length && *name; i++, name++) {
                if (component[i] == '\\')
                        i++;
                if (component[i] != *name)
                        return false;
        }
        return i == length && !*name;
}

static int append_component(const char *component, size_t length, char *out, size_t *used, struct err *err)
{
        if (length == 0 || component_is(component, length, "."))
                return 0;
        if (component_is(component, length, ".."))
                return err_set(err, EINVAL, "\"..\" in a path; expected the path it leads to");
        if (*used + 1 + length >= PATTERN_LENGTH_MAX)
                return err_set(err, EINVAL, "a pattern longer than %d bytes", PATTERN_LENGTH_MAX - 1);
        out[(*used)++] = '/';
        memcpy(out + *used, component, length);
        *used += length;
        return 0;
}

int pattern_normalise(const char *text, char ret_text[PATTERN_LENGTH_MAX], struct err *err)
{
        size_t used = 0;

        if (text[0] != '/' && strcmp(text, "**") != 0 && strncmp(text, "**/", 3) != 0)
                return err_set(err, EINVAL,
                               "the path \"%.200s\" is relative; expected an absolute path, ~/, $CWD/ or **/",
                               text);
        while (*text) {
                const char *end = text;
                int r;

                while (*end && *end != '/')
                        end = *end == '[' ? pattern_class_end(end) : end + (*end == '\\' ? 2 : 1);
                r = append_component(text, (size_t)(end - text), ret_text, &used, err);
                if (r < 0)
                        return r;
                text = *end ? end + 1 : end;
        }
        if (!used)
                ret_text[used++] = '/';
        ret_text[used] = '\0';
        return 0;
}
