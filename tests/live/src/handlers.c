/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers: what sigaction tells of them, what they may change, how they nest, where they may leave to, and
 * what comes in which order. Printed for comparison with a native run. Everything that could wait is ended by
 * an alarm.
 *
 *   handlers [JUMPS [MILLISECONDS]]
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "report.h"

static int jumps = 20000, milliseconds = 500;

static void one(int number)
{
        (void)number;
}

static void other(int number, siginfo_t *info, void *context)
{
        (void)number;
        (void)info;
        (void)context;
}

static void tell_action(const char *name, int number)
{
        struct sigaction now;

        sigaction(number, NULL, &now);
        report_text(name, "%s flags %x mask %d%d",
                    now.sa_handler == SIG_DFL   ? "default"
                    : now.sa_handler == SIG_IGN ? "ignored"
                    : now.sa_handler == one     ? "one"
                    : now.sa_sigaction == other ? "other"
                                                : "SOMETHING",
                    (unsigned)now.sa_flags, sigismember(&now.sa_mask, SIGUSR1),
                    sigismember(&now.sa_mask, SIGUSR2));
}

static void actions(void)
{
        struct sigaction action = {.sa_handler = one, .sa_flags = SA_RESTART | SA_ONSTACK}, before;
        pid_t pid;
        int status;

        sigemptyset(&action.sa_mask);
        sigaddset(&action.sa_mask, SIGUSR2);
        sigaction(SIGUSR1, &action, &before);
        report_text("the first", "%d", before.sa_handler == SIG_DFL);
        tell_action("one", SIGUSR1);
        action.sa_sigaction = other;
        action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESETHAND;
        sigaction(SIGUSR1, &action, &before);
        report_text("one before", "%d", before.sa_handler == one);
        tell_action("other", SIGUSR1);
        raise(SIGUSR1);
        tell_action("reset", SIGUSR1);
        sigaction(SIGUSR1, &action, NULL);
        pid = vfork();
        if (pid == 0) { /* shares the memory, and not the actions */
                signal(SIGUSR1, SIG_DFL);
                signal(SIGUSR2, one);
                _exit(0);
        }
        waitpid(pid, &status, 0);
        tell_action("after a vfork child's", SIGUSR1);
        tell_action("after a vfork child's other", SIGUSR2);
        sigaction(SIGUSR1, &before, NULL);
        tell_action("set back", SIGUSR1);
        signal(SIGUSR1, SIG_IGN);
        tell_action("ignored", SIGUSR1);
        signal(SIGUSR1, SIG_DFL);
        report("of SIGKILL", sigaction(SIGKILL, &action, NULL));
        report("of 65", syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
        report("of a wrong size", syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
        report("at a bad address", syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
        report("to a bad address", syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8));
}

static sigjmp_buf place;

static void leave(int number)
{
        siglongjmp(place, number);
}

static bool works(void)
{
        struct stat found;

        return stat("/etc/passwd", &found) == 0 && stat("/no/such", &found) < 0 && errno == ENOENT;
}

static void jump_out(void)
{
        struct itimerval soon = {{0, 0}, {0, 50}};
        volatile int out = 0;

        signal(SIGALRM, leave);
        for (volatile int i = 0; i < jumps; i++) {
                if (sigsetjmp(place, 1)) {
                        out++;
                        continue;
                }
                setitimer(ITIMER_REAL, &soon, NULL);
                for (;;)
                        works();
        }
        signal(SIGALRM, SIG_DFL);
        report_text("jumps out", "%s, and it works: %d", out == jumps ? "all" : "NOT ALL", works());
}

static _Atomic int depth, deepest, wrong_results;

static void nest(int number)
{
        int now = atomic_fetch_add(&depth, 1) + 1;

        if (now > atomic_load(&deepest))
                atomic_store(&deepest, now);
        if (!works())
                atomic_fetch_add(&wrong_results, 1);
        if (now < 6)
                raise(number);
        atomic_fetch_sub(&depth, 1);
}

static void nested(void)
{
        struct sigaction action = {.sa_handler = nest, .sa_flags = SA_NODEFER};

        sigaction(SIGUSR1, &action, NULL);
        for (int i = 0; i < 100; i++)
                raise(SIGUSR1);
        report_text("nested", "%d deep, %d wrong", atomic_load(&deepest), atomic_load(&wrong_results));
        signal(SIGUSR1, SIG_DFL);
}

static char *stack;
static _Atomic long on_stack, off_stack;

static void where(int number)
{
        char here;

        (void)number;
        if (&here >= stack && &here < stack + 65536)
                atomic_fetch_add(&on_stack, 1);
        else
                atomic_fetch_add(&off_stack, 1);
        if (!works())
                atomic_fetch_add(&wrong_results, 1);
}

static void alternate_stack(void)
{
        struct sigaction action = {.sa_handler = where, .sa_flags = SA_ONSTACK};
        stack_t alternate = {.ss_size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 1024}, before;

        stack = alternate.ss_sp = malloc(65536);
        report("sigaltstack", sigaltstack(&alternate, &before));
        sigaction(SIGUSR1, &action, NULL);
        for (int i = 0; i < 200; i++)
                raise(SIGUSR1);
        report_text("on the smallest stack", "%ld on, %ld off, %d wrong", atomic_load(&on_stack),
                    atomic_load(&off_stack), atomic_load(&wrong_results));
        alternate.ss_flags = SS_DISABLE;
        sigaltstack(&alternate, NULL);
        raise(SIGUSR1);
        report_text("off it", "%ld", atomic_load(&off_stack));
        signal(SIGUSR1, SIG_DFL);
}

/* A handler that makes a syscall of its own choice of the one it interrupted. */
extern const char skip_from[], skip_to[];
static long skipped(void)
{
        long result;

        __asm__ volatile("skip_from: ud2\n\tmovl $110, %%eax\n\tsyscall\n"
                         "skip_to: nop"
                         : "=a"(result)
                         :
                         : "rcx", "r11", "memory");
        return result;
}

static void skip(int number, siginfo_t *info, void *context)
{
        greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

        (void)number;
        if (r[REG_RIP] == (greg_t)skip_from && info->si_addr == skip_from) {
                r[REG_RIP] = (greg_t)skip_to;
                r[REG_RAX] = 4711;
        }
}

static void changes(void)
{
        struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};

        sigaction(SIGILL, &action, NULL);
        report_text("skipped by a handler", "%ld", skipped());
        signal(SIGILL, SIG_DFL);
}

/* Bad addresses in the program itself are its own. */
static volatile sig_atomic_t fault_number;
static void *volatile fault_address;

static void fault(int number, siginfo_t *info, void *context)
{
        (void)context;
        fault_number = number;
        fault_address = info->si_addr;
        siglongjmp(place, 1);
}

static void faults(void)
{
        struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

        sigaction(SIGSEGV, &action, NULL);
        if (!sigsetjmp(place, 1))
                *(volatile int *)16 = 1;
        report_text("null write", "%d at %p", (int)fault_number, fault_address);
        if (!sigsetjmp(place, 1))
                *(volatile int *)NULL;
        report_text("null read", "%d at %p", (int)fault_number, fault_address);
        if (!sigsetjmp(place, 1))
                ((void (*)(void)) * (void *volatile *)&(void *){NULL})();
        report_text("null call", "%d at %p", (int)fault_number, fault_address);
        report("stat at a bad address", syscall(SYS_stat, 8, 8));
        report("open at a bad address", syscall(SYS_open, 8, 0));
        signal(SIGSEGV, SIG_DFL);
}

static _Atomic int order[64], ordered;

static void note_order(int number, siginfo_t *info, void *context)
{
        (void)number;
        (void)context;
        order[atomic_fetch_add(&ordered, 1) % 64] = info->si_value.sival_int;
}

static void queues(void)
{
        struct sigaction action = {.sa_sigaction = note_order, .sa_flags = SA_SIGINFO};
        sigset_t set;
        struct timespec none = {0, 0};
        siginfo_t info;
        int fd;

        sigemptyset(&set);
        for (int i = 0; i < 4; i++) {
                sigaction(SIGRTMIN + i, &action, NULL);
                sigaddset(&set, SIGRTMIN + i);
        }
        sigprocmask(SIG_BLOCK, &set, NULL);
        for (int i = 0; i < 20; i++)
                sigqueue(getpid(), SIGRTMIN + i % 4, (union sigval){.sival_int = i});
        works();
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        printf("real-time order:");
        for (int i = 0; i < 20; i++)
                printf(" %d", order[i]);
        printf("\n");
        sigprocmask(SIG_BLOCK, &set, NULL);
        for (int i = 0; i < 8; i++)
                sigqueue(getpid(), SIGRTMIN + i % 4, (union sigval){.sival_int = i});
        printf("sigtimedwait:");
        while (sigtimedwait(&set, &info, &none) > 0)
                printf(" %d", info.si_value.sival_int);
        printf("\n");
        fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
        for (int i = 0; i < 8; i++)
                sigqueue(getpid(), SIGRTMIN + i % 4, (union sigval){.sival_int = i});
        printf("signalfd:");
        for (struct signalfd_siginfo read_info; read(fd, &read_info, sizeof read_info) > 0;)
                printf(" %d", read_info.ssi_int);
        printf("\n");
        close(fd);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        fflush(stdout);
}

/* SIGPROF on threads that make calls, each result checked. */
static _Atomic long ticks, wrong_calls;
static atomic_bool threads_stop;

static void tick(int number)
{
        (void)number;
        atomic_fetch_add(&ticks, 1);
}

/* Ten thousand a second to the calling thread. */
static timer_t start_ticking(void)
{
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
        struct itimerspec fast = {{0, 100000}, {0, 100000}};
        timer_t timer;

        event._sigev_un._tid = gettid();
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &fast, NULL) < 0)
                report("timer", -1);
        return timer;
}

