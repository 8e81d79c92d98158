/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/signal_check.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/proc.h"

static int check_process(const struct program_lookup *programs, pid_t pid)
{
        if (programs->is_member(programs->context, proc_tgid(pid)))
                return 0;
        return kill(pid, 0) < 0 && errno == ESRCH ? -ESRCH : -EPERM;
}

/* Every process of the group has to be one of the sandbox's. */
static int check_group(const struct program_lookup *programs, pid_t group)
{
        DIR *stream = opendir("/proc");
        const struct dirent *entry;
        int r = -ESRCH;

        if (!stream)
                return -EPERM;
        while (r != -EPERM && (entry = readdir(stream))) {
                pid_t pid = (pid_t)atoi(entry->d_name);

                if (pid <= 0 || getpgid(pid) != group)
                        continue;
                r = programs->is_member(programs->context, pid) ? 0 : -EPERM;
        }
        closedir(stream);
        return r;
}

int signal_check(const struct program_lookup *programs, pid_t tid, int nr, const uint64_t args[6])
{
        pid_t pid = (pid_t)args[0];

        if (pid > 0)
                return check_process(programs, pid);
        if (nr != SYS_kill)
                return 0; /* the kernel says EINVAL, or ESRCH */
        if (pid == -1)
                return -EPERM; /* everybody */
        if (pid == INT32_MIN)
                return -ESRCH; /* as kill(2): there is no such group */
        return check_group(programs, pid == 0 ? getpgid(tid) : -pid);
}
