/* SPDX-License-Identifier: Apache-2.0 */
/* Neither side alone has room. */
        .type   squeezed, @function
squeezed:
        call    leaves
        mov     %edi, %eax
        syscall
        pop     %rbx
        call    leaves
        ret
        .size   squeezed, . - squeezed
        .type   leaves, @function
leaves:
        call    squeezed
        mov     %ebx, %eax
        syscall
        ret
        .size   leaves, . - leaves
