/* SPDX-License-Identifier: Apache-2.0 */
/* The syscall itself, or what leads up to it, is a branch target: what follows goes with it, where no padding is near. */
        .type   retry, @function
retry:
        mov     $35, %eax
1:      syscall
        cmp     $-4, %eax
        add     %rdi, %rsi
        call    retry
        jmp     1b
        .size   retry, . - retry
        .type   short_branch, @function
short_branch:
        mov     $39, %eax
        call    retry
        syscall
        test    %eax, %eax
        js      2f
        ret
2:      call    retry
        ret
        .size   short_branch, . - short_branch
        .type   long_branch, @function
long_branch:
        call    retry
        syscall
        test    %rax, %rax
        jne     retry + 0x1000
        ret
        .size   long_branch, . - long_branch
        .type   tail_jump, @function
tail_jump:
        call    retry
        syscall
        jmp     3f
        nop
        nop
3:      call    retry
        ret
        .size   tail_jump, . - tail_jump
        .type   returns, @function
returns:
        call    retry
        syscall
        add     $8, %rsp
        ret
        .size   returns, . - returns
        .type   distance, @function
distance:
        .rept   26
        call    retry
        .endr
        ret
        .size   distance, . - distance
        .type   fills, @function
fills:
        call    retry
        syscall
        ret
        .size   fills, . - fills
        .skip   2, 0xcc
        .type   next, @function
next:   ret
        .size   next, . - next
