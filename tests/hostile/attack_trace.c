/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the policy lets processes of the sandbox trace one another: to what is outside by that, and past the
 * filter by changing what a traced process is about to ask.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "attack.h"

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif
#define GET_FILTER 0x420c /* PTRACE_SECCOMP_GET_FILTER */

static char *shared; /* a path that tracer and tracee both see */

static void outsiders(pid_t pid)
{
        char buffer[64];
        struct iovec here = {buffer, sizeof buffer}, there = {(void *)0x400000, sizeof buffer};
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

        if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0)
                escaped("attaches to process %d", pid);
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
                escaped("seizes process %d", pid);
        if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT)
                escaped("reads process %d", pid);
        if (process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT)
                escaped("writes process %d", pid);
        for (int fd = 0; pidfd >= 0 && fd < 16; fd++)
                if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0)
                        escaped("takes descriptor %d of process %d", fd, pid);
        if (syscall(SYS_kcmp, getpid(), pid, 0, 0, 0) >= 0)
                escaped("compares with process %d", pid);
        if (syscall(SYS_process_madvise, pidfd, &there, 1, 20 /* MADV_COLD */, 0) >= 0)
                escaped("advises process %d", pid);
        close(pidfd);
}

/* A tracee that stops, and then opens what shared says until it is told to end. Its exit status says what it
 * saw. */
static pid_t victim(bool with_filter)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 7),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {4, code};
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        if (with_filter)
                syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
        raise(SIGSTOP);
        for (int i = 0; i < 3; i++) {
                /* The tracer makes another syscall of it. */
                long fd = syscall(SYS_getppid, AT_FDCWD, shared, O_RDONLY, 0);

                if (fd != getppid() && is_secret((int)fd))
                        _exit(1);
        }
        _exit(0);
}

static void finish(pid_t pid, const char *what)
{
        int status = 0;

        if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1)
                escaped("%s", what);
}

/* At each stop of a syscall getppid becomes an open of the secret. */
static void becomes_open(pid_t pid)
{
        struct user_regs_struct registers;

        if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0 && registers.orig_rax == SYS_getppid) {
                registers.orig_rax = SYS_openat;
                registers.rax = (unsigned long)-ENOSYS;
                ptrace(PTRACE_SETREGS, pid, NULL, &registers);
        }
}

static void rewrite_number(long options, int resume, bool with_filter, const char *what)
{
        pid_t pid = victim(with_filter);
        int status;

        strcpy(shared, in_dir("secret/file"));
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
                printf("the victim does not stop\n");
                exit(1);
        }
        ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options);
        for (unsigned i = 0; i < 2000; i++) {
                if (ptrace((enum __ptrace_request)resume, pid, NULL, NULL) != 0 ||
                    waitpid(pid, &status, 0) != pid)
                        break;
                if (WIFEXITED(status) || WIFSIGNALED(status)) {
                        if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
                                escaped("%s", what);
                        return;
                }
                becomes_open(pid);
        }
        ptrace(PTRACE_KILL, pid, NULL, NULL);
        finish(pid, what);
}

/* Without seccomp the tracee would be free. */
static void suspend(void)
{
        pid_t pid = victim(false);
        int status;

        waitpid(pid, &status, 0);
        if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_SUSPEND_SECCOMP) == 0)
                escaped("suspends a tracee's filter");
        if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_SUSPEND_SECCOMP) == 0)
                escaped("seizes with its filter suspended");
        if (ptrace((enum __ptrace_request)GET_FILTER, pid, NULL, NULL) >= 0)
                escaped("reads the filter");
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
}

/* The path changes by process_vm_writev, from another process, while the broker looks at it. */
static void rewrite_memory(void)
{
        char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pid_t parent = getpid(), pid;
        char texts[2][4096];

        strcpy(texts[0], in_dir("public/file"));
        strcpy(texts[1], in_dir("secret/file"));
        strcpy(path, texts[0]);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (unsigned i = 0;; i++) {
                        struct iovec here = {texts[i % 2], strlen(texts[i % 2]) + 1},
                                     there = {path, here.iov_len};

                        if (process_vm_writev(parent, &here, 1, &there, 1, 0) < 0) {
                                printf("process_vm_writev within the sandbox: %s\n", strerror(errno));
                                fflush(stdout);
                                _exit(1);
                        }
                }
        }
        for (unsigned i = 0; i < 5000; i++)
                expect_no_secret("a path changed by another process", open(path, O_RDONLY));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

/* A tracer that has an approved image in hand before its first instruction: makes it ask for all it can. */
static void at_exec(void)
{
        pid_t pid = fork();
        struct user_regs_struct registers;
        int status;

        if (pid == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                execl("/usr/bin/env", "env", "true", NULL);
                _exit(9);
        }
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
                return;
        strcpy(shared, in_dir("secret/file"));
        if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0) {
                long stack = (long)registers.rsp - 4096;
                long word;

                for (size_t i = 0; i <= strlen(shared); i += sizeof word) {
                        memcpy(&word, shared + i, sizeof word);
                        ptrace(PTRACE_POKEDATA, pid, stack + (long)i, word);
                }
                ptrace(PTRACE_POKETEXT, pid, registers.rip, 0xcccccccccccc050fl); /* syscall; int3 */
                registers.rax = SYS_openat;
                registers.orig_rax = (unsigned long)-1;
                registers.rdi = (unsigned long)AT_FDCWD;
                registers.rsi = (unsigned long)stack;
                registers.rdx = O_RDONLY;
                ptrace(PTRACE_SETREGS, pid, NULL, &registers);
                ptrace(PTRACE_CONT, pid, NULL, NULL);
                if (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP &&
                    ptrace(PTRACE_GETREGS, pid, NULL, &registers) == 0 && (long)registers.rax >= 0) {
                        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

                        expect_no_secret("an open by a fresh image",
                                         (int)syscall(SYS_pidfd_getfd, pidfd, registers.rax, 0));
                        close(pidfd);
                }
        }
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
}

int main(void)
{
        pid_t guardian = getppid(), broker = parent_of(guardian);

        shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        outsiders(guardian);
        outsiders(broker);
        outsiders(1);
        suspend();
        rewrite_number(PTRACE_O_TRACESYSGOOD, PTRACE_SYSCALL, false, "a number changed at entry");
        rewrite_number(PTRACE_O_TRACESECCOMP, PTRACE_CONT, true,
                       "a number changed where a filter of its own stops it");
        rewrite_number(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP, PTRACE_SYSCALL, true,
                       "a number changed at every stop");
        rewrite_number(0, PTRACE_SYSEMU, false, "a number changed under emulation");
        rewrite_number(0, PTRACE_SINGLESTEP, false, "a number changed between instructions");
        rewrite_memory();
        at_exec();
        still_confined();
        return finished();
}
