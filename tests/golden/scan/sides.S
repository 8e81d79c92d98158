/* SPDX-License-Identifier: Apache-2.0 */
/* No window fits round the syscall: a short jump leads to a long one nearby. */
        .type   padded, @function
        /* Padding behind the function; the syscall itself is a branch's target. */
padded:
        call    padded
1:      syscall
        call    padded
        jne     1b
        ret
        .size   padded, . - padded
        .p2align 4
        .type   twins, @function
        /* Two syscalls share one piece of padding. */
twins:
        call    twins
        syscall
        call    twins
        syscall
        call    twins
        ret
        .size   twins, . - twins
        .p2align 5, 0xcc
        .type   behind, @function
        /* Instructions behind it make room, with an operand that depends on where they are. */
behind:
        call    behind
        syscall
        call    behind
        mov     word(%rip), %rdx
        mov     $1, %ecx
        call    behind
        ret
        .size   behind, . - behind
        .type   before, @function
        /* Instructions in front of it; a branch to the first of them stays good. */
before:
        call    before
2:      movabs  $0x1122334455667788, %rax
        call    before
        syscall
        call    before
        je      2b
        ret
        .size   before, . - before
        .type   nowhere, @function
        /* A branch into them, an endbr64 in them, no room for two jumps, padding that somebody jumps into: none. */
nowhere:
        endbr64
        movb    $1, %cl
        call    nowhere
        mov     $1, %ecx
3:      mov     $2, %edx
        call    nowhere
        syscall
        call    nowhere
        mov     $3, %ecx
        endbr64
        mov     $4, %edx
        jne     3b
        jg      4f
        ret
        nop
        nop
        nop
        nop
4:      nop
        nop
        ret
        .size   nowhere, . - nowhere
        .type   far, @function
        /* Too far for a short jump. */
far:
        call    far
        syscall
        .rept   30
        call    far
        .endr
        ret
        .size   far, . - far
        .p2align 4
        .data
word:   .quad   7
