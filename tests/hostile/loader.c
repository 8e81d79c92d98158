/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For attack_interpreter: an ELF file without a C library that the policy refuses (DIR/secret/loader). Where
 * the kernel runs it as another program's interpreter, it asks the broker for something before it says that
 * it was served.
 */
#include <asm/unistd.h>
#include <fcntl.h>

static long call3(long number, long a, long b, long c)
{
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "0"(number), "D"(a), "S"(b), "d"(c)
                         : "rcx", "r11", "memory");
        return result;
}

_Noreturn void _start(void);
_Noreturn void _start(void)
{
        static const char path[] = "public/file",
                          word[] = "ESCAPED: a refused interpreter runs, and is served\n";

        if (call3(__NR_open, (long)path, O_RDONLY, 0) >= 0)
                call3(__NR_write, 1, (long)word, sizeof(word) - 1);
        for (;;)
                call3(__NR_exit_group, 0, 0, 0);
}
