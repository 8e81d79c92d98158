/* SPDX-License-Identifier: Apache-2.0 */
/* No window, no padding, no room within reach of a short jump: the jump ends in the bytes that follow. Somebody jumps to
 * those, in each function. */
        .macro  crowd
        .rept   30
        call    punned
        .endr
        .endm
        .type   punned, @function
        /* Three bytes that make a jump of some 900 MiB back. */
punned:
        crowd
        syscall
1:      mov     %rax, %rdi
        crowd
        jne     1b
        ret
        .size   punned, . - punned
        .type   prefixed, @function
        /* Three bytes that would lead forward, and the fourth that leads back. */
prefixed:
        crowd
        syscall
2:      cmp     $-4095, %rax
        crowd
        jne     2b
        ret
        .size   prefixed, . - prefixed
        .type   successor, @function
        /* What follows leads forward, but can be moved, with its operand. */
successor:
        crowd
        syscall
3:      mov     word+0x80(%rip), %edx
        crowd
        jne     3b
        ret
        .size   successor, . - successor
        .type   forward, @function
        /* What follows leads forward, and stays. */
forward:
        crowd
        syscall
        call    *word+0x80(%rip)
        crowd
        ret
        .size   forward, . - forward
        .type   landing, @function
        /* What follows is the window of another syscall. */
landing:
        crowd
4:      syscall
5:      mov     $1, %eax
        syscall
        crowd
        jne     4b
        jne     5b
        ret
        .size   landing, . - landing
        .data
word:   .space  0x100
