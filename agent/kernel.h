/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare system calls: no errno, no cancellation, no restart; a result in [-4095, -1] is -errno. Every one
 * is a syscall instruction in the agent's own text, which no patch plan covers, so it meets the seccomp
 * filter like any other.
 */
#ifndef FLICKER_AGENT_KERNEL_H
#define FLICKER_AGENT_KERNEL_H

#include <asm/unistd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AG_PAGE 4096u /* bytes */

/* Arguments as the x86-64 ABI has them: rdi, rsi, rdx, r10, r8, r9 (syscall(2), "Architecture calling
 * conventions"). */
static inline long ag_kernel6(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
        register uint64_t r10 __asm__("r10") = d;
        register uint64_t r8 __asm__("r8") = e;
        register uint64_t r9 __asm__("r9") = f;
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return result;
}

static inline long ag_kernel3(long nr, uint64_t a, uint64_t b, uint64_t c)
{
        long result;

        __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
        return result;
}

static inline long ag_kernel4(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
        register uint64_t r10 __asm__("r10") = d;
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
                         : "rcx", "r11", "memory");
        return result;
}

static inline bool ag_failed(long result)
{
        return result < 0 && result >= -4095;
}

static inline uint64_t ag_address(const void *pointer)
{
        return (uint64_t)(uintptr_t)pointer;
}

static inline void *ag_pointer(uint64_t address)
{
        return (void *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
}

static inline uint64_t ag_page_of(uint64_t address)
{
        return address & ~(uint64_t)(AG_PAGE - 1);
}

static inline long ag_mmap(uint64_t address, uint64_t length, int protection, int flags, int fd,
                           uint64_t offset)
{
        return ag_kernel6(__NR_mmap, address, length, (uint64_t)protection, (uint64_t)flags,
                          (uint64_t)(int64_t)fd, offset);
}

static inline long ag_munmap(uint64_t address, uint64_t length)
{
        return ag_kernel3(__NR_munmap, address, length, 0);
}

static inline long ag_mprotect(uint64_t address, uint64_t length, int protection)
{
        return ag_kernel3(__NR_mprotect, address, length, (uint64_t)protection);
}

static inline void ag_close(int fd)
{
        ag_kernel3(__NR_close, (uint64_t)fd, 0, 0);
}

#endif
