/* SPDX-License-Identifier: Apache-2.0 */
/* The filter that the broker and the guardian put on themselves, in the kernel. */
#include "broker/enforce/self_filter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/policy/syscalls.h"

#define VIOLATION 77
#define SURVIVED  0
#define SCANS     (SELF_BROKER | SELF_SCANNER)

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* What a child under the filter of roles says on standard error, and how it ends. */
struct outcome {
        int status; /* exit status, or -signal */
        char said[512];
};

_Noreturn static void child(unsigned roles, void (*body)(const void *), const void *context, int out)
{
        if (dup2(out, STDERR_FILENO) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            self_filter_install(roles, VIOLATION) < 0)
                _exit(99);
        body(context);
        _exit(SURVIVED);
}

static struct outcome run(unsigned roles, void (*body)(const void *), const void *context)
{
        struct outcome outcome = {0};
        int out[2], status;
        pid_t pid;

        cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0)
                child(roles, body, context, out[1]);
        close(out[1]);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_geq(read(out[0], outcome.said, sizeof outcome.said - 1), 0);
        close(out[0]);
        outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome;
}

struct call {
        const char *name;
        long nr, args[6];
};

static void make(const void *context)
{
        const struct call *call = context;
        const long *args = call->args;

        syscall(call->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static void refused(unsigned roles, const struct call *call)
{
        struct outcome outcome = run(roles, make, call);

        cr_expect_eq(outcome.status, VIOLATION, "%s: status %d", call->name, outcome.status);
        cr_expect(strstr(outcome.said, "flicker: ") == outcome.said && strchr(outcome.said, '\n'),
                  "%s said: %s", call->name, outcome.said);
}

static void let(unsigned roles, const struct call *call)
{
        struct outcome outcome = run(roles, make, call);

        cr_expect_eq(outcome.status, SURVIVED, "%s: status %d, %s", call->name, outcome.status, outcome.said);
}

#define CALL(call, ...)                                                                                      \
        {                                                                                                    \
#call, SYS_##call,                                                                           \
                {                                                                                            \
                        __VA_ARGS__                                                                          \
                }                                                                                            \
        }

/* What a broker that went astray would be used for. */
static const struct call attacks[] = {
        CALL(socket, AF_INET, SOCK_STREAM, 0),
        CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, 0),
        CALL(fork, 0),
        CALL(vfork, 0),
        CALL(unshare, CLONE_NEWUSER),
        CALL(unshare, CLONE_FS | CLONE_NEWNS),
        CALL(setns, -1, 0),
        CALL(bpf, 0),
        CALL(perf_event_open, 0),
        CALL(io_uring_setup, 1, 0),
        CALL(userfaultfd, 0),
        CALL(keyctl, 0),
        CALL(add_key, 0),
        CALL(mount, 0),
        CALL(umount2, 0),
        CALL(move_mount, -1),
        CALL(open_tree, -1),
        CALL(fsopen, 0),
        CALL(pivot_root, 0),
        CALL(chroot, 0),
        CALL(swapon, 0),
        CALL(acct, 0),
        CALL(init_module, 0),
        CALL(finit_module, -1),
        CALL(kexec_load, 0),
        CALL(reboot, 0),
        CALL(settimeofday, 0),
        CALL(sethostname, 0),
        CALL(iopl, 3),
        CALL(modify_ldt, 0),
        CALL(personality, 0),
        CALL(quotactl, 0),
        CALL(open_by_handle_at, -1),
        CALL(process_madvise, -1),
        CALL(kcmp, 0),
        CALL(pkey_mprotect, 0),
        CALL(memfd_secret, 0),
        CALL(setuid, 0),
        CALL(setreuid, -1, -1),
        CALL(chown, 0),
        CALL(creat, 0),
        CALL(chdir, 0),
        CALL(accept, -1),
        CALL(setsockopt, -1),
        CALL(shmat, 0),
        CALL(execveat, -1, 0, 0, 0, AT_EMPTY_PATH),
        CALL(ioctl, 0, TIOCSTI, 0),
        CALL(ioctl, 0, FIONBIO, 0),
        CALL(ioctl, 0, FS_IOC_SETFLAGS, 0),
};

/* Those that the run-time library of a sanitizer is allowed. */
static const struct call attacks_unless_sanitized[] = {
        CALL(clone, CLONE_NEWUSER | SIGCHLD),
        CALL(clone, CLONE_NEWNS | CLONE_VM | CLONE_VFORK | SIGCHLD),
        CALL(ptrace, PTRACE_ATTACH, 1, 0, 0),
        CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0),
        CALL(prctl, PR_SET_PTRACER, -1, 0, 0, 0),
        CALL(mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        CALL(mprotect, 0, 0, PROT_READ | PROT_EXEC),
        CALL(prlimit64, 1, 0, 0, 0),
};

Test(self_filter, refuses_what_the_broker_has_no_use_for, .timeout = 60)
{
        for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
                refused(SELF_BROKER, &attacks[i]);
                refused(SCANS, &attacks[i]);
        }
        for (size_t i = 0;
             !SANITIZED && i < sizeof attacks_unless_sanitized / sizeof *attacks_unless_sanitized; i++) {
                refused(SELF_BROKER, &attacks_unless_sanitized[i]);
                refused(SCANS, &attacks_unless_sanitized[i]);
        }
}

Test(self_filter, executes_only_where_there_is_a_scanner, .timeout = 30)
{
        const struct call execute = CALL(execve, 0);

        refused(SELF_BROKER, &execute);
        refused(SELF_GUARDIAN, &execute);
        let(SCANS, &execute);
}

