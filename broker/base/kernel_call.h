/* SPDX-License-Identifier: Apache-2.0 */
/* A bare system call, for processes that share the C library's state with another: no errno, no cancellation,
 * no restart. */
#ifndef FLICKER_BASE_KERNEL_CALL_H
#define FLICKER_BASE_KERNEL_CALL_H

#include <stdint.h>

/* The result, or -errno (syscall(2), "Architecture calling conventions"). */
static inline long kernel_call(long nr, long a, long b, long c, long d)
{
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = 0;
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                         : "rcx", "r11", "memory");
        return result;
}

static inline long kernel_argument(const void *pointer)
{
        return (long)(intptr_t)pointer;
}

#endif
