/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syscalls in code so crowded that not even a short jump finds room: the jump ends in the bytes that follow,
 * which are branched to as well. puns [stubs]: with the word, how many pages of the agent lie far below the
 * program.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define FAR (128ull << 20) /* bytes; FL_PUN_NEAREST */

/* rdi, rsi, rdx, r10 as of the syscall; the number comes last. Each goes over what follows the syscall three
 * times more, and counts that in puns_count. */
typedef long call(const void *first, void *second, long third, long number);
call punned, prefixed, successor, padded;
extern const char punned_behind[], prefixed_behind[], successor_behind[], padded_behind[];
extern uint32_t puns_count;

#define CROWD ".rept 30\n call nothing\n .endr\n"

/* BEHIND: what follows the syscall; its bytes say which tactic fits. FRONT, CROWDED: what is round the two.
 * The result is in rax, and is kept in r8. */
#define CALL(name, front, behind, crowded)                                                                   \
        ".globl " #name ", " #name "_behind\n"                                                               \
        ".type " #name ", @function\n" #name ":\n"                                                           \
        "       xor %r9d, %r9d\n"                                                                            \
        "       mov %rcx, %rax\n"                                                                            \
        "       " front "\n"                                                                                 \
        "       syscall\n" #name "_behind:\n"                                                                \
        "       " behind "\n"                                                                                \
        "       " crowded "\n"                                                                               \
        "       mov %rax, %r8\n"                                                                             \
        "       add %edx, puns_count(%rip)\n"                                                                \
        "       inc %r9d\n"                                                                                  \
        "       cmp $4, %r9d\n"                                                                              \
        "       jne " #name "_behind\n"                                                                      \
        "       mov %r8, %rax\n"                                                                             \
        "       ret\n"                                                                                       \
        ".size " #name ", . - " #name "\n"

__asm__(".text\n"
        ".type nothing, @function\n"
        "nothing: ret\n"
        ".size nothing, . - nothing\n" CALL(punned, CROWD, "mov %rax, %rdi", CROWD) /* 48 89 c7: leads back */
        CALL(prefixed, CROWD, "cmp $-4095, %rax",
             CROWD) /* 48 3d 01: leads forward, and with f0 behind it back */
        CALL(successor, CROWD, "mov $7, %edx", CROWD) /* ba 07 00 00: leads forward */
        ".p2align 4\n" CALL(padded, "call nothing", "nop; mov $7, %edx",
                            "") /* could be moved, but there is padding */
        ".p2align 4\n"
        ".skip 16, 0x90\n"
        ".data\n"
        ".globl puns_count\n"
        "puns_count: .long 0\n"
        ".text\n");

static const struct {
        const char *name;
        call *function;
        const char *behind;
} calls[] = {{"punned", punned, punned_behind},
             {"prefixed", prefixed, prefixed_behind},
             {"successor", successor, successor_behind},
             {"padded", padded, padded_behind}};

#define CALLS (sizeof calls / sizeof calls[0])

static const char *volatile expected;
static volatile unsigned behind, elsewhere;

/* Of the linker. */
extern const char __executable_start[], etext[];

/* A call that was interrupted stands behind its instruction, with what the kernel leaves in rcx. (A second
 * signal may find the result still in rax, a little further on.) */
static void on_alarm(int signal, siginfo_t *info, void *context)
{
        const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
        uintptr_t pc = (uintptr_t)registers[REG_RIP];

        (void)signal;
        (void)info;
        if (registers[REG_RAX] != -EINTR)
                return; /* not waiting */
        if (pc == (uintptr_t)expected && (uintptr_t)registers[REG_RCX] == pc)
                behind++;
        else if (pc < (uintptr_t)__executable_start || pc >= (uintptr_t)etext)
                elsewhere++;
}

static void results(void)
{
        struct stat status;

        for (unsigned i = 0; i < CALLS; i++) {
                long sum = 0;

                puns_count = 0;
                memset(&status, 0, sizeof status);
                for (int n = 0; n < 1000; n++)
                        sum += calls[i].function("/", &status, 1, SYS_stat) +
                               calls[i].function("/absent", &status, 2, SYS_stat);
                printf("%s: %ld %d %u\n", calls[i].name, sum, S_ISDIR(status.st_mode), (unsigned)puns_count);
        }
}

static void signals(void)
{
        struct sigaction action = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO};
        struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
        struct timespec wait = {60, 0};

        sigaction(SIGALRM, &action, NULL);
        for (unsigned i = 0; i < CALLS; i++) {
                expected = calls[i].behind;
                behind = elsewhere = 0;
                setitimer(ITIMER_REAL, &often, NULL);
                for (int n = 0; n < 50; n++)
                        calls[i].function(&wait, NULL, 0, SYS_nanosleep);
                setitimer(ITIMER_REAL, &never, NULL);
                printf("%s: interrupted behind the instruction %d, elsewhere %u\n", calls[i].name,
                       behind >= 50, elsewhere);
        }
}

/* Executable pages that are no file's: the kernel may or may not have a name for them. */
static void stubs(void)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        unsigned long start, end, inode;
        unsigned count = 0;
        char line[512];

        while (maps && fgets(line, sizeof line, maps))
                if (sscanf(line, "%lx-%lx r-xp %*x %*x:%*x %lu", &start, &end, &inode) == 3 && inode == 0 &&
                    end - start == 4096 && start < (uintptr_t)punned - FAR)
                        count++;
        printf("%u stubs\n", count);
}

int main(int argc, char **argv)
{
        if (argc > 1 && strcmp(argv[1], "stubs") == 0) {
                stubs();
                return 0;
        }
        results();
        signals();
        return 0;
}
