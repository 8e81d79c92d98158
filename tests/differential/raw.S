/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw_patched(nr, args), raw_unpatched(nr, args): rdi = number, rsi = six arguments; the result in rax. The first has
 * its syscall instruction in the open. The second jumps into the middle of another instruction, where 0f 05 c3
 * (syscall; ret) are bytes of a constant: whoever disassembles the file does not find it.
 */
        .text
        .macro load
        mov %rdi, %rax
        mov %rsi, %r11
        mov 0(%r11), %rdi
        mov 8(%r11), %rsi
        mov 16(%r11), %rdx
        mov 24(%r11), %r10
        mov 32(%r11), %r8
        mov 40(%r11), %r9
        .endm

        .globl raw_patched
        .type raw_patched, @function
raw_patched:
        endbr64
        load
        syscall
        ret
        .size raw_patched, . - raw_patched

        .globl raw_unpatched
        .type raw_unpatched, @function
raw_unpatched:
        endbr64
        load
        push %rbx
        lea constant(%rip), %rbx
        inc %rbx
        call *%rbx
        pop %rbx
        ret
constant:
        .byte 0xb8, 0x0f, 0x05, 0xc3, 0x00 /* mov $0xc3050f, %eax */
        ret
        .size raw_unpatched, . - raw_unpatched

        .section .note.GNU-stack, "", @progbits
