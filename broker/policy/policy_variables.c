/* SPDX-License-Identifier: Apache-2.0 */
/* Variables: $NAME, ${NAME}, $$ and ~/. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/base/nearest.h"
#include "broker/policy/loader.h"
#include "broker/policy/pattern.h"

static const char *const builtins[] = {"HOME", "USER", "UID", "CWD", "TMPDIR", "POLICY_DIR"};

struct buffer {
        char text[PATTERN_LENGTH_MAX];
        size_t length;
};

static bool is_builtin(const char *name)
{
        for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
                if (!strcmp(name, builtins[i]))
                        return true;
        return false;
}

static const char *builtin_value(const struct loader *loader, const struct source *source, const char *name)
{
        const struct policy_options *options = loader->options;
        const char *const values[] = {options->home, options->user,   options->uid,
                                      options->cwd,  options->tmpdir, source->directory};

        for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
                if (!strcmp(name, builtins[i]))
                        return values[i];
        return NULL;
}

static struct variable *variable_find(struct loader *loader, const char *name)
{
        for (size_t i = 0; i < loader->variable_count; i++)
                if (!strcmp(loader->variables[i].name, name))
                        return &loader->variables[i];
        return NULL;
}

static bool name_start(char c)
{
        return isalpha((unsigned char)c) || c == '_';
}

static size_t name_length(const char *text)
{
        size_t length = 0;

        if (!name_start(text[0]))
                return 0;
        while (name_start(text[length]) || isdigit((unsigned char)text[length]))
                length++;
        return length;
}

static int variables_grow(struct loader *loader)
{
        size_t room = loader->variable_room ? loader->variable_room * 2 : 16;
        struct variable *larger;

        if (loader->variable_count < loader->variable_room)
                return 0;
        larger = arena_alloc(&loader->policy->arena, room * sizeof *larger);
        if (!larger)
                return err_set(loader->err, ENOMEM, "out of memory");
        if (loader->variable_count)
                memcpy(larger, loader->variables, loader->variable_count * sizeof *larger);
        loader->variables = larger;
        loader->variable_room = room;
        return 0;
}

static int declare(struct loader *loader, const char *key, struct value value, void *context)
{
        struct variable *variable;
        const char *text;
        char seen[80];
        int r;

        (void)context;
        if (!*key || name_length(key) != strlen(key))
                return value_error(loader, value,
                                   "the variable name \"%s\"; expected letters, digits and \"_\"",
                                   escape_text(key, strlen(key), seen, sizeof seen));
        if (is_builtin(key))
                return value_error(loader, value, "the variable %s, which is built in; expected another name",
                                   key);
        r = value_string(loader, value, "a string", &text);
        if (r < 0 || variable_find(loader, key))
                return r;
        if (loader->variable_count == VARIABLES_MAX)
                return value_error(loader, value, "more than %d variables; expected fewer", VARIABLES_MAX);
        r = variables_grow(loader);
        if (r < 0)
                return r;
        variable = &loader->variables[loader->variable_count++];
        /* json-c's strings live until the sources go, which is as long as the loader. */
        *variable = (struct variable){.name = key, .value = value, .text = text};
        return 0;
}

int variables_read(struct loader *loader, struct value value, int argument)
{
        (void)argument;
        return object_each(loader, value, "an object of variables", declare, NULL);
}

static int unknown_variable(struct loader *loader, struct value at, const char *name)
{
        char known[512] = "", seen[80], meant[64];
        struct nearest nearest;
        size_t used = 0;

        nearest_init(&nearest, name);
        for (size_t i = 0; i < loader->variable_count; i++) {
                nearest_consider(&nearest, loader->variables[i].name);
                if (used < sizeof known)
                        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                                 loader->variables[i].name);
        }
        /* On the command line only those that a file declares will do. */
        for (size_t i = 0; i < sizeof builtins / sizeof *builtins && at.source->text.text; i++) {
                nearest_consider(&nearest, builtins[i]);
                if (used < sizeof known)
                        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                                 builtins[i]);
        }
        escape_text(name, strlen(name), seen, sizeof seen);
        return value_error(loader, at, "the undefined variable %s; expected %s%s%s", seen,
                           used ? "one of " : "none", known, did_you_mean(nearest.name, meant, sizeof meant));
}

int variables_override(struct loader *loader)
{
        const struct policy_options *options = loader->options;
        struct value at = {.source = &loader->command_line};

        for (size_t i = 0; i < options->variable_count; i++) {
                const char *name = options->variables[i].name;
                struct variable *variable = variable_find(loader, name);

                if (!variable && is_builtin(name))
                        return value_error(loader, at,
                                           "--var %s, which is built in; expected a variable of the policy",
                                           name);
                if (!variable)
                        return unknown_variable(loader, at, name);
                variable->value = at;
                variable->text = options->variables[i].value;
        }
        return 0;
}

