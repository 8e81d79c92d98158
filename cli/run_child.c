/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/enforce/filter.h"
#include "broker/enforce/landlock.h"
#include "proto/call.h"

#define SHELL_PATH "/bin/sh" /* _PATH_BSHELL, as execvp(3) */

extern char **environ;

/* exit_group is never mediated: this works whatever state the sandbox is in. */
_Noreturn static void give_up(const struct run_launch *launch, enum child_stage stage, int error)
{
        launch->state->stage = stage;
        launch->state->error = error;
        _exit(RLIMIT_NLIMITS); /* any status: the broker looks at state */
}

/* Once the filter stands the child waits for answers, and holds the listener itself, so that no call of its
 * own would tell it of the broker's death; nor can the guardian see to it, which waits for the child. */
static int die_with_broker(int lifeline)
{
        struct pollfd hung_up = {.fd = lifeline};

        if (fcntl(lifeline, F_SETSIG, SIGKILL) < 0 || fcntl(lifeline, F_SETOWN, getpid()) < 0 ||
            fcntl(lifeline, F_SETFL, O_ASYNC) < 0)
                return -errno;
        /* It may have died before. */
        return poll(&hung_up, 1, 0) == 0 ? 0 : -ESRCH;
}

/* What lasts across exec. */
static int prepare(const struct run_launch *launch)
{
        launch->state->child = getpid();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (getppid() != launch->state->guardian) /* it died before the parent-death signal was set */
                return -ESRCH;
        return die_with_broker(launch->lifeline);
}

/* Puts back what flicker-run changed for itself. */
static int restore(const struct run_launch *launch)
{
        if (launch->tmpdir && setenv("TMPDIR", launch->tmpdir, 1) < 0)
                return -ENOMEM;
        if (setrlimit(RLIMIT_NOFILE, &launch->open_files) < 0 ||
            sigaction(SIGCHLD, &launch->child_action, NULL) < 0 ||
            sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL) < 0)
                return -errno;
        /* An agent's cores are given back by the broker, when the program is in its place. */
        if (!launch->agent && CPU_COUNT(&launch->cpus))
                sched_setaffinity(0, sizeof launch->cpus, &launch->cpus);
        return 0;
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
        close(launch->ready);
}

/* Executes path by way of the agent, or by itself. Returns only on failure. */
static int execute(const struct run_launch *launch, const char *path, char **arguments,
                   enum child_stage *ret_stage)
{
        *ret_stage = CHILD_STAGE_PROGRAM;
        syscall(SYS_execve, path, arguments, environ, launch->agent ? FL_EXEC_MARK : 0);
        if (errno != FL_EXEC_BY_AGENT)
                return -errno;
        *ret_stage = CHILD_STAGE_AGENT;
        execve(launch->agent, arguments, environ);
        return -errno;
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
