/* SPDX-License-Identifier: Apache-2.0 */
/* A library of system calls, each in code that may stand anywhere: tests/live/src/mappings.c maps it in every
 * way. */
#include <sys/syscall.h>

#define TEXT(text) #text
#define CALL(name, number)                                                                                   \
        __asm__(".globl " #name "\n"                                                                         \
                ".type " #name ", @function\n"                                                               \
                ".p2align 4\n" #name ":\n"                                                                   \
                "       endbr64\n"                                                                           \
                "       mov $" TEXT(number) ", %eax\n"                                                       \
                                            "       syscall\n"                                               \
                                            "       ret\n"                                                   \
                                            ".size " #name ", . - " #name "\n")

CALL(stub_stat, 4);
CALL(stub_access, 21);

/* The instruction lies across the border of two pages. */
__asm__(".globl stub_straddle\n"
        ".type stub_straddle, @function\n"
        ".p2align 12, 0xcc\n"
        ".skip 4090, 0xcc\n"
        "stub_straddle:\n"
        "       mov $21, %eax\n"
        "       syscall\n"
        "       ret\n"
        ".size stub_straddle, . - stub_straddle\n");

/* The bytes of the instruction inside of another one, and as data between functions: nothing there may
 * change. */
__asm__(".globl stub_inside\n"
        ".type stub_inside, @function\n"
        ".p2align 4\n"
        "stub_inside:\n"
        "       mov $0x050f050f, %eax\n"
        "       mov stub_data(%rip), %edx\n"
        "       xor %edx, %eax\n"
        "       cltq\n"
        "       ret\n"
        ".size stub_inside, . - stub_inside\n"
        ".type stub_data, @object\n"
        "stub_data: .long 0x050f050f, 0x050f050f\n"
        ".size stub_data, . - stub_data\n");

/* Calls on both sides: only a jump that ends in the three bytes behind it fits. */
__asm__(".globl stub_crowded\n"
        ".type stub_nothing, @function\n"
        "stub_nothing: ret\n"
        ".size stub_nothing, . - stub_nothing\n"
        ".type stub_crowded, @function\n"
        ".p2align 4\n"
        "stub_crowded:\n"
        "       mov $21, %eax\n"
        "       .rept 30\n"
        "       call stub_nothing\n"
        "       .endr\n"
        "       syscall\n"
        "1:     mov %rax, %rdx\n"
        "       .rept 30\n"
        "       call stub_nothing\n"
        "       .endr\n"
        "       cmp %rax, %rdx\n"
        "       jne 1b\n"
        "       ret\n"
        ".size stub_crowded, . - stub_crowded\n");
