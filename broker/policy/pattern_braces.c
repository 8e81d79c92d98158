/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/cleanup.h"
#include "broker/policy/pattern.h"

#define BRACES_MAX 32 /* pairs in one alternative: the depth of the recursion below */

struct expansion {
        int (*each)(const char *alternative, void *context);
        void *context;
        struct err *err;
        unsigned count;
};

/* One past the character, escape or class at text. */
static const char *unit_end(const char *text)
{
        if (*text == '\\')
                return text + 2;
        if (*text == '[')
                return pattern_class_end(text);
        return text + 1;
}

static const char *brace_find(const char *text)
{
        while (*text && *text != '{')
                text = unit_end(text);
        return *text ? text : NULL;
}

/* The end of an alternative: the comma or brace that closes it. */
static const char *alternative_end(const char *text)
{
        unsigned depth = 0;

        while (depth || (*text != ',' && *text != '}')) {
                depth += *text == '{';
                depth -= *text == '}';
                text = unit_end(text);
        }
        return text;
}

static int expand(struct expansion *expansion, const char *text, unsigned braces)
{
        const char *open = brace_find(text), *close, *start;
        _cleanup_free_ char *one = NULL;
        int r;

        if (!open) {
                if (++expansion->count > PATTERN_ALTERNATIVES_MAX)
                        return err_set(expansion->err, EINVAL, "braces that stand for more than %d paths",
                                       PATTERN_ALTERNATIVES_MAX);
                return expansion->each(text, expansion->context);
        }
        if (braces >= BRACES_MAX)
                return err_set(expansion->err, EINVAL, "more than %d braces in one path", BRACES_MAX);
        one = malloc(strlen(text) + 1);
        if (!one)
                return -ENOMEM;

        for (close = alternative_end(open + 1); *close != '}'; close = alternative_end(close + 1))
                ;
        for (start = open + 1; start <= close;) {
                const char *end = alternative_end(start);
                size_t before = (size_t)(open - text), length = (size_t)(end - start);

                memcpy(one, text, before);
                memcpy(one + before, start, length);
                strcpy(one + before + length, close + 1);
                r = expand(expansion, one, braces + 1);
                if (r < 0)
                        return r;
                start = end + 1;
        }
        return 0;
}

int pattern_alternatives(const char *text, int (*each)(const char *alternative, void *context), void *context,
                         struct err *err)
{
        struct expansion expansion = {.each = each, .context = context, .err = err};

        return expand(&expansion, text, 0);
}
