/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate.h"
#include "agent/signals.h"

        .text

.macro  PLACE name
        .globl  \name
        .hidden \name
\name:
.endm

/*
 * ag_thunks: from the kernel, in place of a handler; or called like a function by a program that found one where
 * it asked for a handler without our help.
 * in:      as a handler: rdi number, rsi information, rdx context, rsp at the return address; the context is
 *          right above that where the kernel did it
 * out:     to the handler, as it would have been entered
 * stack:   an arrival and what ag_signal_arrived takes
 */
        .balign 64
PLACE ag_thunks
.set    number, 0
.rept   AG_THUNKS
        .balign AG_THUNK_BYTES, 0xcc
        movl    $number, %eax
        jmp     ag_signal
.set    number, number + 1
.endr
        .balign AG_THUNK_BYTES, 0xcc

PLACE ag_signal
        leaq    8(%rsp), %rcx
        cmpq    %rcx, %rdx
        jne     ag_signal_left
        leaq    -AG_ARRIVAL_SIZE(%rsp), %rsp
PLACE ag_signal_framed
        movq    $AG_KIND_ARRIVAL, AG_ARRIVAL_KIND(%rsp)
        movq    %rax, AG_ARRIVAL_INDEX(%rsp)
        movq    %rdi, AG_ARRIVAL_RDI(%rsp)
        movq    %rsi, AG_ARRIVAL_RSI(%rsp)
        movq    %rdx, AG_ARRIVAL_RDX(%rsp)
PLACE ag_signal_saved
        movq    %rsp, %rdi
        movq    %rsp, %rbp
        call    ag_signal_arrived
        movq    AG_ARRIVAL_RDX(%rsp), %rdx
        movq    AG_ARRIVAL_RSI(%rsp), %rsi
        movq    AG_ARRIVAL_RDI(%rsp), %rdi
        movq    AG_ARRIVAL_INDEX(%rsp), %rax
        /* Handlers find the interrupted frame pointer: some walk the stack by it. */
        movq    AG_CONTEXT_RBP(%rdx), %rbp
        movq    AG_CONTEXT_RBX(%rdx), %rbx
        movq    AG_CONTEXT_R12(%rdx), %r12
        movq    AG_CONTEXT_R13(%rdx), %r13
        movq    AG_CONTEXT_R14(%rdx), %r14
        movq    AG_CONTEXT_R15(%rdx), %r15
        leaq    AG_ARRIVAL_SIZE(%rsp), %rsp
PLACE ag_signal_left
        leaq    ag_handlers(%rip), %rcx
        movq    (%rcx,%rax,8), %rcx
PLACE ag_signal_go
        xorl    %eax, %eax
        jmp     *%rcx
PLACE ag_signal_end

        .section .note.GNU-stack, "", @progbits