static void *calling(void *unused)
{
        timer_t timer = start_ticking();
        struct stat found;
        char link[64];

        (void)unused;
        while (!atomic_load(&threads_stop)) {
                int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

                if (fd < 0 || fstat(fd, &found) < 0 || close(fd) < 0 || stat("/etc/passwd", &found) < 0 ||
                    stat("/no/such", &found) == 0 || errno != ENOENT || mkdir("/etc", 0) == 0 ||
                    errno != EEXIST || readlink("/proc/self/exe", link, sizeof link) <= 0 || link[0] != '/')
                        atomic_fetch_add(&wrong_calls, 1);
        }
        timer_delete(timer);
        return NULL;
}

static void profiled(void)
{
        struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
        pthread_t thread[4];

        sigaction(SIGPROF, &action, NULL);
        for (int i = 0; i < 4; i++)
                pthread_create(&thread[i], NULL, calling, NULL);
        for (struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
             nanosleep(&left, &left) < 0;)
                ;
        atomic_store(&threads_stop, true);
        for (int i = 0; i < 4; i++)
                pthread_join(thread[i], NULL);
        report_text("profiled", "%s, %ld wrong", atomic_load(&ticks) > 10 ? "ticks" : "NO TICKS",
                    atomic_load(&wrong_calls));
}

