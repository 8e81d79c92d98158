/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Puts back what flicker-run changed for itself and takes on what lasts across exec. */
static int set_up(const struct run_launch *launch, pid_t guardian)
{
        const int unneeded[] = {launch->control, launch->control_broker, launch->broker_pidfd,
                                launch->ready_broker};

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (getppid() != guardian) /* it died before the parent-death signal was set */
                return -ESRCH;
        /* The listener has to find a number below a limit that may be small. */
        for (size_t i = 0; i < sizeof unneeded / sizeof *unneeded; i++)
                close(unneeded[i]);
        if (setrlimit(RLIMIT_NOFILE, &launch->open_files) < 0 ||
            sigaction(SIGCHLD, &launch->child_action, NULL) < 0 ||
            sigprocmask(SIG_SETMASK, &launch->signal_mask, NULL) < 0)
                return -errno;
        return 0;
}

static void confine(const struct run_launch *launch)
{
        int r = landlock_restrict(launch->ruleset_fd);

        if (r < 0)
                give_up(launch, CHILD_STAGE_LANDLOCK, -r);
        close(launch->ruleset_fd);
        r = filter_install(launch->filter);
        if (r < 0)
                give_up(launch, CHILD_STAGE_FILTER, -r);
        /* The broker fetches it by this number. It is close-on-exec, and no exec succeeds before the broker
         * serves it. Pairs with the acquire load in run_supervise.c. */
        __atomic_store_n(&launch->state->listener, (uint32_t)r + 1, __ATOMIC_RELEASE);
        close(launch->ready);
}

/* Executes path by way of the agent, or by itself. Returns only on failure. */
static int execute(const struct run_launch *launch, const char *path, char **arguments,
                   enum child_stage *ret_stage)
{
        if (!launch->agent) {
                *ret_stage = CHILD_STAGE_PROGRAM;
                execve(path, arguments, environ);
                return -errno;
        }
        *ret_stage = CHILD_STAGE_APPROVE;
        if (syscall(FL_CALL_NR, FL_CALL_EXEC, AT_FDCWD, path, 0) < 0)
                return -errno;
        *ret_stage = CHILD_STAGE_AGENT;
        execve(launch->agent, arguments, environ);
        return -errno;
}

void run_child(const struct run_launch *launch, pid_t guardian)
{
        enum child_stage stage;
        int r = set_up(launch, guardian);

        if (r < 0)
                give_up(launch, CHILD_STAGE_SETUP, -r);
        confine(launch);
        r = execute(launch, launch->path, launch->arguments, &stage);
        if (r == -ENOEXEC && launch->shell)
                r = execute(launch, SHELL_PATH, launch->shell, &stage);
        give_up(launch, stage, -r);
}
