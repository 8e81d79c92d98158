/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for work that is too big for the target's stack: loading an image, applying a patch plan. One is
 * kept from one time to the next: most programs load their libraries one behind the other, and unmapping
 * costs more than mapping.
 */
#ifndef FLICKER_AGENT_WORKSPACE_H
#define FLICKER_AGENT_WORKSPACE_H

#include <stddef.h>
#include <stdint.h>

#define AG_WORKSPACE_STACK   (48u << 10)
#define AG_WORKSPACE_HEADERS (64u << 10) /* as many program headers as the kernel takes */
#define AG_WORKSPACE_PATH    4096u
#define AG_WORKSPACE_PLAN    (144u << 10) /* holds the plan of nearly every file; larger ones get a mapping */

struct ag_workspace {
        uint8_t stack[AG_WORKSPACE_STACK];
        uint8_t headers[AG_WORKSPACE_HEADERS];
        char path[AG_WORKSPACE_PATH];
        _Alignas(16) uint8_t plan[AG_WORKSPACE_PLAN];
};

/* NULL where there is no memory. */
struct ag_workspace *ag_workspace_take(void);
void ag_workspace_release(struct ag_workspace *workspace);

#endif
