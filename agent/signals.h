/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that arrive in agent code. The program's handler is to see what it would have seen natively: a
 * program that stands at its own instruction, before a syscall or behind it, with the registers of that
 * moment.
 *
 * So a handler that the program sets from a patched site is not given to the kernel itself, but one of our
 * thunks, which knows the handler by its number. All else (flags, mask, restorer, alternate stack) is the
 * program's, and the kernel stays the only one who knows what is set for which signal: nothing here has to be
 * kept in step with it, by threads, by fork, or by a vfork child that shares this memory but not the actions.
 * The thunk looks where the signal hit (arch/x86_64/signal.S). In the program's code it goes to the handler.
 * In the agent's it first brings the syscall to its end, or takes it back, and rewrites the saved registers
 * to those of the site; what the handler makes of them is then in force.
 *
 * A handler that is set elsewhere (from code that is not patched, or when thunks have run out) may see an
 * agent's address; nothing else is different. Nothing here is trusted by the broker.
 */
#ifndef FLICKER_AGENT_SIGNALS_H
#define FLICKER_AGENT_SIGNALS_H

#define AG_THUNKS      256 /* different handlers in one process; more are set as they are */
#define AG_THUNK_BYTES 16

#define AG_ARRIVAL_KIND  0
#define AG_ARRIVAL_INDEX 8
#define AG_ARRIVAL_RDI   16
#define AG_ARRIVAL_RSI   24
#define AG_ARRIVAL_RDX   32
#define AG_ARRIVAL_SIZE  40
#define AG_CONTEXT_R12   72 /* in the kernel's struct ucontext */
#define AG_CONTEXT_R13   80
#define AG_CONTEXT_R14   88
#define AG_CONTEXT_R15   96
#define AG_CONTEXT_RBP   120
#define AG_CONTEXT_RBX   128

#ifndef __ASSEMBLER__

#include <stdint.h>

#include "agent/gate.h"

/* What a thunk saves while C code runs. */
struct ag_arrival {
        uint64_t kind; /* AG_KIND_ARRIVAL, as in struct ag_frame */
        uint64_t index;
        uint64_t number, information, context; /* the handler's arguments */
};

/* Called by the thunks. */
void ag_signal_arrived(struct ag_arrival *arrival);

/* rt_sigaction. */
enum ag_outcome ag_hook_handler(struct ag_frame *frame);

/* Blocks every signal of the calling thread; ret_before is for ag_signals_restore. */
void ag_signals_block(uint64_t *ret_before);
void ag_signals_restore(uint64_t before);

/* What thunks stand for, in the order of their numbers, 0 behind the last. */
extern uint64_t ag_handlers[AG_THUNKS];

/* Places in the assembly, as in gate.h. */
extern const char ag_thunks[];        /* the first of AG_THUNKS */
extern const char ag_signal[];        /* rax is the thunk's number */
extern const char ag_signal_framed[]; /* the stack pointer is at the arrival, which is being filled */
extern const char ag_signal_saved[];  /* it is complete, until ... */
extern const char ag_signal_left[];   /* all is as the handler is to find it, but rax is the number */
extern const char ag_signal_go[];     /* rcx is the handler */
extern const char ag_signal_end[];

#endif
#endif
