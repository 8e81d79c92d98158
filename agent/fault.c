/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fault.h"

#include <linux/signal.h>

#include "agent/bytes.h"
#include "agent/kernel.h"

#include "agent/poison.h"

#define EXIT_FLICKER_FAILED 125

void ag_fault(enum ag_fault_code code)
{
        __asm__ volatile("ud2" : : "a"(code));
        __builtin_unreachable();
}

void ag_refuse(const char *message)
{
        ag_kernel3(__NR_write, 2, ag_address(message), ag_length(message, 256));
        for (;;)
                ag_kernel3(__NR_exit_group, EXIT_FLICKER_FAILED, 0, 0);
}

/* struct sigaction as the kernel has it. */
struct kernel_sigaction {
        uint64_t handler, flags, restorer, mask;
};

void ag_die_as_exec(void)
{
        const struct kernel_sigaction by_default = {0};
        uint64_t mask = 1ull << (SIGSEGV - 1);
        long pid = ag_kernel3(__NR_getpid, 0, 0, 0);

        ag_kernel4(__NR_rt_sigaction, SIGSEGV, ag_address(&by_default), 0, sizeof mask);
        ag_kernel4(__NR_rt_sigprocmask, SIG_UNBLOCK, ag_address(&mask), 0, sizeof mask);
        ag_kernel3(__NR_kill, (uint64_t)pid, SIGSEGV, 0);
        for (;;)
                ag_kernel3(__NR_kill, (uint64_t)pid, SIGKILL, 0);
}
