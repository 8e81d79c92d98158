/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The initial stack: argument count and pointers, environment pointers, auxiliary vector (System V ABI for
 * x86-64, 3.4.1). What the kernel built for the agent is turned into what it would have built for the
 * program.
 */
#ifndef FLICKER_AGENT_STACK_H
#define FLICKER_AGENT_STACK_H

#include <stdint.h>

#include "agent/image.h"
#include "proto/call.h"

/* Bytes below the initial stack that ag_stack_build writes to at most; _start keeps them free. */
#define AG_STACK_RESERVE 8192

/* Words before a script's name; four levels of "#!" with an argument each make eight. */
#define AG_SCRIPT_ARGUMENTS_MAX 16

/* What the auxiliary vector has to say of the program. */
struct ag_auxiliary {
        uint64_t headers, header_count; /* AT_PHDR, AT_PHNUM */
        uint64_t entry;                 /* AT_ENTRY */
        uint64_t base;                  /* AT_BASE: of the interpreter, or 0 */
};

/* Where the kernel has put the strings of an initial stack: each part ends where the next begins. */
struct ag_strings {
        uint64_t arguments, environment, end;
};

/* Of an initial stack as the kernel has made it. */
struct ag_strings ag_stack_strings(uint64_t *initial);

/* The auxiliary vector of the block at initial, AT_NULL with it. */
struct ag_span ag_stack_auxiliary(uint64_t *initial);

/* Rewrites the block at initial in place and downwards: script arguments inserted, strings of hello copied to
 * where they last, auxiliary vector filled in. Returns the stack pointer to start with, a multiple of 16. */
uint64_t ag_stack_build(uint64_t *initial, const struct fl_hello *hello,
                        const struct ag_auxiliary *auxiliary);

#endif
