/* SPDX-License-Identifier: Apache-2.0 */
/* Opens that wait, signals that end the waiting, and what a process's limits and leases do to its requests.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "tests/unit/enforce/fixture.h"

static char root[] = "/tmp/flicker-blocking-XXXXXX";
static char rule[64];
static const char *const rules[] = {rule, NULL};

static void on_signal(int signal)
{
        (void)signal;
}

static void prepare_caller(const char *directory)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        struct rlimit limit = {1000, 1000};

        cr_assert_eq(chdir(directory), 0);
        sigaction(SIGUSR1, &action, NULL);
        sigaction(SIGXFSZ, &action, NULL);
        signal(SIGUSR2, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
}

static void setup(struct sandbox *sandbox, bool may_block)
{
        strcpy(root, "/tmp/flicker-blocking-XXXXXX");
        cr_assert(mkdtemp(root));
        cr_assert_eq(chdir(root), 0);
        cr_assert_eq(mkfifo("fifo", 0644), 0);
        fixture_write("file", "content");
        fixture_write("leased", "content");
        snprintf(rule, sizeof rule, "w%s", root);
        sandbox_init(sandbox, rules, may_block);
        sandbox_fork(sandbox, root, prepare_caller);
}

static void teardown(struct sandbox *sandbox)
{
        sandbox_finish(sandbox);
        cr_assert_eq(chdir("/"), 0);
        fixture_remove(root);
}

static pid_t fork_opener(const char *name, int flags, unsigned delay_ms)
{
        pid_t pid = fork();

        if (pid == 0) {
                usleep(delay_ms * 1000);
                alarm(10);
                int fd = open(name, flags);
                if (fd >= 0 && (flags & O_ACCMODE) == O_WRONLY && write(fd, "hello", 5) != 5)
                        _exit(1);
                _exit(fd < 0);
        }
        return pid;
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

Test(blocking, others_do_not_wait)
{
        struct sandbox sandbox;

        setup(&sandbox, false);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDONLY, 0), -EAGAIN);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_WRONLY, 0), -EAGAIN);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDWR, 0), 0);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "file", O_RDWR, 0), 0);
        teardown(&sandbox);
}

Test(blocking, a_fifo_waits_for_its_other_end, .timeout = 20)
{
        struct sandbox sandbox;
        char text[6] = "";
        pid_t pid;
        int status;

        setup(&sandbox, true);
        pid = fork_opener("fifo", O_WRONLY, 100);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDONLY, 0), 0);
        cr_expect_eq(fcntl(sandbox.reply.fd, F_GETFL) & O_NONBLOCK, 0);
        cr_expect_eq(read(sandbox.reply.fd, text, 5), 5);
        cr_expect_str_eq(text, "hello");
        waitpid(pid, &status, 0);
        cr_expect_eq(status, 0);
        pid = fork_opener("fifo", O_RDONLY, 100);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_WRONLY, 0), 0);
        waitpid(pid, &status, 0);
        cr_expect_eq(status, 0);
        teardown(&sandbox);
}

/* A signal that the caller would handle, sent after a while; it stays pending, for the caller is stopped. */
static void signal_later(pid_t pid, int number)
{
        if (fork() == 0) {
                usleep(100000);
                kill(pid, number);
                _exit(0);
        }
}

Test(blocking, a_signal_ends_the_waiting, .timeout = 20)
{
        struct sandbox sandbox;
        double start = now();

        setup(&sandbox, true);
        sandbox_stop(&sandbox);
        signal_later(sandbox.caller.tid, SIGUSR1);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDONLY, 0), -CALLER_ERESTARTSYS);
        cr_expect_gt(now() - start, 0.05);
        cr_expect_lt(now() - start, 5);
        teardown(&sandbox);
}

/* Hundreds of callers that wait are no load: the longer a wait, the more seldom it looks for signals. */
Test(blocking, a_long_wait_looks_seldom, .timeout = 20)
{
        struct sandbox sandbox;
        struct rusage before, after;
        pid_t pid;

        setup(&sandbox, true);
        pid = fork_opener("fifo", O_WRONLY, 2000);
        getrusage(RUSAGE_THREAD, &before);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDONLY, 0), 0);
        getrusage(RUSAGE_THREAD, &after);
        cr_expect_lt(after.ru_nvcsw - before.ru_nvcsw, 50);
        waitpid(pid, NULL, 0);
        teardown(&sandbox);
}

Test(blocking, an_ignored_signal_does_not, .timeout = 20)
{
        struct sandbox sandbox;
        pid_t pid;

        setup(&sandbox, true);
        sandbox_stop(&sandbox);
        kill(sandbox.caller.tid, SIGUSR2);
        kill(sandbox.caller.tid, SIGWINCH);
        pid = fork_opener("fifo", O_WRONLY, 200);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDONLY, 0), 0);
        waitpid(pid, NULL, 0);
        teardown(&sandbox);
}

