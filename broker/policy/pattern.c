/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/pattern.h"

#include <errno.h>
#include <string.h>

static const struct byte_set digits = {{0x03ff000000000000ull}};
static const struct byte_set not_slash = {{~(1ull << '/'), UINT64_MAX, UINT64_MAX, UINT64_MAX}};

/* One pattern being added. */
struct addition {
        const struct pattern_target *target;
        struct err *err;
        bool braces, dynamic, abstract;
        const char *resolved; /* of the last alternative */
};

static int accept(const struct pattern_target *target, uint32_t at)
{
        return automaton_accept(target->automaton, at, target->list, target->rule);
}

static int add_bytes(struct automaton *automaton, uint32_t *at, const char *text, size_t length)
{
        int r = 0;

        for (size_t i = 0; i < length && r == 0; i++)
                r = automaton_byte(automaton, at, (unsigned char)text[i]);
        return r;
}

/* A number, as far as names in /proc go: nothing else there begins with a digit. */
static int add_process(struct automaton *automaton, uint32_t *at, const char *directory)
{
        int r = add_bytes(automaton, at, directory, strlen(directory));

        if (r == 0)
                r = automaton_set(automaton, at, &digits);
        return r < 0 ? r : automaton_star(automaton, at);
}

static bool skip_prefix(const char **path, const char *prefix)
{
        size_t length = strlen(prefix);

        if (strncmp(*path, prefix, length) != 0 || ((*path)[length] && (*path)[length] != '/'))
                return false;
        *path += length;
        return true;
}

/* A resolved path; /proc/self is any process's, since it means whoever asks. */
static int add_path(struct addition *addition, uint32_t *at, const char *path)
{
        struct automaton *automaton = addition->target->automaton;
        int r = 0;

        if (skip_prefix(&path, "/proc/self")) {
                r = add_process(automaton, at, "/proc/");
                addition->dynamic = true;
        } else if (skip_prefix(&path, "/proc/thread-self")) {
                r = add_process(automaton, at, "/proc/");
                if (r == 0)
                        r = add_process(automaton, at, "/task/");
                addition->dynamic = true;
        }
        return r < 0 ? r : add_bytes(automaton, at, path, strlen(path));
}

static int add_beneath(const struct pattern_target *target, uint32_t at, bool root)
{
        int r = root ? 0 : automaton_byte(target->automaton, &at, '/');

        if (r == 0)
                r = automaton_globstar(target->automaton, &at);
        return r < 0 ? r : accept(target, at);
}

static int add_literal_path(struct addition *addition, const char *path)
{
        uint32_t at = 0;
        int r = add_path(addition, &at, path);

        if (r == 0)
                r = accept(addition->target, at);
        /* With braces the pattern has wildcards, and matches whole paths. */
        if (r == 0 && !addition->braces)
                r = add_beneath(addition->target, at, !strcmp(path, "/"));
        return r;
}

static int resolve_error(int r, const char *path, struct err *err)
{
        if (r == -ELOOP)
                return err_set(err, EINVAL, "\"%.200s\" leads through too many symbolic links", path);
        if (r == -ENAMETOOLONG)
                return err_set(err, EINVAL, "\"%.200s\" leads to a path that is too long", path);
        return r;
}

static int add_literal(struct addition *addition, const char *path)
{
        const struct pattern_target *target = addition->target;
        char resolved[RESOLVER_PATH_MAX], name[RESOLVER_PATH_MAX];
        int r = resolver_resolve(target->resolver, path, resolved);

        if (r < 0)
                return resolve_error(r, path, addition->err);
        r = add_literal_path(addition, resolved);
        if (r < 0)
                return r;
        addition->resolved = arena_copy(target->arena, resolved, strlen(resolved));
        if (!addition->resolved)
                return -ENOMEM;
        if (!target->guard_name)
                return 0;
        r = resolver_resolve_parent(target->resolver, path, name);
        if (r < 0)
                return resolve_error(r, path, addition->err);
        return strcmp(name, resolved) != 0 ? add_literal_path(addition, name) : 0;
}

static size_t unescape(const char *text, size_t length, char *out)
{
        size_t used = 0;

        for (size_t i = 0; i < length; i++) {
                if (text[i] == '\\' && i + 1 < length)
                        i++;
                out[used++] = text[i];
        }
        out[used] = '\0';
        return used;
}

