/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel remembers of an image since its exec, and shows in /proc/PID/auxv and /proc/PID/stat: of
 * the program, so that a debugger which attaches finds it, not of the agent, which was executed in its place.
 */
#ifndef FLICKER_AGENT_DESCRIBE_H
#define FLICKER_AGENT_DESCRIBE_H

#include <stdint.h>

#include "agent/image.h"
#include "agent/stack.h"

/* stack is the one that the program starts with, its auxiliary vector filled in. The broker lets this happen
 * once, where it says so (FL_HELLO_DESCRIBE; prctl(2), PR_SET_MM_MAP). Where the kernel cannot
 * (CONFIG_CHECKPOINT_RESTORE), it goes on showing the agent. */
void ag_describe(const struct ag_image *program, const struct ag_strings *strings, uint64_t *stack);

#endif
