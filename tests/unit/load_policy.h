/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a policy from a text. */
#ifndef FLICKER_TESTS_LOAD_POLICY_H
#define FLICKER_TESTS_LOAD_POLICY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/policy/policy.h"

/* The policy whose members, after the version, are members ("\"name\": ..."). */
static inline struct policy *load_policy(const char *members)
{
        char name[] = "/tmp/flicker-test-XXXXXX.json";
        int fd = mkstemps(name, 5);
        struct policy_options options = {
                .reference = name,
                .home = "/home/nobody",
                .user = "nobody",
                .uid = "65534",
                .cwd = "/",
                .tmpdir = "/tmp/flicker-test-tmpdir",
        };
        struct policy *policy = NULL;
        struct err err = {0};
        FILE *file;

        cr_assert(fd >= 0);
        file = fdopen(fd, "w");
        fprintf(file, "{ \"flicker\": 1%s%s }\n", *members ? ", " : "", members);
        fclose(file);
        if (policy_load(&options, &policy, &err) < 0)
                cr_assert_fail("%s", err.message);
        unlink(name);
        return policy;
}

#endif
