/* SPDX-License-Identifier: Apache-2.0 */
/* The child between clone and exec. Until then it has the guardian's memory and descriptors, while the
 * guardian waits; nothing of it is left in the program but Landlock, the filter and no_new_privs. */
#ifndef FLICKER_CLI_RUN_CHILD_H
#define FLICKER_CLI_RUN_CHILD_H

#include "cli/run_launch.h"

/* Becomes the program. What fails is left in launch->state. */
_Noreturn void run_child(const struct run_launch *launch);

#endif
