/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/enforce/ipc_objects.h"
#include "broker/enforce/self_filter.h"
#include "cli/run_charge.h"
#include "cli/run_control.h"
#include "cli/run_message.h"
#include "cli/run_reap.h"
#include "cli/run_tmpdir.h"

struct guard {
        struct run_charge charge;
        struct ipc_objects *ipc; /* or NULL */
        int signals;             /* signalfd of SIGCHLD */
};

static void tell(const struct guard *guard, enum control_kind kind, int value)
{
        const struct control_message message = {.kind = kind, .value = value};

        run_control_send(guard->charge.control, &message);
}

static int compare_ints(const void *a, const void *b)
{
        int left = *(const int *)a, right = *(const int *)b;

        return (left > right) - (left < right);
}

/* Closes everything but what it needs: an inherited pipe held open would keep its reader waiting. */
static void close_others(const struct guard *guard)
{
        int kept[] = {guard->charge.control, guard->charge.broker_pidfd, guard->signals};
        unsigned next = 0;

        qsort(kept, sizeof kept / sizeof *kept, sizeof *kept, compare_ints);
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
                if ((unsigned)kept[i] > next)
                        syscall(SYS_close_range, next, (unsigned)kept[i] - 1, 0);
                next = (unsigned)kept[i] + 1;
        }
        syscall(SYS_close_range, next, ~0u, 0);
}

static void forward_signal(const struct guard *guard, const struct control_message *message)
{
        siginfo_t info = {.si_signo = message->value, .si_code = SI_QUEUE};

        if (message->flags & CONTROL_IF_ELSEWHERE && getpgid(guard->charge.child) == guard->charge.job_group)
                return;
        if (message->code != SI_QUEUE) {
                kill(guard->charge.child, message->value);
                return;
        }
        info.si_pid = message->pid;
        info.si_uid = (uid_t)message->uid;
        info.si_value.sival_ptr = (void *)(intptr_t)message->number;
        syscall(SYS_rt_sigqueueinfo, guard->charge.child, message->value, &info);
}

/* The shell continues the whole group, but somebody may have continued flicker-run alone. A second SIGCONT to
 * a program that runs already would have its handler run twice. */
static void continue_stopped(const struct guard *guard)
{
        if (run_reap_state(guard->charge.child) == 'T')
                kill(guard->charge.child, SIGCONT);
}

/* False where the sandbox is to end. */
static bool serve_broker(const struct guard *guard)
{
        struct control_message message;
        int r = run_control_receive(guard->charge.control, CONTROL_BROKER, &message);

        if (r == 0)
                return true;
        if (r < 0 || message.kind == CONTROL_END)
                return false;
        if (message.kind == CONTROL_SIGNAL)
                forward_signal(guard, &message);
        else if (message.kind == CONTROL_CONTINUE)
                continue_stopped(guard);
        return true;
}

/* Children ended, stopped or went on: the program, or orphans of the sandbox. False when the program has
 * ended. */
static bool serve_children(struct guard *guard)
{
        struct signalfd_siginfo unused;

        while (read(guard->signals, &unused, sizeof unused) > 0)
                ;
        for (;;) {
                int status;
                pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL);

                if (pid == 0 || (pid < 0 && errno != EINTR))
                        return !guard->charge.has_ended;
                if (pid != guard->charge.child)
                        continue;
                if (WIFSTOPPED(status)) {
                        tell(guard, CONTROL_STOPPED, WSTOPSIG(status));
                } else {
                        tell(guard, CONTROL_ENDED, status);
                        guard->charge.has_ended = true;
                }
        }
}

/* Until the program ends, the broker says so, or the broker dies. */
static void watch(struct guard *guard)
{
        struct pollfd fds[] = {
                {.fd = guard->charge.broker_pidfd, .events = POLLIN},
                {.fd = guard->charge.control, .events = POLLIN},
                {.fd = guard->signals, .events = POLLIN},
        };

        /* A stop from before there was a signalfd shows in no descriptor. */
        if (!serve_children(guard))
                return;
        for (;;) {
                int n = poll(fds, sizeof fds / sizeof *fds, -1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 || fds[0].revents || (fds[2].revents && !serve_children(guard)) ||
                    (fds[1].revents && !serve_broker(guard)))
                        return;
        }
}

static bool is_gone(int pidfd)
{
        struct pollfd fd = {.fd = pidfd, .events = POLLIN};

        return poll(&fd, 1, 0) > 0;
}

/* A guardian that cannot be confined, or makes a call that is not in its table, ends; the broker ends the
 * sandbox then. */
static bool confine(const struct guard *guard)
{
        close_others(guard);
        return chdir("/") == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               self_filter_install(SELF_GUARDIAN, EXIT_FAILURE) == 0;
}

static bool read_charge(struct run_charge *ret_charge)
{
        struct stat status;

        return fstat(STDIN_FILENO, &status) == 0 && S_ISFIFO(status.st_mode) &&
               read(STDIN_FILENO, ret_charge, sizeof *ret_charge) == sizeof *ret_charge;
}

static bool take_over(struct guard *ret_guard)
{
        sigset_t child;

        *ret_guard = (struct guard){0};
        if (!read_charge(&ret_guard->charge))
                return false;
        if (ret_guard->charge.ipc_fd >= 0)
                ret_guard->ipc = ipc_objects_map(ret_guard->charge.ipc_fd);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        ret_guard->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
        return ret_guard->signals >= 0;
}

int run_guard(const char *tmpdir)
{
        struct guard guard;

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NAME, GUARDIAN_NAME, 0, 0, 0);
        if (!take_over(&guard)) {
                run_say(GUARDIAN_NAME " is a part of flicker-run, and nothing to start by hand");
                return EXIT_FAILURE;
        }
        if (!confine(&guard))
                return EXIT_FAILURE;
        if (!guard.charge.has_ended)
                watch(&guard);
        run_reap_all(0);
        if (is_gone(guard.charge.broker_pidfd) && guard.ipc)
                ipc_objects_clear(guard.ipc);
        if (tmpdir)
                run_tmpdir_remove(tmpdir);
        return EXIT_SUCCESS;
}
