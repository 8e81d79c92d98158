/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in data, by relocation, are branch targets: here of the syscall. */
        .type   work, @function
work:
        mov     %ebx, %ecx
        mov     $9, %eax
resume: syscall
        mov     %rax, %rbx
        ret
        .size   work, . - work
        .data
        .balign 8
        .quad   resume
