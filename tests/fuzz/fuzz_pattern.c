/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path patterns against a plain reading of broker/policy/pattern.h. Input: a pattern, a newline, a path.
 * Patterns with classes or escapes, bytes beyond ASCII, or what would be normalised are only loaded and
 * asked.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/policy/loader.h"

#define PATTERN_MAX 48u
#define PATH_LENGTH 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One alternative, braces expanded, being matched with path. tried: what did not match from there. */
struct attempt {
        const char *pattern, *path;
        bool tried[PATTERN_MAX + 1][PATH_LENGTH + 1];
};

static void require(int condition)
{
        if (!condition)
                abort();
}

static bool matches(struct attempt *attempt, size_t p, size_t s);

/* The rest of the pattern at p, after anything from path at s on; with slashes or without. */
static bool after_any(struct attempt *attempt, size_t p, size_t s, bool slashes)
{
        for (;; s++) {
                if (matches(attempt, p, s))
                        return true;
                if (!attempt->path[s] || (!slashes && attempt->path[s] == '/'))
                        return false;
        }
}

/* After a component ** and its slash: nothing, or whole components. */
static bool after_directories(struct attempt *attempt, size_t p, size_t s)
{
        for (;; s++) {
                if ((s == 0 || attempt->path[s - 1] == '/') && matches(attempt, p, s))
                        return true;
                if (!attempt->path[s])
                        return false;
        }
}

static bool matches_stars(struct attempt *attempt, size_t p, size_t s)
{
        const char *pattern = attempt->pattern + p;
        bool starts = p == 0 || pattern[-1] == '/';

        if (pattern[1] == '*' && starts && pattern[2] == '/')
                return after_directories(attempt, p + 3, s);
        if (pattern[1] == '*')
                return after_any(attempt, p + 2, s, true);
        if (starts && (pattern[1] == '/' || !pattern[1]) && (!attempt->path[s] || attempt->path[s] == '/'))
                return false; /* a component that is nothing but * is not empty */
        return after_any(attempt, p + 1, s, false);
}

static bool matches_fresh(struct attempt *attempt, size_t p, size_t s)
{
        char next = attempt->pattern[p];

        if (!next)
                return !attempt->path[s];
        if (next == '*')
                return matches_stars(attempt, p, s);
        if (!attempt->path[s])
                return false;
        if (next == '?')
                return attempt->path[s] != '/' && matches(attempt, p + 1, s + 1);
        return next == attempt->path[s] && matches(attempt, p + 1, s + 1);
}

static bool matches(struct attempt *attempt, size_t p, size_t s)
{
        if (attempt->tried[p][s])
                return false;
        if (matches_fresh(attempt, p, s))
                return true;
        attempt->tried[p][s] = true;
        return false;
}

struct question {
        const char *path;
        bool wildcard; /* the whole pattern has one */
        bool plain;    /* so far nothing that would be normalised */
        bool match;
};

static bool is_plain(const char *alternative)
{
        size_t length = strlen(alternative);

        if (alternative[0] != '/' && strncmp(alternative, "**", 2) != 0)
                return false;
        return length > 1 && alternative[length - 1] != '/' && !strstr(alternative, "//") &&
               !strstr(alternative, "/.") && !strstr(alternative, "***") &&
               (alternative[0] == '/' || !alternative[2] || alternative[2] == '/');
}

static void answer(struct question *question, const char *alternative)
{
        static struct attempt attempt;
        size_t length = strlen(alternative);

        memset(&attempt, 0, sizeof attempt);
        attempt.pattern = alternative;
        attempt.path = question->path;
        question->plain &= is_plain(alternative);
        if (!question->plain)
                return;
        if (question->wildcard)
                question->match |= matches(&attempt, 0, 0);
        else
                question->match |= !strncmp(alternative, question->path, length) &&
                                   (!question->path[length] || question->path[length] == '/');
}

/* The end of the alternative that starts at text: a comma or a closing brace of this depth. */
static const char *alternative_end(const char *text)
{
        for (unsigned depth = 0; *text; text++) {
                if (*text == '{')
                        depth++;
                else if ((*text == ',' || *text == '}') && depth == 0)
                        break;
                else if (*text == '}')
                        depth--;
        }
        return text;
}

/* pattern is one that loads, so its braces are balanced. */
static void expand(struct question *question, const char *pattern)
{
        const char *open = strchr(pattern, '{'), *close, *start, *end;
        char one[PATTERN_MAX * 2];

        if (!open) {
                answer(question, pattern);
                return;
        }
        for (close = open + 1; *(close = alternative_end(close)) == ','; close++)
                ;
        for (start = open + 1;; start = end + 1) {
                end = alternative_end(start);
                snprintf(one, sizeof one, "%.*s%.*s%s", (int)(open - pattern), pattern, (int)(end - start),
                         start, close + 1);
                expand(question, one);
                if (end == close)
                        return;
        }
}

static struct policy *load(const char *pattern)
{
        static const struct policy_options options = {
                .home = "/h", .user = "u", .uid = "1", .cwd = "/w", .tmpdir = "/t"};
        char escaped[PATTERN_MAX * 6 + 1], text[sizeof escaped + 64];
        struct policy *policy = NULL;
        struct err err = {0};

        escape_json(pattern, strlen(pattern), escaped, sizeof escaped);
        snprintf(text, sizeof text, "{\"flicker\": 1, \"files\": {\"read\": [\"%s\"]}}", escaped);
        return policy_load_text(&options, "fuzz.json", text, strlen(text), &policy, &err) < 0 ? NULL : policy;
}

/* Absolute, no "." or "..", no empty component, as the kernel resolves them. */
static bool is_canonical(const char *path)
{
        size_t length = strlen(path);

        if (path[0] != '/' || strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../"))
                return false;
        return length == 1 || (path[length - 1] != '/' && strcmp(path + length - 2, "/.") != 0 &&
                               (length < 3 || strcmp(path + length - 3, "/..") != 0));
}

/* ASCII, and only what the plain reading knows. */
static bool is_simple(const char *text)
{
        for (; *text; text++)
                if (!isgraph((unsigned char)*text) || strchr("[]$~\"\\", *text))
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
        char pattern[PATTERN_MAX] = {0}, path[PATH_LENGTH] = {0};
        struct question question = {.path = path};
        struct verdict verdict;
        struct policy *policy;

        if (!newline || (size_t)(newline - data) >= sizeof pattern ||
            size - (size_t)(newline + 1 - data) >= sizeof path)
                return 0;
        memcpy(pattern, data, (size_t)(newline - data));
        memcpy(path, newline + 1, size - (size_t)(newline + 1 - data));
        policy = is_canonical(path) ? load(pattern) : NULL;
        if (!policy)
                return 0;
        policy_check_path(policy, path, strlen(path), PATH_READ, &verdict);
        question.wildcard = strpbrk(pattern, "*?{") != NULL;
        question.plain = is_simple(pattern) && is_simple(path) && !strstr(pattern, "/proc");
        if (question.plain)
                expand(&question, pattern);
        if (question.plain)
                require(question.match == (verdict.outcome == VERDICT_ALLOW));
        policy_destroy(policy);
        return 0;
}
