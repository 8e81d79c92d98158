/* SPDX-License-Identifier: Apache-2.0 */
/* Operands and branches that depend on where they stand reach the same places from elsewhere. */
        .type   address_before, @function
address_before:
        call    store_after
        lea     datum(%rip), %rdi
        syscall
        call    store_after
        ret
        .size   address_before, . - address_before
        .type   store_after, @function
store_after:
        call    address_before
        syscall
        mov     %rax, datum+8(%rip)
        ret
        .size   store_after, . - store_after
        .type   immediate_behind, @function
immediate_behind:
        call    address_before
        syscall
        movl    $0x11223344, datum(%rip)
        ret
        .size   immediate_behind, . - immediate_behind
        .type   jumps_through, @function
jumps_through:
        call    address_before
        syscall
        jmp     *datum(%rip)
        .size   jumps_through, . - jumps_through
        .type   loops, @function
loops:
        call    address_before
1:      mov     %edi, %eax
        nop
        syscall
        cmp     $-4, %eax
        je      1b
        ret
        .size   loops, . - loops
        .data
datum:  .quad   0, 0