Test(self_filter, guardian_opens_nothing_to_others, .timeout = 60)
{
        static const struct call calls[] = {
                CALL(process_vm_readv, 1),
                CALL(process_vm_writev, 1),
                CALL(pidfd_getfd, -1),
                CALL(connect, -1),
                CALL(bind, -1),
                CALL(sendmsg, -1),
                CALL(setresuid, -1, -1, -1),
                CALL(fchown, -1),
                CALL(ioctl, 0, 0x2100, 0),
                CALL(clone, SIGCHLD),
                CALL(seccomp, 0),
                CALL(renameat, -1),
        };

        for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
                refused(SELF_GUARDIAN, &attacks[i]);
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (!SANITIZED || calls[i].nr != SYS_clone)
                        refused(SELF_GUARDIAN, &calls[i]);
}

/* Every number that the kernel may know or come to know, and x32's, is either in the table or refused. */
Test(self_filter, unknown_numbers_are_refused, .timeout = 60)
{
        for (int nr = 334; nr < 424; nr++) {
                const struct call call = {"a number that is no call", nr, {0}};

                /* uretprobe and uprobe, which the kernel keeps from every filter. */
                if (nr != SYS_rseq && nr != 335 && nr != 336)
                        refused(SELF_BROKER, &call);
        }
        refused(SELF_BROKER, &(struct call){"beyond the table", SYSCALLS_LIMIT, {0}});
        refused(SELF_BROKER, &(struct call){"the agent's call", 0x464c, {0}});
        refused(SELF_BROKER, &(struct call){"x32's read", 0x40000000, {0}});
        refused(SELF_BROKER, &(struct call){"a negative number", -1, {0}});
}

Test(self_filter, says_which_call)
{
        struct outcome outcome = run(SELF_BROKER, make, &(struct call)CALL(mount, 0));

        cr_assert_str_eq(outcome.said,
                         "flicker: the broker made a system call that is not in its table (mount): "
                         "ending the sandbox\n");
}

static void *work(void *context)
{
        *(int *)context = unshare(CLONE_FS) == 0 && memfd_create("x", MFD_CLOEXEC) >= 0;
        return NULL;
}

static void make_threads(const void *context)
{
        pthread_t thread;
        int worked = 0;

        (void)context;
        if (pthread_create(&thread, NULL, work, &worked) != 0 || pthread_join(thread, NULL) != 0 || !worked)
                _exit(1);
}

Test(self_filter, threads_work)
{
        cr_assert_eq(run(SELF_BROKER, make_threads, NULL).status, SURVIVED);
}

static void *astray(void *context)
{
        (void)context;
        syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
        return NULL;
}

static void break_in_thread(const void *context)
{
        pthread_t thread;

        (void)context;
        pthread_create(&thread, NULL, astray, NULL);
        pthread_join(thread, NULL);
}

Test(self_filter, holds_in_every_thread)
{
        cr_assert_eq(run(SELF_BROKER, break_in_thread, NULL).status, VIOLATION);
}

static void break_blocked(const void *context)
{
        sigset_t all;

        (void)context;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        astray(NULL);
}

Test(self_filter, ends_a_thread_that_blocks_the_signal)
{
        cr_assert_eq(run(SELF_BROKER, break_blocked, NULL).status, -SIGSYS);
}

static void spawn(const void *context)
{
        char *const arguments[] = {(char *)"true", NULL};
        int status;
        pid_t pid;

        (void)context;
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, NULL) != 0 ||
            waitpid(pid, &status, 0) != pid)
                _exit(1);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
}

Test(self_filter, a_dynamic_program_starts_where_there_is_a_scanner)
{
        struct outcome outcome = run(SCANS, spawn, NULL);

        cr_assert_eq(outcome.status, SURVIVED, "%d: %s", outcome.status, outcome.said);
}

/* The main thread gets what was sent, from a thread that does not block it. */
static void *wait_for_end(void *context)
{
        sigset_t only;

        sigemptyset(&only);
        sigaddset(&only, SIGSYS);
        pthread_sigmask(SIG_UNBLOCK, &only, NULL);
        for (;;)
                pause();
        return context;
}

static void receive(const void *context)
{
        const struct timespec limit = {.tv_sec = 5};
        const union sigval value = {.sival_int = 11};
        siginfo_t info;
        pthread_t thread;
        sigset_t all;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        if (pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
                _exit(1);
        if (context) {
                siginfo_t queued = {.si_signo = SIGSYS, .si_code = SI_QUEUE, .si_value = value};

                queued.si_pid = getpid();
                syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGSYS, &queued);
        } else {
                kill(getpid(), SIGSYS);
        }
        if (sigtimedwait(&all, &info, &limit) != SIGSYS || (context && info.si_value.sival_int != 11))
                _exit(2);
}

Test(self_filter, signals_that_are_sent_reach_the_main_thread, .timeout = 20)
{
        cr_assert_eq(run(SELF_BROKER, receive, NULL).status, SURVIVED);
        cr_assert_eq(run(SELF_BROKER, receive, "queued").status, SURVIVED);
}

Test(self_filter, program_is_small_and_the_kernel_takes_it)
{
        struct sock_filter code[SELF_FILTER_MAX];
        static const unsigned roles[] = {SELF_BROKER, SCANS, SELF_GUARDIAN};

        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
                int length = self_filter_build(roles[i], code);

                cr_assert_gt(length, 0);
                cr_assert_lt(length, SELF_FILTER_MAX * 3 / 4, "room for more: %d", length);
        }
}
