/* SPDX-License-Identifier: Apache-2.0 */
/* What leads up to the syscall goes with it: as few instructions as make five bytes. */
        .type   mov_number, @function
mov_number:
        mov     $39, %eax
        syscall
        ret
        .size   mov_number, . - mov_number
        .type   clear_number, @function
clear_number:
        mov     %rdi, %rsi
        xor     %eax, %eax
        syscall
        cmp     $-4095, %rax
        call    mov_number
        ret
        .size   clear_number, . - clear_number
        .type   through_register, @function
through_register:
        mov     $202, %r8d
        mov     %r8, %rax
        syscall
        ret
        .size   through_register, . - through_register
        .type   low_byte, @function
low_byte:
        xor     %eax, %eax
        mov     %rdi, %r11
        mov     $56, %al
        mov     %rsi, %rdi
        syscall
        ret
        .size   low_byte, . - low_byte
        .type   arguments, @function
arguments:
        push    %rbx
        mov     %edi, %eax
        syscall
        pop     %rbx
        ret
        .size   arguments, . - arguments
