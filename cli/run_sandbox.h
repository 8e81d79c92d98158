/* SPDX-License-Identifier: Apache-2.0 */
/* All that is decided before the program may go: the policy, the tiers, the filter, the Landlock rules, the
 * private temporary directory. */
#ifndef FLICKER_CLI_RUN_SANDBOX_H
#define FLICKER_CLI_RUN_SANDBOX_H

#include <stdbool.h>

#include "broker/enforce/filter.h"
#include "broker/policy/policy.h"
#include "broker/policy/tiers.h"
#include "cli/run_cache.h"
#include "cli/run_options.h"
#include "cli/run_paths.h"
#include "cli/run_tmpdir.h"

/* What is flicker's own and no sandbox's to change. */
enum run_own {
        RUN_OWN_CACHE,         /* the one in use */
        RUN_OWN_CACHE_DEFAULT, /* the one that is when XDG_CACHE_HOME says nothing */
        RUN_OWN_PROGRAM,
        RUN_OWN_HELPERS,
        RUN_OWN_COUNT,
};

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
        bool has_cache;                      /* nothing in the sandbox can write there */
        char *plans;                         /* in it: patch plans */
        char *filters;                       /* seccomp programs */
        char *policies;                      /* compiled policies */
        char *own[RUN_OWN_COUNT];            /* resolved, or NULL */
        char *guarded[RUN_OWN_COUNT];        /* pattern of one that has to be denied, or NULL */
        struct run_cache_entry image;        /* what the policy lies in, perhaps */
        struct run_cache_entry filter_image; /* likewise */
};

/* sandbox is zeroed, and to be finished in any case. 0; or -errno with *err. */
int run_sandbox_init(const struct run_paths *paths, struct run_sandbox *sandbox, struct err *err);

/* Loads the policy, which gets to know the name of a temporary directory that it may want. 0; or -errno with
 * *err. */
int run_sandbox_load(const struct run_options *options, const struct run_paths *paths,
                     struct run_sandbox *sandbox, struct err *err);

/* Makes the temporary directory, where the policy uses it. 0; -EEXIST where somebody else took the name
 * meanwhile: the policy is to be loaded again; or -errno with *err. */
int run_sandbox_make_tmpdir(struct run_sandbox *sandbox, struct err *err);

/* Opens the audit log. It may be a FIFO that nobody reads yet, and take any time. 0; or -errno with *err. */
int run_sandbox_open_audit(const char *audit, struct run_sandbox *sandbox, struct err *err);

/* All the rest, which is quick. inherits: the program may get descriptors beyond the standard ones. 0; or
 * -errno with *err. */
int run_sandbox_plan(const struct run_options *options, const struct run_paths *paths, bool inherits,
                     struct run_sandbox *sandbox, struct err *err);

/* Removes the temporary directory, closes what is open. Memory goes with the process: giving it back piece by
 * piece takes longer. */
void run_sandbox_finish(struct run_sandbox *sandbox);

#endif