/* Adds what one wildcard at *text stands for and moves past it. */
static int add_wildcard(struct addition *addition, uint32_t *at, const char **text, bool component_start)
{
        struct automaton *automaton = addition->target->automaton;
        struct byte_set set;
        bool negated;
        int r;

        switch (**text) {
        case '?':
                ++*text;
                return automaton_character(automaton, at, &not_slash);
        case '[':
                r = pattern_class(*text, &set, &negated, addition->err);
                if (r < 0)
                        return r;
                *text = pattern_class_end(*text);
                return negated ? automaton_character(automaton, at, &set)
                               : automaton_set(automaton, at, &set);
        }
        if ((*text)[1] == '*') {
                *text += 2;
                if (component_start && **text == '/') {
                        ++*text;
                        return automaton_directories(automaton, at);
                }
                return automaton_globstar(automaton, at);
        }
        ++*text;
        if (addition->abstract)
                return automaton_globstar(automaton, at);
        r = component_start && (**text == '/' || !**text) ? automaton_set(automaton, at, &not_slash) : 0;
        return r < 0 ? r : automaton_star(automaton, at);
}

static int add_tail(struct addition *addition, uint32_t at, const char *text)
{
        bool component_start = false;
        int r = 0;

        while (*text && r == 0) {
                if (strchr("*?[", *text)) {
                        r = add_wildcard(addition, &at, &text, component_start);
                        component_start = r == 0 && text[-1] == '/'; /* on failure it stands where it stood */
                        continue;
                }
                component_start = *text == '/';
                text += *text == '\\';
                r = automaton_byte(addition->target->automaton, &at, (unsigned char)*text++);
        }
        return r < 0 ? r : accept(addition->target, at);
}

static size_t head_length(const char *text)
{
        size_t slash = 0;

        for (size_t i = 0; text[i] && !strchr("*?[", text[i]); i++) {
                if (text[i] == '/')
                        slash = i;
                i += text[i] == '\\';
        }
        return slash;
}

/* The directory before the first wildcard is resolved, the rest matched where that leads. */
static int add_wild(struct addition *addition, const char *text)
{
        const struct pattern_target *target = addition->target;
        char head[PATTERN_LENGTH_MAX], resolved[RESOLVER_PATH_MAX];
        size_t length = head_length(text);
        uint32_t at = 0;
        int r;

        unescape(text, length, head);
        r = resolver_resolve(target->resolver, length ? head : "/", resolved);
        if (r < 0)
                return resolve_error(r, head, addition->err);
        if (!strcmp(resolved, "/"))
                resolved[0] = '\0';
        addition->resolved = arena_format(target->arena, "%s%s", resolved, text + length);
        if (!addition->resolved)
                return -ENOMEM;
        r = add_path(addition, &at, resolved);
        return r < 0 ? r : add_tail(addition, at, text + length);
}

static int add_alternative(const char *text, void *context)
{
        struct addition *addition = context;
        char normal[PATTERN_LENGTH_MAX], path[PATTERN_LENGTH_MAX];
        int r = pattern_normalise(text, normal, addition->err);

        if (r < 0)
                return r;
        if (pattern_has_wildcard(normal))
                return add_wild(addition, normal);
        unescape(normal, strlen(normal), path);
        return add_literal(addition, path);
}

static int limit_error(int r, struct err *err)
{
        if (r == -E2BIG)
                return err_set(err, E2BIG, "the patterns are too many or too long together");
        if (r == -ENOMEM)
                return err_set(err, ENOMEM, "out of memory");
        return r;
}

int pattern_add(const struct pattern_target *target, const char *text, const char **ret_resolved,
                bool *ret_wildcard, struct err *err)
{
        struct addition addition = {.target = target, .err = err};
        int r = pattern_check(text, err);

        if (r < 0)
                return r;
        for (const char *p = text; *p; p++) {
                addition.braces |= *p == '{';
                p += *p == '\\';
        }
        r = pattern_alternatives(text, add_alternative, &addition, err);
        if (r < 0)
                return limit_error(r, err);
        *ret_wildcard = addition.dynamic || pattern_has_wildcard(text);
        *ret_resolved = addition.braces ? arena_copy(target->arena, text, strlen(text)) : addition.resolved;
        return *ret_resolved ? 0 : limit_error(-ENOMEM, err);
}

static int add_abstract(const char *name, void *context)
{
        struct addition *addition = context;
        uint32_t at = 0;
        int r = automaton_byte(addition->target->automaton, &at, '@');

        return r < 0 ? r : add_tail(addition, at, name);
}

int pattern_add_abstract(const struct pattern_target *target, const char *name, struct err *err)
{
        struct addition addition = {.target = target, .err = err, .abstract = true};
        int r = *name ? pattern_check(name, err) : 0;

        if (r < 0)
                return r;
        return limit_error(pattern_alternatives(name, add_abstract, &addition, err), err);
}