static int append(struct loader *loader, struct value at, struct buffer *buffer, const char *text,
                  size_t length, bool escape)
{
        for (size_t i = 0; i < length; i++) {
                if (buffer->length + 2 >= sizeof buffer->text)
                        return value_error(loader, at,
                                           "a text of more than %zu bytes with its variables; expected less",
                                           sizeof buffer->text - 1);
                if (escape && strchr("*?[]{},\\", text[i]))
                        buffer->text[buffer->length++] = '\\';
                buffer->text[buffer->length++] = text[i];
        }
        return 0;
}

static int append_builtin(struct loader *loader, struct value at, struct buffer *buffer, const char *name)
{
        const char *value = builtin_value(loader, at.source, name);

        if (!value || !*value)
                return value_error(loader, at,
                                   "the variable %s, which has no value here; expected a policy without it",
                                   name);
        if (!strcmp(name, "TMPDIR"))
                loader->policy->uses_tmpdir = true;
        return append(loader, at, buffer, value, strlen(value), true);
}

static int variable_expand(struct loader *loader, struct variable *variable)
{
        bool used = loader->policy->uses_tmpdir;
        int r;

        if (variable->state == VARIABLE_DONE)
                return 0;
        if (variable->state == VARIABLE_EXPANDING)
                return value_error(loader, variable->value,
                                   "the variable %s, which refers to itself; expected no circle",
                                   variable->name);
        if (loader->variable_depth >= VARIABLES_DEPTH_MAX)
                return value_error(loader, variable->value,
                                   "variables that refer to each other more than %d deep",
                                   VARIABLES_DEPTH_MAX);
        loader->variable_depth++;
        variable->state = VARIABLE_EXPANDING;
        loader->policy->uses_tmpdir = false;
        r = variables_expand(loader, variable->value, variable->text, &variable->expanded);
        variable->uses_tmpdir = loader->policy->uses_tmpdir;
        loader->policy->uses_tmpdir = used;
        variable->state = VARIABLE_DONE;
        loader->variable_depth--;
        return r;
}

static int append_variable(struct loader *loader, struct value at, struct buffer *buffer, const char *name)
{
        struct variable *variable;
        int r;

        if (is_builtin(name))
                return append_builtin(loader, at, buffer, name);
        variable = variable_find(loader, name);
        if (!variable)
                return unknown_variable(loader, at, name);
        r = variable_expand(loader, variable);
        if (r < 0)
                return r;
        loader->policy->uses_tmpdir |= variable->uses_tmpdir;
        return append(loader, at, buffer, variable->expanded, strlen(variable->expanded), false);
}

/* What begins with the dollar at *text. */
static int expand_dollar(struct loader *loader, struct value at, struct buffer *buffer, const char **text)
{
        const char *name = *text + 1;
        bool braced = *name == '{';
        char copy[80];
        size_t length;

        if (*name == '$') {
                *text += 2;
                return append(loader, at, buffer, "$", 1, false);
        }
        name += braced;
        length = name_length(name);
        if (!length || (braced && name[length] != '}'))
                return value_error(loader, at,
                                   "\"$\" without a name; expected $NAME, ${NAME}, or $$ for a dollar");
        if (length >= sizeof copy)
                return value_error(loader, at, "a variable name of %zu bytes; expected less", length);
        memcpy(copy, name, length);
        copy[length] = '\0';
        *text = name + length + braced;
        return append_variable(loader, at, buffer, copy);
}

int variables_expand(struct loader *loader, struct value at, const char *text, const char **ret_text)
{
        struct buffer buffer;
        int r = 0;

        buffer.length = 0;
        if (!strncmp(text, "unix:~/", 7)) {
                r = append(loader, at, &buffer, text, 5, false);
                text += 5;
        }
        if (text[0] == '~' && text[1] == '/') {
                if (r == 0)
                        r = append_builtin(loader, at, &buffer, "HOME");
                text++;
        }
        while (*text && r == 0) {
                if (*text == '$')
                        r = expand_dollar(loader, at, &buffer, &text);
                else
                        r = append(loader, at, &buffer, text++, 1, false);
        }
        if (r < 0)
                return r;
        *ret_text = arena_copy(&loader->policy->arena, buffer.text, buffer.length);
        return *ret_text ? 0 : err_set(loader->err, ENOMEM, "out of memory");
}

/* Also those that no rule uses: a wrong one is a mistake all the same. */
int variables_expand_all(struct loader *loader)
{
        for (size_t i = 0; i < loader->variable_count; i++) {
                int r = variable_expand(loader, &loader->variables[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}
