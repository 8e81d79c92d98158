/* SPDX-License-Identifier: Apache-2.0 */
/* A jump table leads into what would be the window in front; the one behind is free, and what makes room has no part of it. */
        .type   dispatch, @function
dispatch:
        lea     table(%rip), %rdx
        movslq  (%rdx,%rdi,4), %rax
        add     %rdx, %rax
        notrack jmp *%rax
1:      mov     %ebx, %ecx
2:      mov     %edx, %esi
3:      syscall
        cmp     $-4095, %rax
        ret
        .size   dispatch, . - dispatch
        .section .rodata
        .balign 4
table:  .long   1b - table, 2b - table, 3b - table
