/* SPDX-License-Identifier: Apache-2.0 */
/* The filter in the kernel: what a confined process gets, and what its broker is asked. */
#include "broker/enforce/filter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/unit/enforce/sandbox_child.h"
#include "tests/unit/load_policy.h"

#define ANSWER 123 /* ENOMEDIUM: no kernel code gives it here, so it comes from our broker */

/* Shared by broker and target. */
static struct shared {
        atomic_int listener; /* the target's number of it; 0: not installed yet */
        atomic_int asked;    /* notifications */
        pid_t broker;
} * shared;

static bool is_directory(const char *path)
{
        (void)path;
        return true;
}

static struct filter build(const char *text, struct tier_inputs inputs)
{
        struct policy *policy = load_policy(text);
        struct filter filter;
        struct tiers tiers;
        struct err err = {0};

        tiers_plan(policy, &inputs, is_directory, &tiers);
        CHILD_CHECK(filter_build(policy, &tiers, &filter, &err) == 0);
        policy_destroy(policy);
        return filter;
}

/* What the test's own process needs, to complain, and under sanitizers. */
static bool goes_on(int nr)
{
        return nr == SYS_getppid || nr == SYS_write || nr == SYS_mmap || nr == SYS_munmap ||
               nr == SYS_mprotect || nr == SYS_sigaltstack || nr == SYS_madvise || nr == SYS_futex ||
               nr == SYS_brk;
}

/* Answers ANSWER to everything else. */
static void serve(int listener)
{
        struct pollfd poll_listener = {.fd = listener, .events = POLLIN};
        struct seccomp_notif notification;

        while (poll(&poll_listener, 1, 10000) == 1 && poll_listener.revents & POLLIN) {
                struct seccomp_notif_resp response = {0};

                memset(&notification, 0, sizeof notification);
                if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
                        continue;
                atomic_fetch_add(&shared->asked, 1);
                response.id = notification.id;
                response.error = -ANSWER;
                if (goes_on(notification.data.nr)) {
                        response.error = 0;
                        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
                }
                ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        }
}

static int take_listener(pid_t target)
{
        int pidfd = (int)syscall(SYS_pidfd_open, target, 0), listener;

        while (atomic_load(&shared->listener) == 0)
                sched_yield();
        listener = (int)syscall(SYS_pidfd_getfd, pidfd, atomic_load(&shared->listener), 0);
        close(pidfd);
        return listener;
}

/* Runs body in a target under the filter; the calling process is its broker. */
static void confine(const struct filter *filter, void (*body)(void))
{
        pid_t target;
        int status, listener;

        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        shared->broker = getpid();
        target = fork();
        CHILD_CHECK(target >= 0);
        if (target == 0) {
                CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
                listener = filter_install(filter);
                CHILD_CHECK(listener > 0);
                atomic_store(&shared->listener, listener);
                body();
                _exit(0);
        }
        listener = take_listener(target);
        CHILD_CHECK(listener >= 0);
        /* Only the target's copy is left, and ours: when the target ends, ours hangs up. */
        serve(listener);
        CHILD_CHECK(waitpid(target, &status, 0) == target);
        CHILD_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The raw result: a value or -errno. */
static long call(long nr, unsigned long a, unsigned long b, unsigned long c)
{
        long result;
        register unsigned long d __asm__("r10") = 0, e __asm__("r8") = 0, f __asm__("r9") = 0;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(d), "r"(e), "r"(f)
                         : "rcx", "r11", "memory");
        return result;
}

static long call_int80(long nr)
{
        long result;

        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(nr), "b"(0L), "c"(0L), "d"(0L)
                         : "memory", "r8", "r9", "r10", "r11");
        return result;
}

