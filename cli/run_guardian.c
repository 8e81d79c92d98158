/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_guardian.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/enforce/ipc_objects.h"
#include "broker/enforce/self_filter.h"
#include "cli/run_child.h"
#include "cli/run_control.h"
#include "cli/run_reap.h"
#include "cli/run_tmpdir.h"

#define GUARDIAN_NAME    "flicker-guard"
#define CHILD_STACK_SIZE 65536
#define SETTLE_AFTER_MS  30 /* short programs do not pay for it */

struct guardian {
        const struct run_launch *launch;
        pid_t child;
        pid_t job_group; /* flicker-run's process group, which the program starts in */
        int signals;     /* signalfd of SIGCHLD */
};

static void tell(const struct guardian *guardian, enum control_kind kind, int value)
{
        const struct control_message message = {.kind = kind, .value = value};

        run_control_send(guardian->launch->control, &message);
}

/* A guardian that looked like flicker-run would die with it by "pkill -f flicker-run". */
static void disguise(const struct run_launch *launch)
{
        prctl(PR_SET_NAME, GUARDIAN_NAME, 0, 0, 0);
        memset(launch->command_line, 0, launch->command_line_size);
        if (launch->command_line_size >= sizeof GUARDIAN_NAME)
                memcpy(launch->command_line, GUARDIAN_NAME, sizeof GUARDIAN_NAME);
}

static int compare_ints(const void *a, const void *b)
{
        int left = *(const int *)a, right = *(const int *)b;

        return (left > right) - (left < right);
}

/* Closes everything but what it needs: an inherited pipe held open would keep its reader waiting. */
static void close_others(const struct guardian *guardian)
{
        int kept[] = {guardian->launch->control, guardian->launch->broker_pidfd, guardian->signals};
        unsigned next = 0;

        qsort(kept, sizeof kept / sizeof *kept, sizeof *kept, compare_ints);
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
                if ((unsigned)kept[i] > next)
                        syscall(SYS_close_range, next, (unsigned)kept[i] - 1, 0);
                next = (unsigned)kept[i] + 1;
        }
        syscall(SYS_close_range, next, ~0u, 0);
}

static void forward_signal(const struct guardian *guardian, const struct control_message *message)
{
        siginfo_t info = {.si_signo = message->value, .si_code = SI_QUEUE};

        if (message->flags & CONTROL_IF_ELSEWHERE && getpgid(guardian->child) == guardian->job_group)
                return;
        if (message->code != SI_QUEUE) {
                kill(guardian->child, message->value);
                return;
        }
        info.si_pid = message->pid;
        info.si_uid = (uid_t)message->uid;
        info.si_value.sival_ptr = (void *)(intptr_t)message->number;
        syscall(SYS_rt_sigqueueinfo, guardian->child, message->value, &info);
}

/* The shell continues the whole group, but somebody may have continued flicker-run alone. A second SIGCONT to
 * a program that runs already would have its handler run twice. */
static void continue_stopped(const struct guardian *guardian)
{
        if (run_reap_state(guardian->child) == 'T')
                kill(guardian->child, SIGCONT);
}

/* False where the sandbox is to end. */
static bool serve_broker(const struct guardian *guardian)
{
        struct control_message message;
        int r = run_control_receive(guardian->launch->control, CONTROL_BROKER, &message);

        if (r == 0)
                return true;
        if (r < 0 || message.kind == CONTROL_END)
                return false;
        if (message.kind == CONTROL_SIGNAL)
                forward_signal(guardian, &message);
        else if (message.kind == CONTROL_CONTINUE)
                continue_stopped(guardian);
        return true;
}

/* Children ended, stopped or went on: the program, or orphans of the sandbox. False when the program has
 * ended. */
static bool serve_children(const struct guardian *guardian)
{
        struct signalfd_siginfo unused;
        bool alive = true;

        while (read(guardian->signals, &unused, sizeof unused) > 0)
                ;
        for (;;) {
                int status;
                pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL);

                if (pid == 0 || (pid < 0 && errno != EINTR))
                        return alive;
                if (pid != guardian->child)
                        continue;
                if (WIFSTOPPED(status)) {
                        tell(guardian, CONTROL_STOPPED, WSTOPSIG(status));
                } else {
                        tell(guardian, CONTROL_ENDED, status);
                        alive = false;
                }
        }
}

/* What can wait until the program turns out to run for a while. A guardian that cannot be confined, or makes
 * a call that is not in its table, ends; the broker ends the sandbox then. */
static void settle(const struct guardian *guardian)
{
        close_others(guardian);
        if (chdir("/") < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            self_filter_install(SELF_GUARDIAN, EXIT_FAILURE) < 0)
                _exit(EXIT_FAILURE);
}

/* Until the program ends, the broker says so, or the broker dies. */
static void watch(const struct guardian *guardian)
{
        struct pollfd fds[] = {
                {.fd = guardian->launch->broker_pidfd, .events = POLLIN},
                {.fd = guardian->launch->control, .events = POLLIN},
                {.fd = guardian->signals, .events = POLLIN},
        };
        bool settled = false;

        for (;;) {
                int n = poll(fds, sizeof fds / sizeof *fds, settled ? -1 : SETTLE_AFTER_MS);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n > 0 && (fds[0].revents || (fds[2].revents && !serve_children(guardian))))
                        return;
                /* There is time, or an orphan ended, or the broker has something to say. */
                if (!settled)
                        settle(guardian);
                settled = true;
                if (n > 0 && fds[1].revents && !serve_broker(guardian))
                        return;
        }
}

static bool is_gone(int pidfd)
{
        struct pollfd fd = {.fd = pidfd, .events = POLLIN};

        return poll(&fd, 1, 0) > 0;
}

_Noreturn static void guard(struct guardian *guardian)
{
        setpgid(0, 0);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        disguise(guardian->launch);
        watch(guardian);
        run_reap_all(0);
        if (is_gone(guardian->launch->broker_pidfd))
                ipc_objects_clear(guardian->launch->ipc);
        if (guardian->launch->tmpdir)
                run_tmpdir_remove(guardian->launch->tmpdir);
        _exit(EXIT_SUCCESS);
}

static int be_child(void *launch)
{
        run_child(launch);
}

/*
 * As vfork(2) does: the guardian has nothing to do before the program is executed or the child has given up,
 * so memory and descriptors are lent, not copied. Copies of the broker's ends would keep the child from
 * noticing that the broker is gone. The child's process id, or -errno.
 */
static pid_t start_child(const struct run_launch *launch)
{
        static _Alignas(16) char stack[CHILD_STACK_SIZE];
        pid_t pid;

        close(launch->control_broker);
        close(launch->ready_broker);
        close(launch->lifeline_broker);
        pid = clone(be_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
                    (void *)launch);
        return pid < 0 ? -errno : pid;
}

_Noreturn static void become_guardian(const struct run_launch *launch)
{
        struct guardian guardian = {.launch = launch, .job_group = getpgrp()};
        sigset_t child;

        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        guardian.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        if (guardian.signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
                launch->state->child = -errno;
                _exit(EXIT_FAILURE);
        }
        launch->state->guardian = getpid();
        guardian.child = start_child(launch);
        if (guardian.child < 0) {
                launch->state->child = guardian.child;
                _exit(EXIT_FAILURE);
        }
        guard(&guardian);
}

pid_t run_guardian_start(const struct run_launch *launch)
{
        /* There is one thread, so nothing that fork() would have to set right. */
        pid_t pid = _Fork();

        if (pid == 0)
                become_guardian(launch);
        return pid < 0 ? -errno : pid;
}
