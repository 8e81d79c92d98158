/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: where trampolines go with a syscall that may not have to reach the kernel. arch/x86_64/gate.S
 * saves the registers on the target's stack, below the red zone, and calls ag_syscall.
 *
 * A signal may arrive at any instruction, and its handler has to see the program as if that had stood at the
 * site (agent/signals.h). So the C code here never goes on after a handler: it is started over from the top,
 * by ag_settle, and what it did already it finds in the frame. Whatever has an effect that lasts is therefore
 * either done by ag_frame_run, which records in the same instruction that it was done, or with signals
 * blocked from before it until ag_frame_finish.
 *
 * Goroutine and signal stacks are small, so all of it stays below 512 bytes; what needs more runs on a stack
 * of its own (ag_on_stack).
 */
#ifndef FLICKER_AGENT_GATE_H
#define FLICKER_AGENT_GATE_H

/* Offsets for the assembly. */
#define AG_FRAME_KIND   0
#define AG_FRAME_RDI    8
#define AG_FRAME_RSI    16
#define AG_FRAME_RDX    24
#define AG_FRAME_R10    32
#define AG_FRAME_R8     40
#define AG_FRAME_R9     48
#define AG_FRAME_RAX    56
#define AG_FRAME_RCX    64
#define AG_FRAME_RBX    72
#define AG_FRAME_RBP    80
#define AG_FRAME_R12    88
#define AG_FRAME_R13    96
#define AG_FRAME_R14    104
#define AG_FRAME_R15    112
#define AG_FRAME_RAN    120
#define AG_FRAME_SLOT   128
#define AG_FRAME_FLAGS  136
#define AG_RED_ZONE     128
#define AG_RAN_NOT      (-0x7fffffff - 1) /* in ran: what no syscall returns */
#define AG_KIND_GATE    1
#define AG_KIND_ARRIVAL 2
#define AG_KIND_LIMIT   16 /* below any address */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The registers of a syscall at its site, and how far it is. */
struct ag_frame {
        /* Where the frame pointer points while C code runs: it ends the chain of them, and says at what.
         * AG_KIND_GATE, and AG_KIND_FINISHED once ran is the syscall's result and nothing is left to do. */
        uint64_t kind;
        union {
                struct {
                        uint64_t rdi, rsi, rdx, r10, r8, r9;
                };
                uint64_t args[6];
        };
        uint64_t rax;    /* the number */
        uint64_t native; /* where the trampoline has its own syscall instruction, or the site */
        uint64_t rbx, rbp, r12, r13, r14, r15;
        int64_t ran;         /* AG_RAN_NOT, or what the kernel or the ring gave */
        uint32_t slot;       /* of the ring; AG_NO_SLOT */
        uint32_t generation; /* with which it was submitted; AG_NO_SLOT where it was not */
        uint64_t flags;
};

#define AG_KIND_FINISHED 4u /* a bit */
#define AG_NO_SLOT       UINT32_MAX

_Static_assert(offsetof(struct ag_frame, r9) == AG_FRAME_R9, "frame layout");
_Static_assert(offsetof(struct ag_frame, rax) == AG_FRAME_RAX, "frame layout");
_Static_assert(offsetof(struct ag_frame, native) == AG_FRAME_RCX, "frame layout");
_Static_assert(offsetof(struct ag_frame, r15) == AG_FRAME_R15, "frame layout");
_Static_assert(offsetof(struct ag_frame, ran) == AG_FRAME_RAN, "frame layout");
_Static_assert(offsetof(struct ag_frame, slot) == AG_FRAME_SLOT, "frame layout");
_Static_assert(offsetof(struct ag_frame, flags) == AG_FRAME_FLAGS, "frame layout");

enum ag_outcome {
        AG_NATIVE = 0,  /* the trampoline runs the instruction, with every register as at the site */
        AG_HANDLED = 1, /* frame->ran is the result */
};

/* Called by the gate. enum ag_outcome. */
long ag_syscall(struct ag_frame *frame);

/* A signal interrupted ag_syscall for good: brings what was begun to its end, or takes it back (AG_NATIVE).
 * With every signal blocked, and so that nothing is waited for that a signal should end. */
enum ag_outcome ag_settle(struct ag_frame *frame);

/* Is this an open that may wait for somebody else, and so be interrupted by a signal (of a FIFO, a terminal)?
 */
bool ag_open_may_wait(uint32_t nr, uint64_t rdi, uint64_t rsi);

/* The frame's syscall, with rsi for its second argument, once: where it ran before, what it gave then. */
long ag_frame_run(struct ag_frame *frame, uint64_t rsi);

/* The frame's sendmsg, which has not run yet, as a sendto of size bytes at data. */
long ag_frame_send(struct ag_frame *frame, uint64_t data, uint64_t size);

/* There is nothing left to do: result is what the program gets. */
enum ag_outcome ag_frame_finish(struct ag_frame *frame, long result);

/* The assembly's entry; not a C function. */
extern const char ag_gate[];

/* Places in the assembly, for ag_signals. Each names the state in which the instruction there finds things.
 */
extern const char ag_gate_lowered[]; /* the stack pointer is below the red zone */
extern const char ag_gate_flags[];   /* the flags are pushed */
extern const char ag_gate_framed[];  /* the stack pointer is at the frame, which is being filled */
extern const char ag_gate_saved[];   /* the frame is complete, and the stack pointer at it, until ... */
extern const char ag_gate_left[];    /* all is as at the site again, and rcx is where to go */
extern const char ag_gate_end[];
extern const char ag_frame_ran[]; /* rax is what ag_frame_run's syscall gave, not recorded yet */

/* Calls function(argument) on the stack that ends at top (a multiple of 16). */
void ag_on_stack(void (*function)(void *argument), void *argument, void *top);

#endif
#endif
