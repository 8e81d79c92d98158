/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/start.h"

        .text

/*
 * _start: from the kernel.
 * in:      rsp is the initial stack: argc, argv, envp, auxiliary vector
 * out:     to the program's or its interpreter's entry, with the stack that ag_start built and every other
 *          register zero, as the kernel has them (ELF_PLAT_INIT); rdx zero means no function for atexit
 */
        .globl  _start
        .hidden _start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp
        movq    %rsp, %rdi
        leaq    -AG_START_RESERVE(%rsp), %rsp
        andq    $-16, %rsp
        call    ag_start
        /* rax is the stack pointer, rdx the entry */
        movq    %rax, %rsp
        movq    %rdx, -8(%rsp)
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %esi, %esi
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        xorl    %r12d, %r12d
        xorl    %r13d, %r13d
        xorl    %r14d, %r14d
        xorl    %r15d, %r15d
        jmp     *-8(%rsp)
        .size   _start, . - _start

        .section .note.GNU-stack, "", @progbits
