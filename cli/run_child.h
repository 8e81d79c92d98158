/* SPDX-License-Identifier: Apache-2.0 */
/* The child between fork and exec. Only async-signal-safe calls happen in it; nothing of it is left in the
 * program but Landlock, the filter and no_new_privs. */
#ifndef FLICKER_CLI_RUN_CHILD_H
#define FLICKER_CLI_RUN_CHILD_H

#include "cli/run_launch.h"

/* Becomes the program. guardian is the parent's process id. What fails is left in launch->state. */
_Noreturn void run_child(const struct run_launch *launch, pid_t guardian);

#endif
