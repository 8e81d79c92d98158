/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate.h"

        .text

/*
 * ag_gate: from a trampoline.
 * in:      rcx is the trampoline's syscall instruction; all else as at the site, but r11 is anything
 * out:     to rcx with every register and the flags as at the site; or to rcx + 2 with the result in rax, the
 *          flags as at the site and in r11, all other registers as at the site
 * clobbers: what the syscall instruction clobbers: rcx, r11
 * stack:   the red zone, 72 bytes, and what ag_syscall takes
 */
        .globl  ag_gate
        .hidden ag_gate
        .type   ag_gate, @object
        .balign 64
ag_gate:
        leaq    -AG_RED_ZONE(%rsp), %rsp        /* not sub: the flags are still the target's */
        pushfq
        pushq   %rcx
        pushq   %rax
        pushq   %r9
        pushq   %r8
        pushq   %r10
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        cld
        movq    %rsp, %rdi
        call    ag_syscall
        testl   %eax, %eax
        movq    AG_FRAME_FLAGS(%rsp), %r11
        jz      1f
        addq    $2, AG_FRAME_RCX(%rsp)
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
        movl    %r11d, %ecx
        movb    %cl, %ah                        /* SF ZF AF PF CF */
        addb    $0x7f, %al                      /* OF again */
        sahf
        movq    AG_FRAME_R9(%rsp), %r9
        movq    AG_FRAME_R8(%rsp), %r8
        movq    AG_FRAME_R10(%rsp), %r10
        movq    AG_FRAME_RDX(%rsp), %rdx
        movq    AG_FRAME_RSI(%rsp), %rsi
        movq    AG_FRAME_RDI(%rsp), %rdi
        movq    AG_FRAME_RAX(%rsp), %rax
        movq    AG_FRAME_RCX(%rsp), %rcx
        leaq    (AG_FRAME_FLAGS + 8 + AG_RED_ZONE)(%rsp), %rsp
        jmp     *%rcx
        .size   ag_gate, . - ag_gate

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
