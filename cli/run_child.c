/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "broker/base/kernel_call.h"
#include "broker/enforce/filter.h"
#include "broker/enforce/landlock.h"
#include "proto/call.h"

#define SHELL_PATH "/bin/sh" /* _PATH_BSHELL, as execvp(3) */

/* As rt_sigaction(2) takes it (arch/x86/include/uapi/asm/signal.h). */
struct kernel_action {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
};

/* exit_group is never mediated: this works whatever state the sandbox is in. */
_Noreturn static void give_up(const struct run_launch *launch, enum child_stage stage, int error)
{
        launch->state->stage = stage;
        launch->state->error = error;
        for (;;) /* any status: the broker looks at what is left there */
                kernel_call(SYS_exit_group, 1, 0, 0, 0);
}

/* Once the filter stands the child waits for answers, and holds the listener itself, so that no call of its
 * own would tell it of the broker's death; nor can the guardian see to it, which waits for the child. */
static int die_with_broker(int lifeline, long self)
{
        struct pollfd hung_up = {.fd = lifeline};

        if (kernel_call(SYS_fcntl, lifeline, F_SETSIG, SIGKILL, 0) < 0 ||
            kernel_call(SYS_fcntl, lifeline, F_SETOWN, self, 0) < 0 ||
            kernel_call(SYS_fcntl, lifeline, F_SETFL, O_ASYNC, 0) < 0)
                return -EBADF;
        /* It may have died before. */
        return kernel_call(SYS_poll, kernel_argument(&hung_up), 1, 0, 0) == 0 ? 0 : -ESRCH;
}

/* What lasts across exec. */
static int prepare(const struct run_launch *launch)
{
        long self = kernel_call(SYS_getpid, 0, 0, 0, 0), r;

        launch->state->child = (pid_t)self;
        r = kernel_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
        if (r == 0)
                r = kernel_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0);
        if (r < 0)
                return (int)r;
        /* The guardian may have died before the parent-death signal was set. */
        if (kernel_call(SYS_getppid, 0, 0, 0, 0) != launch->state->guardian)
                return -ESRCH;
        return die_with_broker(launch->lifeline, self);
}

/* Puts back what flicker-run changed for itself. */
static int restore(const struct run_launch *launch)
{
        /* What a program starts with is "default" or "ignore", without more (execve(2)). */
        const struct kernel_action action = {.handler = launch->child_action.sa_handler};
        long r = kernel_call(SYS_setrlimit, RLIMIT_NOFILE, kernel_argument(&launch->open_files), 0, 0);

        if (r == 0)
                r = kernel_call(SYS_rt_sigaction, SIGCHLD, kernel_argument(&action), 0, sizeof action.mask);
        if (r == 0)
                r = kernel_call(SYS_rt_sigprocmask, SIG_SETMASK, kernel_argument(&launch->signal_mask), 0,
                                sizeof action.mask);
        /* An agent's cores are given back by the broker, when the program is in its place. */
        if (r == 0 && !launch->agent && CPU_COUNT(&launch->cpus))
                kernel_call(SYS_sched_setaffinity, 0, sizeof launch->cpus, kernel_argument(&launch->cpus), 0);
        return (int)r;
}

static void confine(const struct run_launch *launch)
{
        int r = landlock_restrict(launch->ruleset);

        if (r < 0)
                give_up(launch, CHILD_STAGE_LANDLOCK, -r);
        r = filter_install(launch->filter);
        if (r < 0)
                give_up(launch, CHILD_STAGE_FILTER, -r);
        /* The broker fetches it by this number. It is close-on-exec, and no exec succeeds before the broker
         * serves it. Pairs with the acquire load in run_start.c. */
        __atomic_store_n(&launch->state->listener, (uint32_t)r + 1, __ATOMIC_RELEASE);
        kernel_call(SYS_close, launch->ready, 0, 0, 0);
}

/* Executes path by way of the agent, or by itself. Returns only on failure. */
static int execute(const struct run_launch *launch, const char *path, char **arguments,
                   enum child_stage *ret_stage)
{
        const long words = kernel_argument(arguments), environment = kernel_argument(launch->environment);
        long r;

        *ret_stage = CHILD_STAGE_PROGRAM;
        r = kernel_call(SYS_execve, kernel_argument(path), words, environment,
                        launch->agent ? FL_EXEC_MARK : 0);
        if (r != -FL_EXEC_BY_AGENT)
                return (int)r;
        *ret_stage = CHILD_STAGE_AGENT;
        return (int)kernel_call(SYS_execve, kernel_argument(launch->agent), words, environment, 0);
}

void run_child(const struct run_launch *launch)
{
        enum child_stage stage;
        int r = prepare(launch);

        if (r == 0)
                r = restore(launch);
        if (r < 0)
                give_up(launch, CHILD_STAGE_SETUP, -r);
        confine(launch);
        r = execute(launch, launch->path, launch->arguments, &stage);
        if (r == -ENOEXEC && launch->shell)
                r = execute(launch, SHELL_PATH, launch->shell, &stage);
        give_up(launch, stage, -r);
}
