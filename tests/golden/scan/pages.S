/* SPDX-License-Identifier: Apache-2.0 */
/* A window across a page boundary is one like any other. */
        .skip   4090, 0x90
        .type   straddles, @function
straddles:
        mov     $39, %eax
        syscall
        ret
        .size   straddles, . - straddles
