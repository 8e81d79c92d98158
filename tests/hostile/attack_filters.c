/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters of the program's own, of every action, on what the agent and the broker live by; listeners;
 * ptrace, which could suspend filters. A filter can only narrow: what was refused stays refused, and whoever
 * is ended by a filter of its own leaves nothing behind that the others need.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "attack.h"
#include "proto/call.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif
#define CALL_ALL (-1)

static int install(unsigned action, int number, unsigned flags)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, action),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {4, code};
        struct sock_fprog all = {1, code + 2};

        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
                            number == CALL_ALL ? &all : &program);
}

static const unsigned actions[] = {SECCOMP_RET_KILL_PROCESS,  SECCOMP_RET_KILL_THREAD,
                                   SECCOMP_RET_TRAP,          SECCOMP_RET_ERRNO | 0,
                                   SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_USER_NOTIF,
                                   SECCOMP_RET_TRACE,         SECCOMP_RET_LOG,
                                   SECCOMP_RET_ALLOW,         0x12340000};

static void attempts(void)
{
        static const char *const names[] = {"secret/file", "hidden/file"};

        for (int i = 0; i < 2; i++) {
                expect_no_secret("open", open(in_dir(names[i]), O_RDONLY));
                expect_no_secret("openat", openat(AT_FDCWD, in_dir(names[i]), O_RDONLY));
                expect_no_secret(
                        "a hidden openat",
                        (int)hidden_syscall(SYS_openat, AT_FDCWD, (long)in_dir(names[i]), O_RDONLY, 0, 0, 0));
        }
        /* The answer may be a filter's lie; whether the secret is still there run.sh looks. */
        unlink(in_dir("secret/file"));
        rename(in_dir("secret/file"), in_dir("public/taken"));
        (void)!link(in_dir("secret/file"), in_dir("public/taken"));
        expect_no_secret("what was taken", open(in_dir("public/taken"), O_RDONLY));
        pid_t pid = (pid_t)hidden_syscall(SYS_fork, 0, 0, 0, 0, 0, 0);
        if (pid == 0) {
                execl(in_dir("secret/program"), "x", NULL);
                execl(in_dir("."), "x", NULL);
                _exit(99);
        }
        int status = 1;
        if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
                escaped("a refused program is executed");
}

static void in_child(unsigned action, int number)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                alarm(10);
                attack_escapes = 0;
                install(action, number, 0);
                attempts();
                _exit(attack_escapes ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
                escaped("with action %#x on syscall %d", action, number);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
                escaped("with action %#x on syscall %d: hangs", action, number);
}

static void listeners(void)
{
        static const unsigned flags[] = {SECCOMP_FILTER_FLAG_NEW_LISTENER,
                                         SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
                                                 SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
                                         SECCOMP_FILTER_FLAG_NEW_LISTENER |
                                                 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                                         SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_LOG};
        struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
        struct sock_fprog program = {1, code};

        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
                if (install(SECCOMP_RET_USER_NOTIF, SYS_getppid, flags[i]) >= 0 || errno != EBUSY)
                        escaped("a listener with flags %#x: %s", flags[i], strerror(errno));
                if (hidden_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                   (long)(0xffffffff00000000ul | flags[i]), (long)&program, 0, 0, 0) >= 0)
                        escaped("a listener with flags %#x and high bits", flags[i]);
                if (hidden_syscall(SYS_seccomp, (long)(0x7700000000ul | SECCOMP_SET_MODE_FILTER),
                                   (long)flags[i], (long)&program, 0, 0, 0) >= 0)
                        escaped("a listener with an operation of high bits");
        }
}

/* Threads that end in the middle of a call, by their own filter: their slots, and all they hold, are given
 * back. */
static void *ends_itself(void *unused)
{
        (void)unused;
        install(SECCOMP_RET_KILL_THREAD, FL_CALL_NR, 0);
        install(SECCOMP_RET_KILL_THREAD, SYS_openat, 0);
        install(SECCOMP_RET_KILL_THREAD, SYS_open, 0);
        install(SECCOMP_RET_KILL_THREAD, SYS_futex, 0);
        (void)open(in_dir("public/file"), O_RDONLY);
        for (;;)
                (void)openat(AT_FDCWD, in_dir("public/file"), O_RDONLY);
        return NULL;
}

static void *endures(void *unused)
{
        (void)unused;
        for (int i = 0; i < 3000 && !attack_escapes; i++) {
                int fd = open(in_dir("public/file"), O_RDONLY);
                if (fd < 0)
                        escaped("among threads that end: %s", strerror(errno));
                close(fd);
                expect_no_secret("among threads that end", open(in_dir("secret/file"), O_RDONLY));
        }
        return NULL;
}

static void threads(void)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                pthread_t lasting, short_lived;
                alarm(30);
                pthread_create(&lasting, NULL, endures, NULL);
                for (int i = 0; i < 200; i++)
                        if (pthread_create(&short_lived, NULL, ends_itself, NULL) == 0)
                                pthread_detach(short_lived);
                pthread_join(lasting, NULL);
                _exit(attack_escapes ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status))
                escaped("threads that end themselves");
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
                escaped("threads that end themselves: the others hang");
}

static void tracing(void)
{
        pid_t pid = fork();

        if (pid == 0)
                for (;;)
                        pause();
        if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_SUSPEND_SECCOMP) == 0)
                escaped("traces a child with its filters suspended");
        if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0)
                escaped("traces a child");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
                escaped("is traced by its parent");
}

int main(void)
{
        static const int numbers[] = {CALL_ALL,   SYS_openat, SYS_open,  SYS_execve, SYS_unlink,
                                      FL_CALL_NR, SYS_futex,  SYS_clone, SYS_mmap};

        for (size_t a = 0; a < sizeof(actions) / sizeof(actions[0]); a++)
                for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
                        in_child(actions[a], numbers[n]);
        listeners();
        threads();
        tracing();
        still_confined();
        return finished();
}
