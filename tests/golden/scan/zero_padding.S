/* SPDX-License-Identifier: Apache-2.0 */
/* Some compilers fill up with zeroes between functions, and tell nobody where those begin (Free Pascal). */
start:
        .rept   16
        mov     %rdi, %rax
        add     %rsi, %rax
        .endr
        ret
        .balign 16, 0
        mov     %rdi, %rax
        mov     %rsi, %rdi
        syscall
        cmp     $-4095, %rax
        jb      1f
        neg     %rax
        mov     %rax, %rdi
        mov     $-1, %rax
        lea     -8(%rsp), %rsp
1:      lea     8(%rsp), %rsp
        ret
        nop
