/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/self_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/policy/syscalls.h"

/* Newer than the headers of Debian 12. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define SELF_BOTH (SELF_BROKER | SELF_GUARDIAN)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SELF_SANITIZER SELF_BOTH
#else
#define SELF_SANITIZER 0
#endif
#define SELF_CLONE_NAMESPACES                                                                                \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |        \
         CLONE_NEWNET)

#define VALUES_MAX 7
#define BY_SECCOMP 1 /* SYS_SECCOMP, a si_code that only the kernel's own headers define */

struct self_call {
        uint16_t nr;
        uint8_t roles;
        uint8_t argument;
        uint8_t value_count; /* 0: any arguments */
        uint32_t mask;
        uint32_t values[VALUES_MAX];
};

#define COUNT(...) (sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
static const struct self_call calls[] = {
#define SELF(who, name) {.nr = SYS_##name, .roles = SELF_##who},
#define SELF_IF(who, name, index, bits, ...)                                                                 \
        {.nr = SYS_##name,                                                                                   \
         .roles = SELF_##who,                                                                                \
         .argument = index,                                                                                  \
         .value_count = COUNT(__VA_ARGS__),                                                                  \
         .mask = bits,                                                                                       \
         .values = {__VA_ARGS__}},
#include "broker/enforce/self_syscalls.def"
#undef SELF_IF
#undef SELF
};

/* What becomes of each number: an index into calls plus one, or one of these. */
#define ACTION_REFUSE 0
#define ACTION_ALLOW  UINT16_MAX
#define ACTION_ABSENT (UINT16_MAX - 1)

struct assembler {
        uint16_t actions[SYSCALLS_LIMIT];
        uint16_t starts[SYSCALLS_LIMIT]; /* numbers at which the action changes, ascending; the first is 0 */
        unsigned start_count;
        struct sock_filter *code;
        unsigned length;
        bool overflow;
};

static void fill_actions(struct assembler *assembler, unsigned roles)
{
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (calls[i].roles & roles)
                        assembler->actions[calls[i].nr] =
                                calls[i].value_count ? (uint16_t)(i + 1) : ACTION_ALLOW;
        /* Its flags are in memory. Told that it does not exist, the C library takes clone. */
        assembler->actions[SYS_clone3] = ACTION_ABSENT;
        for (unsigned nr = 0; nr < SYSCALLS_LIMIT; nr++)
                if (nr == 0 || assembler->actions[nr] != assembler->actions[nr - 1])
                        assembler->starts[assembler->start_count++] = (uint16_t)nr;
}

static unsigned emit(struct assembler *assembler, struct sock_filter instruction)
{
        if (assembler->length == SELF_FILTER_MAX) {
                assembler->overflow = true;
                return 0;
        }
        assembler->code[assembler->length] = instruction;
        return assembler->length++;
}

static void emit_return(struct assembler *assembler, uint32_t value)
{
        emit(assembler, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* The accumulator need not keep the number: each leaf returns. */
static void emit_call(struct assembler *assembler, const struct self_call *call)
{
        /* x86-64 is little-endian: the low half comes first. */
        uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + call->argument * sizeof(uint64_t));

        emit(assembler, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
        emit(assembler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, call->mask));
        for (uint8_t i = 0; i < call->value_count; i++)
                emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->values[i],
                                                             (uint8_t)(call->value_count - i), 0));
        emit_return(assembler, SECCOMP_RET_TRAP);
        emit_return(assembler, SECCOMP_RET_ALLOW);
}

static void emit_leaf(struct assembler *assembler, uint16_t action)
{
        if (action == ACTION_REFUSE)
                emit_return(assembler, SECCOMP_RET_TRAP);
        else if (action == ACTION_ALLOW)
                emit_return(assembler, SECCOMP_RET_ALLOW);
        else if (action == ACTION_ABSENT)
                emit_return(assembler, SECCOMP_RET_ERRNO | ENOSYS);
        else
                emit_call(assembler, &calls[action - 1]);
}

/* The runs of equal actions [first, last), by halves: the kernel walks the program once for each number when
 * it is installed, to remember which are always allowed. */
static void emit_runs(struct assembler *assembler, unsigned first, unsigned last)
{
        unsigned middle = first + (last - first) / 2, jump, over;

        if (last - first == 1) {
                emit_leaf(assembler, assembler->actions[assembler->starts[first]]);
                return;
        }
        jump = emit(assembler,
                    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, assembler->starts[middle], 0, 0));
        emit_runs(assembler, first, middle);
        over = assembler->length - jump - 1;
        if (over > UINT8_MAX)
                assembler->overflow = true;
        assembler->code[jump].jt = (uint8_t)over;
        emit_runs(assembler, middle, last);
}

int self_filter_build(unsigned roles, struct sock_filter out[SELF_FILTER_MAX])
{
        struct assembler assembler = {.code = out};

        fill_actions(&assembler, roles);
        emit(&assembler,
             (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
        emit(&assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
        emit_return(&assembler, SECCOMP_RET_KILL_PROCESS);
        emit(&assembler,
             (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
        /* Of numbers that no table knows, x32's among them, the last run has the answer. */
        emit_runs(&assembler, 0, assembler.start_count);
        return assembler.overflow ? -E2BIG : (int)assembler.length;
}

static int status_of_violation;

_Noreturn static void end(int nr)
{
        char line[128];
        int n = snprintf(line, sizeof line,
                         "flicker: the broker made a system call that is not in its table (%s): ending the "
                         "sandbox\n",
                         syscall_name(nr));

        if (write(STDERR_FILENO, line, (size_t)n) < 0)
                _exit(status_of_violation);
        _exit(status_of_violation);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
        pid_t self = getpid();
        int saved = errno;

        (void)context;
        if (info->si_code == BY_SECCOMP)
                end(info->si_syscall);
        if (info->si_code == SI_QUEUE)
                syscall(SYS_rt_tgsigqueueinfo, self, self, signal, info);
        else
                syscall(SYS_tgkill, self, self, signal);
        errno = saved;
}

int self_filter_install(unsigned roles, int exit_status)
{
        const struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
        struct sock_filter code[SELF_FILTER_MAX];
        struct sock_fprog program = {.filter = code};
        int length = self_filter_build(roles, code);
        long r;

        if (length < 0)
                return length;
        program.len = (unsigned short)length;
        status_of_violation = exit_status;
        if (sigaction(SIGSYS, &action, NULL) < 0)
                return -errno;
        /* The broker runs no foreign code: what slows speculation down is not for it. */
        r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                    SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
        return r == 0 ? 0 : r > 0 ? -EBUSY : -errno;
}
