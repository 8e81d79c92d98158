/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While the guardian has flicker-run's memory, the two run side by side, with one errno, one heap and one set
 * of streams: here, and in run_child.c, nothing touches what is the C library's.
 */
#include "cli/run_guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/kernel_call.h"
#include "cli/run_charge.h"
#include "cli/run_child.h"
#include "cli/run_control.h"

#define STACK_SIZE      65536
#define BECOME_AFTER_MS 30 /* short programs do not pay for it */

_Noreturn static void leave(int status)
{
        for (;;)
                kernel_call(SYS_exit_group, status, 0, 0, 0);
}

/* What it has failed to make, for the broker to tell. */
_Noreturn static void give_up(const struct run_launch *launch, long error)
{
        launch->state->child = (pid_t)error;
        leave(EXIT_FAILURE);
}

/* Where that fails the broker ends the sandbox. */
_Noreturn static void become_guard(const struct run_launch *launch)
{
        static char *const no_environment[] = {NULL};
        const char *const arguments[] = {GUARDIAN_NAME, launch->tmpdir, NULL};
        const struct run_charge *charge = &launch->charge;
        const int kept[] = {charge->control, charge->broker_pidfd, charge->ipc_fd};
        int ends[2];

        if (kernel_call(SYS_pipe2, kernel_argument(ends), O_CLOEXEC | O_NONBLOCK, 0, 0) < 0 ||
            kernel_call(SYS_write, ends[1], kernel_argument(charge), sizeof *charge, 0) != sizeof *charge ||
            kernel_call(SYS_dup2, ends[0], STDIN_FILENO, 0, 0) < 0)
                leave(EXIT_FAILURE);
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
                kernel_call(SYS_fcntl, kept[i], F_SETFD, 0, 0);
        /* By this name it is the file that runs already, whatever has been put in its place. */
        kernel_call(SYS_execve, kernel_argument("/proc/self/exe"), kernel_argument(arguments),
                    kernel_argument(no_environment), 0);
        leave(EXIT_FAILURE);
}

/* Reaps what has ended, and tells of the program. False where nobody is left. */
static bool serve_children(struct run_launch *launch)
{
        for (;;) {
                struct control_message message = {.kind = CONTROL_ENDED};
                long pid = kernel_call(SYS_wait4, -1, kernel_argument(&message.value), WNOHANG | __WALL, 0);

                if (pid <= 0)
                        return pid == 0;
                if (pid != launch->charge.child)
                        continue;
                launch->charge.has_ended = true;
                kernel_call(SYS_write, launch->charge.control, kernel_argument(&message), sizeof message, 0);
        }
}

static bool is_gone(int pidfd)
{
        struct pollfd fd = {.fd = pidfd, .events = POLLIN};

        return kernel_call(SYS_poll, kernel_argument(&fd), 1, 0, 0) != 0;
}

/* As long as nothing has been written there. */
static bool remove_tmpdir(const struct run_launch *launch)
{
        return !launch->tmpdir || kernel_call(SYS_rmdir, kernel_argument(launch->tmpdir), 0, 0, 0) == 0;
}

/* Whatever happens but the end of the program, and of all with it, is for the guard to deal with. */
_Noreturn static void guard(struct run_launch *launch, int signals)
{
        struct pollfd fds[] = {
                {.fd = launch->charge.broker_pidfd, .events = POLLIN},
                {.fd = launch->charge.control, .events = POLLIN},
                {.fd = signals, .events = POLLIN},
        };
        long n = kernel_call(SYS_poll, kernel_argument(fds), sizeof fds / sizeof *fds, BECOME_AFTER_MS, 0);

        if (n == 1 && fds[2].revents && !serve_children(launch) && !is_gone(launch->charge.broker_pidfd) &&
            remove_tmpdir(launch))
                leave(EXIT_SUCCESS);
        become_guard(launch);
}

static int be_child(void *launch)
{
        run_child(launch);
}

/*
 * As vfork(2) does: the guardian has nothing to do before the program is executed or the child has given up,
 * so memory and descriptors are lent. Copies of the broker's ends would keep the child from noticing that the
 * broker is gone. The child's process id, or -errno.
 */
static pid_t start_child(const struct run_launch *launch)
{
        static _Alignas(16) char stack[STACK_SIZE];
        pid_t pid;

        kernel_call(SYS_close, launch->control_broker, 0, 0, 0);
        kernel_call(SYS_close, launch->ready_broker, 0, 0, 0);
        kernel_call(SYS_close, launch->lifeline_broker, 0, 0, 0);
        pid = clone(be_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
                    (void *)launch);
        return pid < 0 ? -EAGAIN : pid; /* errno may be flicker-run's */
}

static int be_guardian(void *argument)
{
        struct run_launch *launch = argument;
        const uint64_t child = 1ull << (SIGCHLD - 1);
        long signals = kernel_call(SYS_signalfd4, -1, kernel_argument(&child), sizeof child,
                                   SFD_CLOEXEC | SFD_NONBLOCK);

        if (signals < 0)
                give_up(launch, signals);
        kernel_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
        kernel_call(SYS_prctl, PR_SET_NAME, kernel_argument(GUARDIAN_NAME), 0, 0);
        launch->state->guardian = (pid_t)kernel_call(SYS_getpid, 0, 0, 0, 0);
        launch->charge.child = start_child(launch);
        if (launch->charge.child < 0)
                give_up(launch, launch->charge.child);
        /* flicker-run's memory too, where it is borrowed: the child that had it as well, and had to be
         * looked into, is the program now. */
        kernel_call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0);
        kernel_call(SYS_setpgid, 0, 0, 0, 0);
        guard(launch, (int)signals);
}

pid_t run_guardian_start(const struct run_launch *launch)
{
        static _Alignas(16) char stack[STACK_SIZE];
        static struct run_launch copy; /* flicker-run goes on with its own */
        int flags = SIGCHLD | (GUARDIAN_BORROWS_MEMORY ? CLONE_VM : 0);
        pid_t pid;

        copy = *launch;
        pid = clone(be_guardian, stack + sizeof stack, flags, &copy);
        return pid < 0 ? -errno : pid;
}