static void stops(void)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                for (int i = 0; i < 1000000; i++) {
                        if (!works())
                                _exit(1);
                }
                _exit(0);
        }
        for (int i = 0; i < 50; i++) {
                kill(pid, SIGSTOP);
                if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
                        break;
                kill(pid, SIGCONT);
        }
        report_text("stopped and continued", "%s",
                    kill(pid, 0) == 0 && WIFSTOPPED(status) ? "50 times" : "NOT");
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        report_text("killed", "%d", WIFSIGNALED(status));
}

/* A seccomp filter of the program's own: getppid traps, and the handler makes up the result; mkdir is refused
 * with a number that nothing else gives; and what no program calls, an agent must not. */
static void on_trap(int number, siginfo_t *info, void *context)
{
        greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

        (void)number;
        r[REG_RAX] = info->si_code == 1 /* SYS_SECCOMP */ && r[REG_RAX] == info->si_syscall ? 815 : -1;
}

#define KILL_IF(number)                                                                                      \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

static void own_filter(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_access, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 78),
                KILL_IF(SYS_gettid),
                KILL_IF(SYS_rt_sigprocmask),
                KILL_IF(0x464c),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof code / sizeof *code, code};
        struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

        for (int i = 0; i < 200; i++)
                works(); /* so that it runs over a ring by now, where there is one */
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        report("own filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
        sigaction(SIGSYS, &action, NULL);
        for (int i = 0; i < 200; i++) {
                if (getppid() != 815)
                        report("trapped", -1);
                if (mkdir("/tmp", 0) == 0 || errno != 77)
                        report("refused", -1);
                if (access("/etc/passwd", R_OK) == 0 || errno != 78)
                        report("refused, too", -1);
        }
        report("open under it", open("/etc/passwd", O_RDONLY));
        signal(SIGALRM, one);
        alarm(1);
        pause();
        report_text("handlers under it", "done");
        execl("/bin/true", "true", NULL);
}

static void filters(void)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                own_filter();
                _exit(3);
        }
        waitpid(pid, &status, 0);
        report_text("filtered", "%x", status);
}

/* A frame of the program's own making, for rt_sigreturn: as the kernel lays it out, after a copy of one of
 * its. */
static ucontext_t saved;
static volatile int saved_turn;

static void save(int number, siginfo_t *info, void *context)
{
        (void)number;
        (void)info;
        saved = *(ucontext_t *)context;
}

static void own_frame(void)
{
        struct sigaction action = {.sa_sigaction = save, .sa_flags = SA_SIGINFO};
        static _Alignas(64) uint8_t frame[4096];
        volatile int times = 0;

        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        times++;
        if (saved_turn++ < 3) {
                /* The context begins where the stack pointer stands; the kernel takes 936 bytes at most
                 * without the extended state, which stays where it was. */
                memcpy(frame, &saved, 304);
                __asm__ volatile("movq %0, %%rsp; movl $15, %%eax; syscall" : : "r"(frame) : "memory");
        }
        report_text("own frames", "%d", saved_turn);
        signal(SIGUSR1, SIG_DFL);
}

int main(int argc, char **argv)
{
        if (argc > 1)
                jumps = atoi(argv[1]);
        if (argc > 2)
                milliseconds = atoi(argv[2]);
        actions();
        nested();
        alternate_stack();
        changes();
        faults();
        queues();
        profiled();
        stops();
        jump_out();
        own_frame();
        filters();
        return 0;
}