Test(blocking, death_ends_the_waiting, .timeout = 20)
{
        struct sandbox sandbox;
        int64_t result;

        setup(&sandbox, true);
        signal(SIGCHLD, SIG_IGN); /* so that the dead are gone */
        signal_later(sandbox.caller.tid, SIGKILL);
        result = sandbox_open(&sandbox, AT_FDCWD, "fifo", O_RDONLY, 0);
        /* Gone, or about to go: its last signal may be seen pending. */
        cr_expect(result == -ESRCH || result == -CALLER_ERESTARTSYS, "%lld", (long long)result);
        sandbox.caller.tid = 0;
        teardown(&sandbox);
}

/* A lease of the caller's own making must not hold up the broker. */
Test(blocking, a_lease_holds_nobody_up, .timeout = 20)
{
        struct sandbox sandbox;
        int fd;

        setup(&sandbox, false);
        fd = open("leased", O_RDONLY);
        if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
                cr_skip("no leases here");
        signal(SIGIO, SIG_IGN);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "leased", O_WRONLY, 0), -EAGAIN);
        sandbox_ask(&sandbox, REQUEST_TRUNCATE, AT_FDCWD, "leased");
        cr_expect_eq(sandbox_perform(&sandbox), -EAGAIN);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "leased", O_WRONLY | O_NONBLOCK, 0), -EAGAIN);
        fcntl(fd, F_SETLEASE, F_UNLCK);
        cr_expect_eq(sandbox_open(&sandbox, AT_FDCWD, "leased", O_WRONLY | O_APPEND, 0), 0);
        cr_expect_eq(fcntl(sandbox.reply.fd, F_GETFL) & (O_NONBLOCK | O_APPEND), O_APPEND);
        teardown(&sandbox);
}

Test(blocking, the_size_limit_is_the_callers)
{
        struct sandbox sandbox;
        char text[4096], path[64];
        int fd;

        setup(&sandbox, false);
        sandbox_stop(&sandbox);
        sandbox_ask(&sandbox, REQUEST_TRUNCATE, AT_FDCWD, "file")->length = 1000;
        cr_expect_eq(sandbox_perform(&sandbox), 0);
        sandbox_ask(&sandbox, REQUEST_TRUNCATE, AT_FDCWD, "file")->length = 1001;
        cr_expect_eq(sandbox_perform(&sandbox), -EFBIG);
        snprintf(path, sizeof path, "/proc/%d/status", (int)sandbox.caller.tid);
        fd = open(path, O_RDONLY);
        cr_assert_gt(read(fd, text, sizeof text - 1), 0);
        cr_expect(strstr(text, "SigPnd:\t0000000001000000"), "SIGXFSZ is pending for the caller's thread");
        close(fd);
        teardown(&sandbox);
}

/*
 * What the answer ERESTARTSYS does in a real notification: the kernel asks again after a handler with
 * SA_RESTART, and fails with EINTR after one without.
 */
static int install_listener(int number)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = 4, .filter = filter};

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER | 1u << 5 /* WAIT_KILLABLE_RECV */, &program);
}

/* The child: asks for getppid() under a listener that a copy of it serves, and says what it got. */
static int asked_with(int sa_flags, unsigned *ret_asked)
{
        unsigned *asked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = sa_flags};
        pid_t target = fork();
        int status;

        if (target == 0) {
                pid_t me = getpid();
                int listener;

                sigaction(SIGUSR1, &action, NULL);
                listener = install_listener(SYS_getpgrp);
                if (listener < 0)
                        _exit(100);
                if (fork() == 0) {
                        struct seccomp_notif notification = {0};
                        struct seccomp_notif_resp response = {0};

                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        for (;;) {
                                memset(&notification, 0, sizeof notification);
                                if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
                                        _exit(0);
                                response.id = notification.id;
                                response.val = 0;
                                response.error = 0;
                                if ((*asked)++ == 0) {
                                        kill(me, SIGUSR1);
                                        response.error = -CALLER_ERESTARTSYS;
                                } else {
                                        response.val = 42;
                                }
                                ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
                                if (*asked == 2)
                                        _exit(0);
                        }
                }
                close(listener);
                alarm(5);
                long r = syscall(SYS_getpgrp);
                _exit(r < 0 ? errno : (int)r);
        }
        cr_assert_eq(waitpid(target, &status, 0), target);
        *ret_asked = *asked;
        munmap(asked, 4096);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(blocking, erestartsys_restarts, .timeout = 20)
{
        unsigned asked;

        cr_expect_eq(asked_with(SA_RESTART, &asked), 42);
        cr_expect_eq(asked, 2);
        cr_expect_eq(asked_with(0, &asked), EINTR);
        cr_expect_eq(asked, 1);
}
