/* SPDX-License-Identifier: Apache-2.0 */
/* Windows do not overlap, and none holds two syscalls. */
        .type   twice, @function
twice:
        mov     $11, %eax
        syscall
        xor     %rdi, %rdi
        mov     $60, %eax
        syscall
        hlt
        .size   twice, . - twice
        .type   tight, @function
tight:
        call    twice
        mov     %ebx, %eax
        syscall
        mov     %eax, %edi
        syscall
        mov     %rax, %rbx
        ret
        .size   tight, . - tight
