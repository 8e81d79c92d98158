/* SPDX-License-Identifier: Apache-2.0 */
/* No window is sound here. Where the bytes behind it lead back far enough, there is a pun. */
        .type   calls, @function
calls:
        call    calls
        syscall
        call    calls
        ret
        .size   calls, . - calls
        .type   inside, @function
inside:
        call    calls
        mov     %edi, %edi
1:      mov     %esi, %esi
2:      syscall
3:      test    %eax, %eax
        je      1b
        jl      2b
        jg      3b
        ret
        .size   inside, . - inside
        .type   counted, @function
counted:
        call    calls
        syscall
        jrcxz   4f
        nop
4:      call    calls
        syscall
        loop    4b
        ret
        .size   counted, . - counted
        .type   landing, @function
landing:
        endbr64
        syscall
        endbr64
        ret
        .size   landing, . - landing
        .type   taken, @function
taken:
        lea     5f(%rip), %rcx
        mov     $1, %al
5:      mov     %al, %al
        syscall
        hlt
        .size   taken, . - taken
        .type   sigreturn, @function
sigreturn:
        mov     $15, %rax
        syscall
        .size   sigreturn, . - sigreturn
        .type   waits, @function
waits:
        call    calls
        syscall
        ud2
        .size   waits, . - waits
