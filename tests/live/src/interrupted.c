/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handler sees of the code it interrupts: loops of one syscall with every register known, under a
 * storm of signals from another thread. The program counter has to lie in the loop, every register has to
 * hold what the loop put there, and every result has to be right. Then handlers change what they see, and the
 * loop has to notice. Prints counts of what was wrong: native and confined runs say the same.
 *
 *   interrupted MILLISECONDS restart|interrupt
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "report.h"

/* What the loops load: rbx is the loop's own, r11 and rcx are the kernel's. */
struct input {
        uint64_t nr, rdi, rsi, rdx, r10, r8, r9, result;
        uint64_t stack; /* written by the loop */
};

/* Runs the syscall until stop is set; returns how often the result was another. */
typedef uint64_t loop_function(struct input *input, const atomic_int *stop);

#define LOOP(name, number)                                                                                   \
        loop_function name;                                                                                  \
        extern const char name##_start[], name##_end[];                                                      \
        LOOP_CODE(#name, number)
#define LOOP_CODE(name, number)                                                                              \
        __asm__(".text\n.globl " name "\n" name ":\n"                                                        \
                "pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"                   \
                "movq %rdi, %rbx\n"                                                                          \
                "movq %rsi, %r12\n"                                                                          \
                "xorl %r13d, %r13d\n"                                                                        \
                "movq 0(%rbx), %r14\n"                                                                       \
                "movabsq $0x1515151515151515, %r15\n"                                                        \
                "movabsq $0x0606060606060606, %rbp\n"                                                        \
                "movq 8(%rbx), %rdi; movq 16(%rbx), %rsi; movq 24(%rbx), %rdx\n"                             \
                "movq 32(%rbx), %r10; movq 40(%rbx), %r8; movq 48(%rbx), %r9\n"                              \
                ".globl " name "_start, " name "_end\n" name "_start:\n"                                     \
                "movq %rsp, 64(%rbx)\n"                                                                      \
                "1: movq $0x7788, -8(%rsp); movq $0x99aa, -128(%rsp)\n"                                      \
                "std\n" number "\nsyscall\n"                                                                 \
                "cmpq %rax, 56(%rbx)\n"                                                                      \
                "jne 2f\n"                                                                                   \
                "cmpq $0x7788, -8(%rsp)\n"                                                                   \
                "jne 2f\n"                                                                                   \
                "cmpq $0x99aa, -128(%rsp)\n"                                                                 \
                "jne 2f\n"                                                                                   \
                "pushfq; testl $0x400, (%rsp); leaq 8(%rsp), %rsp\n"                                         \
                "jz 2f\n"                                                                                    \
                "3: cmpl $0, (%r12)\n"                                                                       \
                "je 1b\n" name "_end:\n"                                                                     \
                "cld\n"                                                                                      \
                "movq %r13, %rax\n"                                                                          \
                "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"                         \
                "ret\n"                                                                                      \
                "2: incq %r13; jmp 3b\n")
LOOP(loop_stat, "movl $262, %eax"); /* newfstatat */
LOOP(loop_open, "movl $257, %eax"); /* openat */
LOOP(loop_mkdir, "movl $83, %eax");
LOOP(loop_parent, "movl $110, %eax"); /* getppid */
/* The number comes from elsewhere; there is room for a jump in front of the instruction, or there is not, and
 * the instruction has to move. */
LOOP(loop_any, "{disp32} leaq 0(%r14), %rax");
LOOP(loop_moved, "movq %r14, %rax");

enum { WRONG_PLACE, WRONG_REGISTER, WRONG_STACK, WRONG_FLAGS, WRONGS };

static struct input *volatile current;
static const char *volatile start, *volatile end;
static volatile bool moved; /* the program counter may be a trampoline's */
static atomic_int stop;
static atomic_ulong seen, wrong[WRONGS];
static pthread_t target;
static int milliseconds;

/* In a section of its own, to know its extent: one handler interrupts another. It calls nothing. */
extern const char __start_handlers[], __stop_handlers[];
static uint64_t restorer; /* what handlers return to: 9 bytes, up to the end of rt_sigreturn's instruction */

static inline __attribute__((always_inline)) bool in_handler(uint64_t rip)
{
        return (rip >= (uint64_t)__start_handlers && rip < (uint64_t)__stop_handlers) ||
               (rip >= restorer && rip < restorer + 9);
}

static __attribute__((section("handlers"), noinline)) void look(int number, siginfo_t *info, void *context)
{
        const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
        const struct input *in = current;
        uint64_t rip = (uint64_t)r[REG_RIP], rsp = (uint64_t)r[REG_RSP];

        (void)number;
        (void)info;
        if (atomic_load(&stop))
                return; /* on the way out */
        if (in_handler(rip))
                return;
        atomic_fetch_add(&seen, 1);
        if (!moved && (rip < (uint64_t)start || rip >= (uint64_t)end)) {
                atomic_fetch_add(&wrong[WRONG_PLACE], 1);
                return;
        }
        if ((uint64_t)r[REG_RDI] != in->rdi || (uint64_t)r[REG_RSI] != in->rsi ||
            (uint64_t)r[REG_RDX] != in->rdx || (uint64_t)r[REG_R10] != in->r10 ||
            (uint64_t)r[REG_R8] != in->r8 || (uint64_t)r[REG_R9] != in->r9 ||
            (uint64_t)r[REG_RBX] != (uint64_t)in || (uint64_t)r[REG_R12] != (uint64_t)&stop ||
            (uint64_t)r[REG_R14] != in->nr || (uint64_t)r[REG_R15] != 0x1515151515151515 ||
            (uint64_t)r[REG_RBP] != 0x0606060606060606 ||
            ((uint64_t)r[REG_RAX] != in->nr && (uint64_t)r[REG_RAX] != in->result))
                atomic_fetch_add(&wrong[WRONG_REGISTER], 1);
        if (rsp != in->stack && rsp != in->stack - 8) /* pushfq */
                atomic_fetch_add(&wrong[WRONG_STACK], 1);
        if (rip > (uint64_t)start + 23 && rip < (uint64_t)end && !(r[REG_EFL] & 0x400))
                atomic_fetch_add(&wrong[WRONG_FLAGS], 1);
}

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void *storm(void *unused)
{
        const struct timespec pause = {0, 20000};
        uint64_t until = now_ns() + (uint64_t)milliseconds * 1000000;

        (void)unused;
        while (!current->stack) /* not in the loop yet */
                sched_yield();
        do {
                for (unsigned i = 0; i < 8; i++)
                        pthread_kill(target, i % 2 ? SIGUSR1 : SIGUSR2);
                nanosleep(&pause, NULL);
        } while (now_ns() < until || (atomic_load(&seen) < 51 && now_ns() < until + 20000000000));
        atomic_store(&stop, 1);
        return NULL;
}

/* The loop with its place, for the handler. */
struct loop {
        loop_function *function;
        const char *start, *end;
        bool moved;
};
#define THE_LOOP(name) ((struct loop){name, name##_start, name##_end, false})

static void under_storm(const char *name, struct loop loop, struct input *input)
{
        pthread_t thread;
        uint64_t results;

        for (unsigned i = 0; i < WRONGS; i++)
                atomic_store(&wrong[i], 0);
        atomic_store(&seen, 0);
        atomic_store(&stop, 0);
        start = loop.start;
        end = loop.end;
        moved = loop.moved;
        input->stack = 0;
        current = input;
        target = pthread_self();
        pthread_create(&thread, NULL, storm, NULL);
        results = loop.function(input, &stop);
        pthread_join(thread, NULL);
        report_text(name, "%s: places %lu, registers %lu, stacks %lu, flags %lu, results %lu",
                    atomic_load(&seen) > 50 ? "many signals" : "too few signals",
                    atomic_load(&wrong[WRONG_PLACE]), atomic_load(&wrong[WRONG_REGISTER]),
                    atomic_load(&wrong[WRONG_STACK]), atomic_load(&wrong[WRONG_FLAGS]), results);
}

static void set(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
        struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

        uint64_t kernels[4];

        sigemptyset(&action.sa_mask);
        sigaction(number, &action, NULL);
        syscall(SYS_rt_sigaction, number, NULL, kernels, 8);
        restorer = kernels[2];
}

static void storms(int flags)
{
        static struct stat found;
        const uint64_t here = (uint64_t)AT_FDCWD, nothing = (uint64_t) "/no/such/file",
                       out = (uint64_t)&found;
        struct input absent = {SYS_newfstatat, here, nothing, out, 0, 8, 9, (uint64_t)-ENOENT, 0};
        struct input there = {SYS_newfstatat, here, (uint64_t) "/etc/passwd", out, 0, 8, 9, 0, 0};
        struct input bad = {SYS_newfstatat, here, 8, out, 0, 8, 9, (uint64_t)-EFAULT, 0};
        struct input open = {SYS_openat, here, nothing, O_RDONLY, 0, 8, 9, (uint64_t)-ENOENT, 0};
        struct input make = {SYS_mkdir, (uint64_t) "/etc", 0700, 3, 4, 8, 9, (uint64_t)-EEXIST, 0};
        struct input parent = {SYS_getppid, 1, 2, 3, 4, 8, 9, (uint64_t)getppid(), 0};
        struct loop has_moved = THE_LOOP(loop_moved);

        has_moved.moved = true;
        set(SIGUSR1, look, flags);
        set(SIGUSR2, look, flags | SA_NODEFER);
        under_storm("stat of nothing", THE_LOOP(loop_stat), &absent);
        under_storm("stat of something", THE_LOOP(loop_stat), &there);
        under_storm("stat at a bad address", THE_LOOP(loop_stat), &bad);
        under_storm("open of nothing", THE_LOOP(loop_open), &open);
        under_storm("mkdir", THE_LOOP(loop_mkdir), &make);
        under_storm("getppid", THE_LOOP(loop_parent), &parent);
        under_storm("stat of nothing, by any number", THE_LOOP(loop_any), &absent);
        under_storm("stat of something, by any number", THE_LOOP(loop_any), &there);
        under_storm("mkdir, by any number", THE_LOOP(loop_any), &make);
        under_storm("stat of nothing, moved", has_moved, &absent);
        under_storm("stat of something, moved", has_moved, &there);
}

/* What sigprocmask finds is what it left, whatever handlers came in between. */
static void masks(void)
{
        unsigned long wrong_masks = 0;
        pthread_t thread;
        struct input none = {.stack = 1};

        atomic_store(&stop, 0);
        atomic_store(&seen, 51);
        current = &none;
        moved = true;
        target = pthread_self();
        pthread_create(&thread, NULL, storm, NULL);
        for (unsigned turn = 1; !atomic_load(&stop); turn++) {
                int blocked = turn % 2 ? SIGHUP : SIGALRM, other = turn % 2 ? SIGALRM : SIGHUP;
                sigset_t set, before, now;

                sigemptyset(&set);
                sigaddset(&set, blocked);
                if (sigprocmask(SIG_SETMASK, &set, &before) < 0 || sigprocmask(SIG_BLOCK, NULL, &now) < 0 ||
                    !sigismember(&now, blocked) || sigismember(&now, other) || sigismember(&now, SIGTERM) ||
                    (turn > 1 && (!sigismember(&before, other) || sigismember(&before, blocked) ||
                                  sigismember(&before, SIGTERM))))
                        wrong_masks++;
        }
        pthread_join(thread, NULL);
        report_text("masks", "%lu wrong", wrong_masks);
}

int main(int argc, char **argv)
{
        milliseconds = argc > 1 ? atoi(argv[1]) : 100;
        storms(argc > 2 && !strcmp(argv[2], "restart") ? SA_RESTART : 0);
        masks();
        return 0;
}
