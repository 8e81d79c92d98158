/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLICKER_CLI_RUN_ENCLOSE_H
#define FLICKER_CLI_RUN_ENCLOSE_H

#include "cli/run_paths.h"
#include "cli/run_sandbox.h"

/* Before anything is forked: from here on flicker-run reaches only the files that the policy can grant and
 * those that it needs itself (landlock_enclose). 0 or -errno with *err. */
int run_enclose(const struct run_paths *paths, const struct run_sandbox *sandbox, struct err *err);

#endif
