/* SPDX-License-Identifier: Apache-2.0 */
/* The other doors into the kernel: int 0x80, x32 numbers, numbers nobody knows. Each try in a child. */
#include "attack.h"

static void by_int80(void)
{
        /* 32-bit open(2) needs a path below 4 GiB: the number of getpid does to show that the door is open.
         */
        long result = 20;

        __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
        if (result == getpid())
                escaped("int 0x80 reaches the kernel");
}

static void by_x32(void)
{
        const long bit = 0x40000000;

        expect_no_secret("x32 open", (int)syscall(bit + SYS_open, in_dir("secret/file"), O_RDONLY));
        if (syscall(bit + SYS_getpid) == getpid())
                escaped("x32 numbers reach the kernel");
}

static void by_unknown(void)
{
        for (long number = 463; number < 1100; number++)
                if (number != 0x464c && syscall(number, -1, -1, -1, -1, -1, -1) >= 0)
                        escaped("syscall %ld answers", number);
}

static void by_high_bits(void)
{
        /* The kernel looks at eax only; a filter that looked at rax would be fooled. */
        expect_no_secret("high bits in rax",
                         (int)syscall(0x100000000L + SYS_open, in_dir("secret/file"), O_RDONLY));
}

int main(void)
{
        try_in_child("int 0x80", by_int80);
        try_in_child("x32", by_x32);
        try_in_child("unknown numbers", by_unknown);
        try_in_child("high bits", by_high_bits);
        still_confined();
        return finished();
}
