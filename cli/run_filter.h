/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp program, remembered (run_cache.h). Building it takes libseccomp the better part of a
 * millisecond, the same for the same tiers and rules each time.
 */
#ifndef FLICKER_CLI_RUN_FILTER_H
#define FLICKER_CLI_RUN_FILTER_H

#include "broker/base/err.h"
#include "broker/enforce/filter.h"
#include "cli/run_cache.h"

/* directory: of remembered programs, made where missing; NULL for none. As filter_build; but where *ret_entry
 * holds anything, *ret_filter lies in it. */
int run_filter_get(const struct policy *policy, const struct tiers *tiers, const char *directory,
                   struct filter *ret_filter, struct run_cache_entry *ret_entry, struct err *err);

#endif
