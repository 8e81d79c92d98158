/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that look like a syscall, in data among the code: in no function, after nothing convincing. */
        .type   first, @function
first:
        mov     $39, %eax
        syscall
        ret
        .size   first, . - first
        .balign 16, 0
table:  .byte   0xff, 0xff, 0x06, 0x0e, 0x48, 0x89, 0xc7, 0x0f, 0x05, 0x48, 0x89, 0xc7, 0x90, 0x90, 0x90, 0xc3
        .type   declared, @object
declared:
        .byte   0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xc3
        .size   declared, . - declared
        .type   second, @function
second:
        mov     $40, %eax
        syscall
        mov     $0x050f, %eax
        ret
        .size   second, . - second
