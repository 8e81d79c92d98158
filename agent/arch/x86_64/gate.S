/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate.h"

#include <asm/unistd.h>

        .text

/* A place that agent/signals.c compares an interrupted program counter with. */
.macro  PLACE name
        .globl  \name
        .hidden \name
\name:
.endm

/*
 * ag_gate: from a trampoline.
 * in:      rcx is where to run the syscall instruction; all else as at the site, but r11 is anything
 * out:     to rcx with every register and the flags as at the site; or to rcx + 2 with the result in rax, the
 *          flags as at the site and in r11, all other registers as at the site
 * clobbers: what the syscall instruction clobbers: rcx, r11
 * stack:   the red zone, the frame, and what ag_syscall takes
 *
 * Registers keep their values until ag_gate_saved, and the frame from there to ag_gate_left.
 */
        .hidden ag_gate
        .globl  ag_gate
        .type   ag_gate, @object
        .balign 64
ag_gate:
        leaq    -AG_RED_ZONE(%rsp), %rsp        /* not sub: the flags are still the target's */
PLACE ag_gate_lowered
        pushfq
PLACE ag_gate_flags
        leaq    -AG_FRAME_FLAGS(%rsp), %rsp
PLACE ag_gate_framed
        movq    $AG_KIND_GATE, AG_FRAME_KIND(%rsp)
        movq    %rdi, AG_FRAME_RDI(%rsp)
        movq    %rsi, AG_FRAME_RSI(%rsp)
        movq    %rdx, AG_FRAME_RDX(%rsp)
        movq    %r10, AG_FRAME_R10(%rsp)
        movq    %r8, AG_FRAME_R8(%rsp)
        movq    %r9, AG_FRAME_R9(%rsp)
        movq    %rax, AG_FRAME_RAX(%rsp)
        movq    %rcx, AG_FRAME_RCX(%rsp)
        movq    %rbx, AG_FRAME_RBX(%rsp)
        movq    %rbp, AG_FRAME_RBP(%rsp)
        movq    %r12, AG_FRAME_R12(%rsp)
        movq    %r13, AG_FRAME_R13(%rsp)
        movq    %r14, AG_FRAME_R14(%rsp)
        movq    %r15, AG_FRAME_R15(%rsp)
        movq    $AG_RAN_NOT, AG_FRAME_RAN(%rsp)
        movq    $-1, AG_FRAME_SLOT(%rsp)        /* and the generation */
PLACE ag_gate_saved
        cld
        movq    %rsp, %rdi
        movq    %rsp, %rbp
        call    ag_syscall
        movq    AG_FRAME_RCX(%rsp), %rcx
        movq    AG_FRAME_FLAGS(%rsp), %r11
        movq    AG_FRAME_RAX(%rsp), %rsi
        testl   %eax, %eax
        jz      1f
        addq    $2, %rcx
        movq    AG_FRAME_RAN(%rsp), %rsi
1:
        /* Flags: C code changed the arithmetic ones and cld the direction. popfq would take them all, but costs
         * nine times as much. */
        testl   $0x400, %r11d
        jz      2f
        std
2:
        movl    %r11d, %eax
        shrl    $11, %eax
        andl    $1, %eax                        /* the overflow flag */
        movl    %r11d, %edx
        movb    %dl, %ah                        /* SF ZF AF PF CF */
        addb    $0x7f, %al                      /* OF again */
        sahf
        movq    %rsi, %rax
        movq    AG_FRAME_R9(%rsp), %r9
        movq    AG_FRAME_R8(%rsp), %r8
        movq    AG_FRAME_R10(%rsp), %r10
        movq    AG_FRAME_RDX(%rsp), %rdx
        movq    AG_FRAME_RSI(%rsp), %rsi
        movq    AG_FRAME_RDI(%rsp), %rdi
        movq    AG_FRAME_RBP(%rsp), %rbp
        leaq    (AG_FRAME_FLAGS + 8 + AG_RED_ZONE)(%rsp), %rsp
PLACE ag_gate_left
        jmp     *%rcx
PLACE ag_gate_end
        .size   ag_gate, . - ag_gate

/*
 * long ag_frame_run(struct ag_frame *frame, uint64_t rsi)
 * in:      rdi, rsi as declared
 * out:     rax is frame->ran
 * clobbers: the caller-saved registers
 *
 * The frame stands in the frame pointer, where a signal's wrapper looks for it. What a syscall gave is in one of
 * two places at any instruction: rax at ag_frame_ran, and the frame.
 */
        .globl  ag_frame_run
        .hidden ag_frame_run
        .type   ag_frame_run, @function
        .balign 16
ag_frame_run:
        movq    AG_FRAME_RAN(%rdi), %rax
        cmpq    $AG_RAN_NOT, %rax
        jne     1f
        pushq   %rbp
        movq    %rdi, %rbp
        movq    AG_FRAME_RAX(%rbp), %rax
        movq    AG_FRAME_RDI(%rbp), %rdi
        movq    AG_FRAME_RDX(%rbp), %rdx
        movq    AG_FRAME_R10(%rbp), %r10
        movq    AG_FRAME_R8(%rbp), %r8
        movq    AG_FRAME_R9(%rbp), %r9
ag_frame_call:
        syscall
PLACE ag_frame_ran
        movq    %rax, AG_FRAME_RAN(%rbp)
        popq    %rbp
1:
        ret
        .size   ag_frame_run, . - ag_frame_run

/*
 * long ag_frame_send(struct ag_frame *frame, uint64_t data, uint64_t size)
 * in:      rdi, rsi, rdx as declared
 * out, clobbers: as ag_frame_run, whose instruction it is
 */
        .globl  ag_frame_send
        .hidden ag_frame_send
        .type   ag_frame_send, @function
        .balign 16
ag_frame_send:
        pushq   %rbp
        movq    %rdi, %rbp
        movl    $__NR_sendto, %eax
        movq    AG_FRAME_RDX(%rbp), %r10
        movq    AG_FRAME_RDI(%rbp), %rdi
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        jmp     ag_frame_call
        .size   ag_frame_send, . - ag_frame_send

/*
 * void ag_on_stack(void (*function)(void *), void *argument, void *top)
 * in:      rdi, rsi, rdx as declared
 * clobbers: the caller-saved registers
 */
        .globl  ag_on_stack
        .hidden ag_on_stack
        .type   ag_on_stack, @function
        .balign 16
ag_on_stack:
        pushq   %rbp
        movq    %rsp, %rbp
        movq    %rdx, %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        call    *%rax
        movq    %rbp, %rsp
        popq    %rbp
        ret
        .size   ag_on_stack, . - ag_on_stack

        .section .note.GNU-stack, "", @progbits
