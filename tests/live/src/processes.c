/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes, threads and signals: what programs rely on, printed for comparison with a native run.
 * Everything that could wait forever is ended by an alarm.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "report.h"

extern char **environ;
static const char *self;

static void ended(const char *name, pid_t pid)
{
        int status = 0;

        if (pid < 0 || waitpid(pid, &status, 0) < 0) {
                report(name, -1);
                return;
        }
        if (WIFSIGNALED(status))
                report_text(name, "signal %d", WTERMSIG(status));
        else
                report_text(name, "exit %d", WEXITSTATUS(status));
}

static int open_works(void)
{
        int fd = open("/etc/passwd", O_RDONLY);

        if (fd >= 0)
                close(fd);
        return fd >= 0 && open("/no/such/file", O_RDONLY) < 0 && errno == ENOENT;
}

static void forks(void)
{
        pid_t pid = fork();

        if (pid == 0)
                _exit(open_works() ? 7 : 8);
        ended("fork", pid);
        pid = fork();
        if (pid == 0) {
                pid_t inner = fork();
                if (inner == 0)
                        _exit(open_works() ? 3 : 4);
                int status;
                waitpid(inner, &status, 0);
                _exit(WEXITSTATUS(status) + 10);
        }
        ended("fork in a fork", pid);
        pid = fork();
        if (pid == 0) {
                raise(SIGKILL);
                _exit(0);
        }
        ended("killed child", pid);
        pid = fork();
        if (pid == 0)
                abort();
        ended("aborted child", pid);
        char *argv[] = {"exiting", "exit9", NULL};
        pid = vfork();
        if (pid == 0) {
                execve(self, argv, environ);
                _exit(99);
        }
        ended("vfork and exec", pid);
        pid = vfork();
        if (pid == 0) {
                execve("/no/such/program", argv, environ);
                _exit(errno);
        }
        ended("vfork and failed exec", pid);
        char *empty[] = {NULL};
        report_text("posix_spawn", "%d", posix_spawn(&pid, self, NULL, NULL, argv, empty));
        ended("spawned", pid);
        report_text("posix_spawn of nothing", "%d",
                    posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, empty));
        report_text("system", "%d", system("exit 5"));
}

static void execs(void)
{
        char *argv[] = {"a name", "exit9", NULL};
        pid_t pid = fork();
        int fd;

        if (pid == 0) {
                fd = open(self, O_RDONLY | O_CLOEXEC);
                fexecve(fd, argv, environ);
                _exit(100);
        }
        ended("fexecve", pid);
        pid = fork();
        if (pid == 0) {
                syscall(SYS_execveat, AT_FDCWD, self, argv, environ, 0);
                _exit(100);
        }
        ended("execveat", pid);
        pid = fork();
        if (pid == 0) {
                execve("/proc/self/exe", argv, environ);
                _exit(100);
        }
        ended("exec of /proc/self/exe", pid);
}

#define THREADS 8

static void *thread_opens(void *argument)
{
        long good = 0;

        for (int i = 0; i < 200; i++)
                good += open_works();
        *(long *)argument = good;
        return NULL;
}

static void threads(void)
{
        pthread_t thread[THREADS];
        long good[THREADS], total = 0;

        for (int i = 0; i < THREADS; i++)
                pthread_create(&thread[i], NULL, thread_opens, &good[i]);
        for (int i = 0; i < THREADS; i++) {
                pthread_join(thread[i], NULL);
                total += good[i];
        }
        report_text("opens by threads", "%ld", total);
}

static void *forks_in_thread(void *unused)
{
        (void)unused;
        for (int i = 0; i < 20; i++) {
                pid_t pid = fork();
                int status = -1;
                if (pid == 0)
                        _exit(open_works() ? 0 : 1);
                waitpid(pid, &status, 0);
                if (status)
                        return (void *)1;
        }
        return NULL;
}

static void forks_while_threads_work(void)
{
        pthread_t worker, forker;
        long good;
        void *bad;

        pthread_create(&worker, NULL, thread_opens, &good);
        pthread_create(&forker, NULL, forks_in_thread, NULL);
        pthread_join(worker, NULL);
        pthread_join(forker, &bad);
        report_text("forks beside a busy thread", "%ld %s", good, bad ? "bad" : "good");
}

static void *exec_thread(void *unused)
{
        char *argv[] = {"thread", "exit9", NULL};

        (void)unused;
        execve(self, argv, environ);
        return NULL;
}

static void exec_from_thread(void)
{
        pid_t pid = fork();

        if (pid == 0) {
                pthread_t thread;
                pthread_create(&thread, NULL, exec_thread, NULL);
                pthread_join(thread, NULL);
                _exit(100);
        }
        ended("exec from a thread", pid);
}

static void *cancelled(void *argument)
{
        (void)argument;
        for (;;) {
                int fd = open("/etc/passwd", O_RDONLY);
                if (fd >= 0)
                        close(fd);
        }
        return NULL;
}

static void cancellation(void)
{
        pthread_t thread;
        void *value = NULL;
        pthread_create(&thread, NULL, cancelled, NULL);
        usleep(20000);
        pthread_cancel(thread);
        pthread_join(thread, &value);
        report_text("cancelled in open", "%s", value == PTHREAD_CANCELED ? "yes" : "no");
}

static volatile sig_atomic_t caught;

static void on_signal(int number, siginfo_t *info, void *context)
{
        (void)number;
        (void)info;
        (void)context;
        caught++;
}

