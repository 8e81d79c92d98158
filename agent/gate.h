/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: where trampolines go with a syscall that may not have to reach the kernel. arch/x86_64/gate.S
 * saves the registers on the target's stack, below the red zone, and calls ag_syscall; a signal that arrives
 * there nests like in any function.
 *
 * Goroutine and signal stacks are small, so all of it stays below 512 bytes; what needs more runs on a stack
 * of its own (ag_on_stack).
 */
#ifndef FLICKER_AGENT_GATE_H
#define FLICKER_AGENT_GATE_H

/* Offsets for the assembly. */
#define AG_FRAME_RDI   0
#define AG_FRAME_RSI   8
#define AG_FRAME_RDX   16
#define AG_FRAME_R10   24
#define AG_FRAME_R8    32
#define AG_FRAME_R9    40
#define AG_FRAME_RAX   48
#define AG_FRAME_RCX   56
#define AG_FRAME_FLAGS 64
#define AG_RED_ZONE    128

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

/* The registers of a syscall at its site. */
struct ag_frame {
        union {
                struct {
                        uint64_t rdi, rsi, rdx, r10, r8, r9;
                };
                uint64_t args[6];
        };
        uint64_t rax;    /* the number; then the result */
        uint64_t native; /* where the trampoline has its own syscall instruction */
        uint64_t flags;
};

_Static_assert(offsetof(struct ag_frame, r9) == AG_FRAME_R9, "frame layout");
_Static_assert(offsetof(struct ag_frame, rax) == AG_FRAME_RAX, "frame layout");
_Static_assert(offsetof(struct ag_frame, native) == AG_FRAME_RCX, "frame layout");
_Static_assert(offsetof(struct ag_frame, flags) == AG_FRAME_FLAGS, "frame layout");

enum ag_outcome {
        AG_NATIVE = 0,  /* the trampoline runs the instruction, with every register as at the site */
        AG_HANDLED = 1, /* frame->rax is the result */
};

/* Called by the gate. */
long ag_syscall(struct ag_frame *frame);

/* The assembly's entry; not a C function. */
extern const char ag_gate[];

/* Calls function(argument) on the stack that ends at top (a multiple of 16). */
void ag_on_stack(void (*function)(void *argument), void *argument, void *top);

#endif
#endif
