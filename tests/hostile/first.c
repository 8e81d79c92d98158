/* SPDX-License-Identifier: Apache-2.0 */
/*
 * first MARK: what a program can do before anything else, when the guardian may not have closed itself and
 * the broker to tracers yet (cli/run_guardian.c). The broker's process id is a little below the guardian's.
 * Says what worked in file MARK.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BELOW 8

static int reaches(pid_t pid)
{
        char byte;
        struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
        int pidfd;

        if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
                return 1;
        if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0)
                return 2;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 2, 0) >= 0)
                return 3;
        return 0;
}

int main(int argc, char **argv)
{
        pid_t guardian = getppid();
        int way = 0;

        for (int below = 0; below < BELOW && !way; below++)
                way = reaches(guardian - below);
        if (way && argc > 1) {
                int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

                if (fd >= 0)
                        dprintf(fd, "reached, by way %d\n", way);
        }
        return way != 0;
}
