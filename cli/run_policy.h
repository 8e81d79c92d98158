/* SPDX-License-Identifier: Apache-2.0 */
/* From the command line and the environment to a loaded policy; flickerctl loads in the same way. */
#ifndef FLICKER_CLI_RUN_POLICY_H
#define FLICKER_CLI_RUN_POLICY_H

#include "broker/base/err.h"
#include "broker/policy/policy.h"
#include "cli/run_cache.h"
#include "cli/run_paths.h"

struct run_policy_request {
        const char *reference; /* FILE or NAME; NULL: the shipped default */
        const struct policy_variable *variables;
        size_t variable_count;
        const struct policy_extra_rule *extra;
        size_t extra_count;
        const char *tmpdir; /* what $TMPDIR stands for */
        const char *cache;  /* directory of remembered policies, or NULL */
};

/* *ret_image is released after the policy is destroyed. */
int run_policy_load(const struct run_policy_request *request, const struct run_paths *paths,
                    struct policy **ret_policy, struct run_cache_entry *ret_image, struct err *err);

/* Does path name an existing directory or device node? For tiers_plan. */
bool run_policy_is_directory(const char *path);

#endif
