/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp program, remembered. Building it takes libseccomp the better part of a millisecond, the same
 * for the same tiers and rules each time. A remembered program is used only where all that it was made from
 * is equal byte for byte, in a file of the user's own that nobody else may write; no sandbox may write where
 * it lies (run_sandbox.c sees to that). Every trouble with the cache leads to building anew.
 */
#ifndef FLICKER_CLI_RUN_FILTER_H
#define FLICKER_CLI_RUN_FILTER_H

#include "broker/base/err.h"
#include "broker/enforce/filter.h"

/* directory: of remembered programs, made where missing; NULL for none. As filter_build. */
int run_filter_get(const struct policy *policy, const struct tiers *tiers, const char *directory,
                   struct filter *ret_filter, struct err *err);

#endif
