/* SPDX-License-Identifier: Apache-2.0 */
/* Against the processes that watch over the sandbox: every ancestor outside it, the broker and its guardian.
 */
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "attack.h"

static void open_of(pid_t pid, const char *what, int flags)
{
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
        fd = open(path, flags);
        if (fd >= 0) {
                escaped("opens %s of process %d", what, pid);
                close(fd);
        }
}

static void steal_descriptors(pid_t pid)
{
        int pidfd = (int)syscall(434, pid, 0);

        for (int i = 0; pidfd >= 0 && i < 64; i++) {
                int fd = (int)syscall(438, pidfd, i, 0);
                if (fd >= 0)
                        escaped("takes descriptor %d of process %d", i, pid);
        }
        if (pidfd >= 0 && syscall(424, pidfd, SIGCONT, NULL, 0) == 0)
                escaped("signals process %d by pidfd", pid);
}

static void against(pid_t pid)
{
        char byte;
        struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
        struct rlimit limit = {0, 0};

        if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0 || ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
                escaped("traces process %d", pid);
        if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT)
                escaped("reads the memory of process %d", pid);
        if (process_vm_writev(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT)
                escaped("writes the memory of process %d", pid);
        open_of(pid, "mem", O_RDONLY);
        open_of(pid, "mem", O_RDWR);
        open_of(pid, "environ", O_RDONLY);
        open_of(pid, "fd/3", O_RDONLY);
        open_of(pid, "fd/4", O_RDWR);
        open_of(pid, "fd/5", O_RDWR);
        steal_descriptors(pid);
        if (syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &limit, NULL) == 0)
                escaped("limits process %d", pid);
        if (setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0)
                escaped("changes the priority of process %d", pid);
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(0, &set);
        if (sched_setaffinity(pid, sizeof(set), &set) == 0)
                escaped("changes the affinity of process %d", pid);
}

static void asynchronous(pid_t pid)
{
        int ends[2];

        /* The owner of a descriptor gets SIGIO, or any signal that F_SETSIG names. */
        if (pipe(ends) == 0 && fcntl(ends[0], F_SETOWN, pid) == 0 && fcntl(ends[0], F_SETSIG, SIGKILL) == 0 &&
            fcntl(ends[0], F_SETFL, O_ASYNC) == 0)
                (void)!write(ends[1], "x", 1);
        close(ends[0]);
        close(ends[1]);
}

/* Last, since it may end the sandbox, which is no escape: it is ours to end. */
static void signals(pid_t pid)
{
        static const int numbers[] = {SIGUSR1, SIGSTOP, SIGALRM, SIGSEGV, SIGKILL};

        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                if (kill(pid, numbers[i]) == 0 || syscall(SYS_tgkill, pid, pid, numbers[i]) == 0)
                        escaped("sends signal %d to process %d", numbers[i], pid);
}

int main(void)
{
        pid_t ancestors[16];
        int count = 0;

        for (pid_t pid = getppid(); pid > 1 && count < 2; pid = parent_of(pid))
                ancestors[count++] = pid;
        if (!count)
                return 2;
        for (int i = 0; i < count; i++)
                against(ancestors[i]);
        for (int i = 0; i < count; i++)
                asynchronous(ancestors[i]);
        still_confined();
        for (int i = 0; i < count; i++)
                signals(ancestors[i]);
        still_confined();
        return finished();
}
