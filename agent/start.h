/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's life before the program's: it learns what to run, maps and patches it, and makes way. */
#ifndef FLICKER_AGENT_START_H
#define FLICKER_AGENT_START_H

#define AG_START_RESERVE 16384 /* bytes that _start leaves below the initial stack: ag_stack_build twice */

#ifndef __ASSEMBLER__

#include <stdint.h>

/* Where to go: returned in rax and rdx. */
struct ag_departure {
        uint64_t stack, entry;
};

/* initial is the kernel's initial stack. Does not return where the program cannot be run. */
struct ag_departure ag_start(uint64_t *initial);

#endif
#endif
