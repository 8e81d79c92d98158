/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy, remembered (run_cache.h). Beside the request it rests on the policy's files and on
 * what its paths lead to, so an entry also holds what was seen of both, and counts only where it is seen
 * again: files by identity, size and times; a path's links by the directories they stand in, and one by one
 * where a directory has changed.
 */
#ifndef FLICKER_CLI_RUN_POLICY_CACHE_H
#define FLICKER_CLI_RUN_POLICY_CACHE_H

#include "broker/policy/policy.h"
#include "cli/run_cache.h"

/* As policy_load. directory: of remembered policies, or NULL for none. The policy may lie in *ret_image,
 * which is released after the policy is destroyed. */
int run_policy_cache_load(const struct policy_options *options, const char *directory,
                          struct policy **ret_policy, struct run_cache_entry *ret_image, struct err *err);

#endif
