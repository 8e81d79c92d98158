/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy's tests share: policies from strings, verdicts as words. */
#ifndef FLICKER_TESTS_POLICY_FIXTURE_H
#define FLICKER_TESTS_POLICY_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/loader.h"

static const struct policy_options fixture_options = {.home = "/home/anna",
                                                      .user = "anna",
                                                      .uid = "1000",
                                                      .cwd = "/home/anna/work",
                                                      .tmpdir = "/tmp/private"};

/* Offline: no file is touched, no symbolic link followed. The braces of the policy are added. */
static inline struct policy *policy_of(const char *members)
{
        struct policy *policy = NULL;
        struct err err = {0};
        char *text = NULL;

        cr_assert(asprintf(&text, "{\"flicker\": 1, %s}", members) > 0);
        cr_assert_eq(policy_load_text(&fixture_options, "test.json", text, strlen(text), &policy, &err), 0,
                     "%s: %s", members, err.message);
        free(text);
        return policy;
}

static inline const char *verdict_word(const struct verdict *verdict)
{
        switch (verdict->outcome) {
        case VERDICT_ALLOW:
                return "allow";
        case VERDICT_DENY:
                return "deny";
        case VERDICT_HIDE:
                return "hide";
        case VERDICT_KILL:
                return "kill";
        }
        return "?";
}

static inline const char *path_word(const struct policy *policy, const char *path, enum path_access access)
{
        struct verdict verdict;

        policy_check_path(policy, path, strlen(path), access, &verdict);
        return verdict_word(&verdict);
}

static inline const char *move_word(const struct policy *policy, const char *source, const char *target)
{
        struct verdict verdict;

        policy_check_move(policy, source, strlen(source), target, strlen(target), &verdict);
        return verdict_word(&verdict);
}

#define check_path(policy, access, path, word)                                                               \
        cr_expect_str_eq(path_word(policy, path, access), word, "%s %s is not %s", #access, path, word)
#define check_move(policy, source, target, word)                                                             \
        cr_expect_str_eq(move_word(policy, source, target), word, "%s to %s is not %s", source, target, word)

#endif