/* Result of the call, and how often the broker was asked for it. */
#define EXPECT(result, times, ...)                                                                           \
        do {                                                                                                 \
                int before_ = atomic_load(&shared->asked);                                                   \
                long result_ = call(__VA_ARGS__);                                                            \
                if (result_ != (result) || atomic_load(&shared->asked) - before_ != (times)) {               \
                        fprintf(stderr, "%s:%d: %ld, asked %d times: %s\n", __FILE__, __LINE__, result_,     \
                                atomic_load(&shared->asked) - before_, #__VA_ARGS__);                        \
                        _exit(1);                                                                            \
                }                                                                                            \
        } while (0)
#define NOTIFIED(...)      EXPECT(-ANSWER, 1, __VA_ARGS__)
#define SILENT(error, ...) EXPECT(-(error), 0, __VA_ARGS__)

static const unsigned long high = 0xabcdef0100000000;

static void try_notifications(void)
{
        EXPECT(getpid(), 0, SYS_getpid, 0, 0, 0);
        NOTIFIED(SYS_mkdir, (unsigned long)"/tmp/flicker-never", 0700, 0);
        NOTIFIED(SYS_openat, AT_FDCWD, (unsigned long)"/etc/passwd", 0);
        NOTIFIED(SYS_execve, 0, 0, 0);
        NOTIFIED(SYS_ptrace, 0, 0, 0);
        NOTIFIED(SYS_mount, 0, 0, 0);
        NOTIFIED(FILTER_AGENT_CALL, 1, 0, 0);
        NOTIFIED(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
        NOTIFIED(SYS_socket, high | AF_INET, SOCK_STREAM, 0);
        NOTIFIED(SYS_unshare, CLONE_NEWUSER, 0, 0);
        NOTIFIED(SYS_personality, PER_LINUX32, 0, 0);
        NOTIFIED(SYS_prlimit64, 1, 0, 0);
}

static void try_ioctls(void)
{
        NOTIFIED(SYS_ioctl, 0, TIOCSTI, 0);
        NOTIFIED(SYS_ioctl, 0, high | TIOCSTI, 0);
        NOTIFIED(SYS_ioctl, 0, high | TIOCLINUX, 0);
        NOTIFIED(SYS_ioctl, 0, high | TIOCSETD, 0);
        EXPECT(-EBADF, 0, SYS_ioctl, 999, TIOCGWINSZ, 0);
}

static void try_silence(void)
{
        SILENT(ENOSYS, SYS_clone3, 0, 0, 0);
        SILENT(ENOSYS, SYS_io_uring_setup, 1, 0, 0);
        SILENT(ENOSYS, 337, 0, 0, 0);
        SILENT(ENOSYS, 600, 0, 0, 0);
        SILENT(ENOSYS, 0x40000000 | SYS_getpid, 0, 0, 0);
        SILENT(ENOSYS, 0x40000000 | 512, 0, 0, 0);
        SILENT(EPERM, SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0);
        SILENT(EPERM, SYS_clone, high | CLONE_NEWNS | SIGCHLD, 0, 0);
        SILENT(EBADF, SYS_close, 999, 0, 0);
        SILENT(0, SYS_prctl, PR_SET_DUMPABLE, 0, 0);
        SILENT(0, SYS_prctl, high | PR_SET_DUMPABLE, 0, 0);
        EXPECT(1, 0, SYS_prctl, PR_GET_DUMPABLE, 0, 0);
}

/* A kernel (or a hypervisor) without 32-bit system calls answers the instruction by a signal: as good an end.
 */
static void try_int80(long nr)
{
        int status;
        pid_t pid = (pid_t)call(SYS_fork, 0, 0, 0);

        if (pid == 0) {
                signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit of it */
                _exit(call_int80(nr) == -ENOSYS ? 0 : 1);
        }
        CHILD_CHECK(waitpid(pid, &status, 0) == pid);
        CHILD_CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

static void try_processes(void)
{
        int status;
        pid_t pid = (pid_t)call(SYS_fork, 0, 0, 0);

        if (pid == 0) {
                NOTIFIED(SYS_mkdir, 0, 0, 0);
                _exit(7);
        }
        CHILD_CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
        pid = (pid_t)call(SYS_clone, SIGCHLD, 0, 0);
        if (pid == 0)
                _exit(8);
        CHILD_CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 8);
}

static void ordinary_target(void)
{
        try_notifications();
        try_ioctls();
        try_silence();
        try_int80(20); /* getpid of i386 */
        try_int80(FILTER_AGENT_CALL);
        try_int80(39); /* mkdir; getpid of x86-64 */
        try_processes();
}

static void ordinary(void)
{
        struct filter filter =
                build("\"files\": { \"deny\": [\"/x\"] }", (struct tier_inputs){.agent = true});

        confine(&filter, ordinary_target);
        filter_finish(&filter);
}

Test(filter_live, ordinary, .timeout = 60)
{
        run_child_as_everyone(ordinary);
}

static void mediated_target(void)
{
        EXPECT(shared->broker, 1, SYS_getppid, 0, 0, 0); /* goes on */
        NOTIFIED(SYS_getuid, 0, 0, 0);
        NOTIFIED(SYS_prctl, PR_GET_DUMPABLE, 0, 0);
        SILENT(EBADF, SYS_close, 999, 0, 0);
        SILENT(EPERM, SYS_clone, CLONE_NEWPID, 0, 0);
        SILENT(0, SYS_prctl, PR_SET_DUMPABLE, 0, 0);
        SILENT(ENOSYS, SYS_clone3, 0, 0, 0);
}

static void mediated(void)
{
        struct filter filter = build("", (struct tier_inputs){.agent = true, .mediate_all = true});

        confine(&filter, mediated_target);
        filter_finish(&filter);
}

Test(filter_live, mediate_all, .timeout = 60)
{
        run_child_as_everyone(mediated);
}

static void policy_target(void)
{
        NOTIFIED(SYS_getuid, 0, 0, 0);
        NOTIFIED(SYS_lseek, 999, 0, SEEK_END);
        NOTIFIED(SYS_lseek, 999, 0, high | SEEK_END);
        SILENT(EBADF, SYS_lseek, 999, 0, SEEK_SET);
        SILENT(EAGAIN, SYS_fork, 0, 0, 0);
}

static void policy_rules(void)
{
        struct filter filter = build(
                "\"syscalls\": { \"deny\": [ \"getuid\", { \"name\": \"fork\", \"errno\": \"EAGAIN\" }, "
                "{ \"name\": \"lseek\", \"args\": [{ \"index\": 2, \"op\": \"==\", \"value\": \"SEEK_END\" "
                "}] } ] }",
                (struct tier_inputs){.agent = true});

        confine(&filter, policy_target);
        filter_finish(&filter);
}

Test(filter_live, rules_of_the_policy, .timeout = 60)
{
        run_child_as_everyone(policy_rules);
}

static void killed(void)
{
        struct filter filter =
                build("\"syscalls\": { \"kill\": [ \"fork\" ] }", (struct tier_inputs){.agent = true});
        pid_t target = fork();
        int status;

        if (target == 0) {
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                CHILD_CHECK(filter_install(&filter) > 0);
                call(SYS_fork, 0, 0, 0);
                _exit(0);
        }
        CHILD_CHECK(waitpid(target, &status, 0) == target);
        CHILD_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        filter_finish(&filter);
}

Test(filter_live, kill_of_what_never_notifies, .timeout = 60)
{
        run_child_as_everyone(killed);
}

static void without_no_new_privs(void)
{
        struct filter filter = build("", (struct tier_inputs){.agent = true});

        CHILD_CHECK(filter_install(&filter) == -EACCES);
        filter_finish(&filter);
}

Test(filter_live, an_error_is_returned)
{
        if (geteuid() == 0)
                run_child(without_no_new_privs, true);
}
