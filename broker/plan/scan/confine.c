/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#define LANDLOCK_CREATE_RULESET_VERSION_FLAG 1u

/* struct landlock_ruleset_attr as of ABI 6; older kernels take the front of it. */
struct ruleset {
        uint64_t files, network, scopes;
};

static int limit(int resource, rlim_t value)
{
        struct rlimit now;

        if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
                return -errno;
        if (now.rlim_max < value)
                value = now.rlim_max;
        now.rlim_cur = now.rlim_max = value;
        return setrlimit((__rlimit_resource_t)resource, &now) < 0 ? -errno : 0;
}

static int limits_set(void)
{
        int r = limit(RLIMIT_CPU, CONFINE_CPU_SECONDS);

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their shadow memory is address space  \
                                                                     */
        if (r == 0)
                r = limit(RLIMIT_AS, CONFINE_MEMORY_BYTES);
#endif
        if (r == 0)
                r = limit(RLIMIT_NOFILE, 0);
        if (r == 0)
                r = limit(RLIMIT_CORE, 0);
        return r;
}

/* The rights that exist at each ABI version (linux/landlock.h): all handled, none granted. */
static void ruleset_fill(int abi, struct ruleset *ruleset, size_t *ret_size)
{
        *ruleset = (struct ruleset){0};
        ruleset->files = (1u << 13) - 1;
        if (abi >= 2)
                ruleset->files |= 1u << 13; /* REFER */
        if (abi >= 3)
                ruleset->files |= 1u << 14; /* TRUNCATE */
        if (abi >= 5)
                ruleset->files |= 1u << 15; /* IOCTL_DEV */
        if (abi >= 4)
                ruleset->network = 3; /* BIND_TCP, CONNECT_TCP */
        if (abi >= 6)
                ruleset->scopes = 3; /* abstract sockets, signals */
        *ret_size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

static int landlock_apply(void)
{
        _cleanup_close_ int fd = -1;
        struct ruleset ruleset;
        size_t size;
        long abi;

        abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION_FLAG);
        if (abi < 1)
                return 0; /* the filter alone has to do */
        ruleset_fill((int)abi, &ruleset, &size);
        fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
        if (fd < 0)
                return -errno;
        return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}

static int filter_fill(scmp_filter_ctx filter, int input_fd, int output_fd, int message_fd)
{
        static const int plain[] = {
                SCMP_SYS(munmap), SCMP_SYS(mremap),     SCMP_SYS(madvise),      SCMP_SYS(brk),
                SCMP_SYS(exit),   SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn),
        };
        int r = 0;

        for (unsigned i = 0; r == 0 && i < sizeof plain / sizeof *plain; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(pread64), 1,
                                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)input_fd));
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)output_fd));
        if (r == 0 && message_fd != output_fd)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)message_fd));
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                     SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
        /* qsort(3) asks how much memory there is, and does without an answer. */
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(sysinfo), 0);
        return r;
}

static int filter_apply(int input_fd, int output_fd, int message_fd)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r;

        if (!filter)
                return -ENOMEM;
        r = filter_fill(filter, input_fd, output_fd, message_fd);
        if (r == 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

int confine(int input_fd, int output_fd, int message_fd)
{
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        r = landlock_apply();
        if (r == 0)
                r = limits_set();
        return r < 0 ? r : filter_apply(input_fd, output_fd, message_fd);
}
