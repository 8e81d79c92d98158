/* SPDX-License-Identifier: Apache-2.0 */
/* Which trampolines serve which code, so that they go when the code goes. Bounded: where the table is full,
 * code is not patched. */
#ifndef FLICKER_AGENT_CODE_MAP_H
#define FLICKER_AGENT_CODE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define AG_CODE_MAX 512 /* patched files in one process at a time */

/* Is there room for one more? */
bool ag_code_map_room(void);

/* Notes that [trampolines, trampolines + length) serve the code in [start, end). */
void ag_code_map_add(uint64_t start, uint64_t end, uint64_t trampolines, uint64_t length);

/* Would unmapping [start, end) take away all of some patched file's code? Cheap; no lock. */
bool ag_code_map_covers(uint64_t start, uint64_t end);

/* [start, end) was unmapped: unmaps the trampolines of code that lies wholly in it. */
void ag_code_map_gone(uint64_t start, uint64_t end);

#endif
