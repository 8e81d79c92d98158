/* SPDX-License-Identifier: Apache-2.0 */
/* All that is decided before the program may go: the policy, the tiers, the filter, the Landlock rules, the
 * private temporary directory. */
#ifndef FLICKER_CLI_RUN_SANDBOX_H
#define FLICKER_CLI_RUN_SANDBOX_H

#include <stdbool.h>

#include "broker/enforce/filter.h"
#include "broker/policy/policy.h"
#include "broker/policy/tiers.h"
#include "cli/run_options.h"
#include "cli/run_paths.h"
#include "cli/run_tmpdir.h"

struct run_sandbox {
        struct policy *policy;
        struct tiers tiers;
        struct filter filter;
        int ruleset_fd; /* Landlock, close-on-exec */
        int audit_fd;   /* or -1 */
        int landlock_abi;
        bool warn;
        bool privileged; /* may act with other users' credentials */
        bool has_tmpdir; /* tmpdir was made and is to be removed */
        char tmpdir[RUN_TMPDIR_MAX];
        bool has_cache;
        char cache[PATH_MAX]; /* nothing in the sandbox can write there */
        char plans[PATH_MAX]; /* in it: patch plans */
};

/* Loads the policy. It may come from a pipe and take any time. 0; or -errno with *err, and nothing is left
 * behind. */
int run_sandbox_load(const struct run_options *options, const struct run_paths *paths,
                     struct run_sandbox *ret_sandbox, struct err *err);

/* All the rest, which is quick; signals are blocked, so that the temporary directory does not stay behind. 0;
 * or -errno with *err, and sandbox is finished. */
int run_sandbox_plan(const struct run_options *options, const struct run_paths *paths,
                     struct run_sandbox *sandbox, struct err *err);

/* Removes the temporary directory too. */
void run_sandbox_finish(struct run_sandbox *sandbox);

#endif