static void handle(int number, int flags)
{
        struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = flags | SA_SIGINFO};

        sigaction(number, &action, NULL);
}

/* A signal that comes before the broker has taken a notification makes the kernel answer EINTR where a native
 * call would not be interrupted (README.md, "Limits"). */
#define retried(call)                                                                                        \
        ({                                                                                                   \
                int result_;                                                                                 \
                do                                                                                           \
                        result_ = (call);                                                                    \
                while (result_ < 0 && errno == EINTR);                                                       \
                result_;                                                                                     \
        })

static void storm(const char *name, int flags)
{
        struct itimerval tick = {{0, 300}, {0, 300}}, none = {{0, 0}, {0, 0}};
        int bad = 0;
        struct stat st;

        handle(SIGALRM, flags);
        setitimer(ITIMER_REAL, &tick, NULL);
        for (int i = 0; i < 3000; i++) {
                int fd = retried(open("/etc/passwd", O_RDONLY));
                bad += fd < 0 || retried(stat("/etc/passwd", &st)) < 0;
                if (fd >= 0)
                        close(fd);
                bad += retried(open("/no/such/file", O_RDONLY)) >= 0 || errno != ENOENT;
        }
        setitimer(ITIMER_REAL, &none, NULL);
        signal(SIGALRM, SIG_DFL);
        report_text(name, "%d bad, signals %s", bad, caught ? "came" : "did not come");
        caught = 0;
}

static sigjmp_buf jump;

static void on_jump(int number)
{
        siglongjmp(jump, number);
}

static void jumps(void)
{
        struct itimerval soon = {{0, 0}, {0, 2000}};
        volatile int jumped = 0;

        for (volatile int i = 0; i < 20; i++) {
                signal(SIGALRM, on_jump);
                if (sigsetjmp(jump, 1)) {
                        jumped++;
                        continue;
                }
                setitimer(ITIMER_REAL, &soon, NULL);
                for (;;)
                        close(open("/etc/passwd", O_RDONLY));
        }
        signal(SIGALRM, SIG_DFL);
        report_text("jumps out of handlers", "%d", jumped);
        report_text("opens after", "%d", open_works());
}

static void interruption(void)
{
        struct itimerval soon = {{0, 0}, {0, 50000}};
        char byte;
        int ends[2];

        if (pipe(ends) < 0)
                return;
        handle(SIGALRM, 0);
        setitimer(ITIMER_REAL, &soon, NULL);
        report("read interrupted", read(ends[0], &byte, 1));
        mkfifo("processes.fifo", 0600);
        setitimer(ITIMER_REAL, &soon, NULL);
        report("open of a FIFO interrupted", open("processes.fifo", O_RDONLY));
        unlink("processes.fifo");
        caught = 0;
        setitimer(ITIMER_REAL, &soon, NULL);
        report("pause", pause());
        report_text("signals", "%d", (int)caught);
        signal(SIGALRM, SIG_DFL);
        close(ends[0]);
        close(ends[1]);
}

static void fifo_rendezvous(void)
{
        mkfifo("processes.fifo", 0600);
        pid_t pid = fork();
        if (pid == 0) {
                int fd = open("processes.fifo", O_WRONLY);
                usleep(20000);
                _exit(write(fd, "x", 1) == 1 ? 0 : 1);
        }
        char byte = 0;
        int fd = open("processes.fifo", O_RDONLY);
        report("FIFO read", read(fd, &byte, 1));
        report("FIFO end", read(fd, &byte, 1));
        close(fd);
        ended("FIFO writer", pid);
        unlink("processes.fifo");
}

static int on_small_stack(void *argument)
{
        *(int *)argument = open_works();
        return 0;
}

static void small_stack(void)
{
        enum { SIZE = 16384 };
        int good = 0;
        char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pid_t pid = clone(on_small_stack, stack + SIZE, CLONE_VM | SIGCHLD, &good);

        ended("clone on a small stack", pid);
        report_text("it opened", "%d", good);
}

static void registers(void)
{
        unsigned long b = 0x1111, d8 = 8, d9 = 9, d10 = 10, r12 = 12, flags_before, flags_after;
        long result;
        const char *path = "/etc/passwd";
        register unsigned long r8 __asm__("r8") = d8;
        register unsigned long r9 __asm__("r9") = d9;
        register unsigned long r10 __asm__("r10") = d10;
        register unsigned long r13 __asm__("r13") = r12;

        __asm__ volatile("stc\n\tstd\n\tpushfq\n\tpop %1\n\tsyscall\n\tpushfq\n\tpop %2\n\tcld\n\tclc"
                         : "=a"(result), "=&r"(flags_before), "=&r"(flags_after), "+b"(b), "+r"(r8), "+r"(r9),
                           "+r"(r10), "+r"(r13)
                         : "0"(SYS_access), "D"(path), "S"(R_OK)
                         : "rcx", "r11", "memory", "cc");
        report_text("registers over a syscall", "%ld %lx %lu %lu %lu %lu flags %s", result, b, r8, r9, r10,
                    r13, flags_before == flags_after ? "kept" : "changed");
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "exit9"))
                return open_works() ? 9 : 19;
        self = argc > 1 ? argv[1] : argv[0];
        alarm(100);
        forks();
        execs();
        threads();
        forks_while_threads_work();
        exec_from_thread();
        cancellation();
        storm("signals that interrupt", 0);
        storm("signals that restart", SA_RESTART);
        jumps();
        interruption();
        fifo_rendezvous();
        small_stack();
        registers();
        return 0;
}
