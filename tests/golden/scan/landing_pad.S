/* SPDX-License-Identifier: Apache-2.0 */
/* A C++ landing pad is a branch target that only the exception tables know: a unwinder may go to 1: here. */
        .type   guarded, @function
guarded:
        .cfi_startproc
        .cfi_personality 0x9b, personality
        .cfi_lsda 0x1b, lsda
        call    guarded
2:      mov     %ebx, %edi
1:      mov     %ecx, %esi
        syscall
        cmp     $-4095, %rax
        ret
        .cfi_endproc
        .size   guarded, . - guarded
        .section .gcc_except_table, "a"
lsda:   .byte   0xff, 0xff, 0x01        /* no base, no types, uleb128 call sites */
        .uleb128 4f - 3f
3:      .uleb128 0, 2b - guarded, 1b - guarded, 0
4:
        .data
        .balign 8
personality:
        .quad   0
