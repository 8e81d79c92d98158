/* SPDX-License-Identifier: Apache-2.0 */
/* Which windows may be run once more from their start, as far as the syscall. */
        .type   loads_argument, @function
loads_argument:
        mov     8(%rsp), %r9
        syscall
        ret
        .size   loads_argument, . - loads_argument
        .type   adds, @function
adds:
        add     $1, %rdi
        mov     %esi, %esi
        syscall
        ret
        .size   adds, . - adds
        .type   chained, @function
chained:
        mov     %rdi, %rax
        mov     %rsi, %rdi
        syscall
        ret
        .size   chained, . - chained
        .type   stores, @function
stores:
        mov     %rax, 8(%rsp)
        syscall
        ret
        .size   stores, . - stores
        .type   clobbered, @function
clobbered:
        lea     8(%rcx), %r10
        mov     %edx, %eax
        syscall
        ret
        .size   clobbered, . - clobbered
        .type   part_of_another, @function
part_of_another:
        mov     %ah, %dl
        mov     $39, %al
        nop
        syscall
        ret
        .size   part_of_another, . - part_of_another
