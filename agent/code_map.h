/* SPDX-License-Identifier: Apache-2.0 */
/* Which trampolines serve which code, so that they go when the code goes. Bounded: where the table is full,
 * code is not patched. */
#ifndef FLICKER_AGENT_CODE_MAP_H
#define FLICKER_AGENT_CODE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/trampoline.h"

#define AG_CODE_MAX 512 /* patched files in one process at a time */

/* Is there room for one more? */
bool ag_code_map_room(void);

/* Notes that [trampolines, trampolines + length) serve the code in [start, end). */
void ag_code_map_add(uint64_t start, uint64_t end, uint64_t trampolines, uint64_t length);

/* Would unmapping [start, end) take away all of some patched file's code? Cheap; no lock. */
bool ag_code_map_covers(uint64_t start, uint64_t end);

/* A patched site. */
struct ag_site {
        uint64_t window;     /* where the jump to the trampoline stands */
        uint64_t trampoline; /* its first instruction */
        uint64_t native;     /* the syscall instruction that runs: the original one, or the trampoline's */
        struct ag_note note;
};

/* Is address in a trampoline, or at a jump on the way there that is not the program's? No lock, as below. */
bool ag_code_map_is_ours(uint64_t address);

/* The site whose syscall instruction is at address, or whose trampoline or way there has it. Takes no lock: a
 * signal handler asks, of code that it interrupted, so that it is there. */
bool ag_code_map_site(uint64_t address, struct ag_site *ret_site);

/* [start, end) was unmapped: unmaps the trampolines of code that lies wholly in it. */
void ag_code_map_gone(uint64_t start, uint64_t end);

/* Is any patched file's code in [start, end)? Cheap; no lock. */
bool ag_code_map_touches(uint64_t start, uint64_t end);

/* Calls function with the trampolines of each file whose code is in [start, end). */
void ag_code_map_visit(uint64_t start, uint64_t end, void (*function)(uint64_t trampolines, uint64_t length));

#endif
