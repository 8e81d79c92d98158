/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner's confinement, attacked from inside: what code that took the scanner over would try. */
#include "broker/plan/scan/confine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SURVIVED 7

/* What a child has at hand when it is confined; other is open and none of the scanner's. */
struct hands {
        int input, output, other;
};

static struct hands hands_make(void)
{
        struct hands hands = {
                .input = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
                .output = open("/dev/null", O_WRONLY | O_CLOEXEC),
                .other = open("/dev/null", O_RDWR | O_CLOEXEC),
        };

        cr_assert(hands.input >= 0 && hands.output >= 0 && hands.other >= 0);
        return hands;
}

/* Exit status of body under the confinement, or -signal. */
static int run(void (*body)(const struct hands *, const void *), const void *context)
{
        struct hands hands = hands_make();
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (confine(hands.input, hands.output, hands.output) < 0)
                        _exit(99);
                body(&hands, context);
                syscall(SYS_exit_group, SURVIVED);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        close(hands.input);
        close(hands.output);
        close(hands.other);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct call {
        const char *name;
        long nr, args[6];
};

#define CALL(call, ...)                                                                                      \
        {                                                                                                    \
#call, SYS_##call,                                                                           \
                {                                                                                            \
                        __VA_ARGS__                                                                          \
                }                                                                                            \
        }

static void make(const struct hands *hands, const void *context)
{
        const struct call *call = context;
        const long *args = call->args;

        (void)hands;
        syscall(call->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static const struct call attacks[] = {
        CALL(open, (long)"/etc/passwd", O_RDONLY),
        CALL(openat, AT_FDCWD, (long)"/etc/passwd", O_RDONLY),
        CALL(openat2, AT_FDCWD, (long)"/etc/passwd"),
        CALL(stat, (long)"/etc/passwd"),
        CALL(newfstatat, AT_FDCWD, (long)"/"),
        CALL(readlink, (long)"/proc/self/exe"),
        CALL(getdents64, 3),
        CALL(unlink, (long)"/nonexistent"),
        CALL(mkdir, (long)"/nonexistent"),
        CALL(execve, (long)"/bin/true", 0, 0),
        CALL(execveat, AT_FDCWD, (long)"/bin/true", 0, 0),
        CALL(fork, 0),
        CALL(vfork, 0),
        CALL(clone, SIGCHLD),
        CALL(clone3, 0),
        CALL(socket, 1, 1),
        CALL(socketpair, 1, 1),
        CALL(connect, 3),
        CALL(sendmsg, 4),
        CALL(recvmsg, 4),
        CALL(kill, 1, 0),
        CALL(tgkill, 1, 1, 0),
        CALL(pidfd_open, 1),
        CALL(pidfd_getfd, 3),
        CALL(pidfd_send_signal, 3),
        CALL(ptrace, 16, 1),
        CALL(process_vm_readv, 1),
        CALL(process_vm_writev, 1),
        CALL(prctl, 38, 1),
        CALL(prlimit64, 0, RLIMIT_CPU),
        CALL(setrlimit, RLIMIT_CPU),
        CALL(getrlimit, RLIMIT_CPU),
        CALL(seccomp, 0),
        CALL(landlock_create_ruleset, 0),
        CALL(bpf, 0),
        CALL(io_uring_setup, 1),
        CALL(userfaultfd, 0),
        CALL(perf_event_open, 0),
        CALL(memfd_create, (long)"x"),
        CALL(dup, 3),
        CALL(dup2, 3, 5),
        CALL(fcntl, 3, F_GETFD),
        CALL(ioctl, 4, 0x5412),
        CALL(close, 3),
        CALL(lseek, 3),
        CALL(readv, 3),
        CALL(preadv, 3),
        CALL(pwrite64, 4),
        CALL(writev, 4),
        CALL(sendfile, 4, 3),
        CALL(splice, 3),
        CALL(mprotect, 0, 4096, PROT_READ | PROT_EXEC),
        CALL(pkey_mprotect, 0),
        CALL(remap_file_pages, 0),
        CALL(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        CALL(mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 3, 0),
        CALL(shmget, 0),
        CALL(nanosleep, 0),
        CALL(getpid, 0),
        CALL(uname, 0),
        CALL(setpriority, 0),
        CALL(sched_setaffinity, 0),
        CALL(rt_sigaction, SIGSYS),
        CALL(personality, 0),
        CALL(modify_ldt, 0),
        CALL(mount, 0),
        {"x32's write", 0x40000001, {4}},
        {"a number beyond all", 0x464c, {0}},
};

Test(confine, every_other_call_is_the_last, .timeout = 120)
{
        for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
                cr_expect_eq(run(make, &attacks[i]), -SIGSYS, "%s", attacks[i].name);
}

static void read_other(const struct hands *hands, const void *context)
{
        char byte;

        (void)context;
        syscall(SYS_pread64, hands->other, &byte, 1, 0);
}

static void write_input(const struct hands *hands, const void *context)
{
        (void)context;
        syscall(SYS_write, hands->input, "x", 1);
}

static void write_other(const struct hands *hands, const void *context)
{
        (void)context;
        syscall(SYS_write, hands->other, "x", 1);
}

static void read_output(const struct hands *hands, const void *context)
{
        char byte;

        (void)context;
        syscall(SYS_pread64, hands->output, &byte, 1, 0);
}

Test(confine, each_descriptor_is_for_one_thing)
{
        cr_expect_eq(run(read_other, NULL), -SIGSYS);
        cr_expect_eq(run(write_input, NULL), -SIGSYS);
        cr_expect_eq(run(write_other, NULL), -SIGSYS);
        cr_expect_eq(run(read_output, NULL), -SIGSYS);
}

/* All that a scan takes. */
static void work(const struct hands *hands, const void *context)
{
        char bytes[4];
        char *memory = malloc(1 << 22);

        (void)context;
        if (!memory || syscall(SYS_pread64, hands->input, bytes, 4, 0) != 4 ||
            memcmp(bytes, "\177ELF", 4) != 0)
                syscall(SYS_exit_group, 1);
        memset(memory, 1, 1 << 22);
        free(memory);
        if (syscall(SYS_write, hands->output, bytes, 4) != 4)
                syscall(SYS_exit_group, 2);
}

Test(confine, a_scan_works)
{
        cr_assert_eq(run(work, NULL), SURVIVED);
}

#ifndef __SANITIZE_ADDRESS__
static void devour(const struct hands *hands, const void *context)
{
        size_t taken = 0;

        (void)hands;
        (void)context;
        while (taken <= CONFINE_MEMORY_BYTES &&
               mmap(NULL, 64u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                    0) != MAP_FAILED)
                taken += 64u << 20;
        syscall(SYS_exit_group, taken <= CONFINE_MEMORY_BYTES ? SURVIVED : 1);
}

Test(confine, memory_is_bounded)
{
        cr_assert_eq(run(devour, NULL), SURVIVED);
}
#endif

static bool status_says(pid_t pid, const char *line)
{
        char path[64], text[8192];
        ssize_t n;
        int fd;

        snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = read(fd, text, sizeof text - 1);
        close(fd);
        cr_assert_gt(n, 0);
        text[n] = '\0';
        return strstr(text, line) != NULL;
}

static rlim_t limit_of(pid_t pid, int resource)
{
        struct rlimit limit;

        cr_assert_eq(syscall(SYS_prlimit64, pid, resource, NULL, &limit), 0);
        cr_assert_eq(limit.rlim_cur, limit.rlim_max);
        return limit.rlim_max;
}

/* flicker-scan, as the broker starts it, stuck at its last step: nobody reads what it has found. */
static pid_t start_stuck(int *ret_pipe)
{
        int file = open(FLICKER_BINARY_DIR "/libexec/flicker/flicker-scan", O_RDONLY | O_CLOEXEC), ends[2];
        char *const arguments[] = {(char *)"flicker-scan", NULL}, *const environment[] = {NULL};
        pid_t pid;

        cr_assert(file >= 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        while (write(ends[1], "x", 1) == 1)
                ;
        cr_assert_eq(fcntl(ends[1], F_SETFL, 0), 0);
        pid = fork();
        if (pid == 0) {
                int input = fcntl(file, F_DUPFD, 10), output = fcntl(ends[1], F_DUPFD, 10);

                if (dup2(input, 3) < 0 || dup2(output, 4) < 0 || close_range(5, ~0u, 0) < 0)
                        _exit(98);
                execve(FLICKER_BINARY_DIR "/libexec/flicker/flicker-scan", arguments, environment);
                _exit(97);
        }
        close(file);
        close(ends[1]);
        *ret_pipe = ends[0];
        return pid;
}

/* Until it sleeps in write(2). */
static bool await_write(pid_t pid)
{
        const struct timespec wait = {.tv_nsec = 10000000};
        char path[64], text[32] = {0};

        snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
        for (unsigned i = 0; i < 3000; i++) {
                int fd = open(path, O_RDONLY | O_CLOEXEC);

                if (fd >= 0) {
                        memset(text, 0, sizeof text);
                        (void)!read(fd, text, sizeof text - 1);
                        close(fd);
                        if (!strncmp(text, "1 0x4 ", 6))
                                return true;
                }
                nanosleep(&wait, NULL);
        }
        return false;
}

Test(confine, the_program_has_given_up_all_before_it_answers, .timeout = 60)
{
        int ends, status;
        pid_t pid = start_stuck(&ends);

        cr_expect(await_write(pid), "flicker-scan writes its plan");
        cr_expect(status_says(pid, "\nNoNewPrivs:\t1\n"));
        cr_expect(status_says(pid, "\nSeccomp:\t2\n"));
        cr_expect_eq(limit_of(pid, RLIMIT_NOFILE), 0);
        cr_expect_eq(limit_of(pid, RLIMIT_CORE), 0);
        cr_expect_leq(limit_of(pid, RLIMIT_CPU), CONFINE_CPU_SECONDS);
#ifndef __SANITIZE_ADDRESS__
        cr_expect_leq(limit_of(pid, RLIMIT_AS), CONFINE_MEMORY_BYTES);
#endif
        kill(pid, SIGKILL);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        close(ends);
}
