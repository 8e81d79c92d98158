/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_start.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/ipc_objects.h"
#include "broker/enforce/self_filter.h"
#include "cli/run_guardian.h"
#include "cli/run_message.h"

static int make_channels(struct run_launch *launch)
{
        int pair[2], ready[2], lifeline[2];

        launch->charge.broker_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
        if (launch->charge.broker_pidfd < 0)
                return -errno;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        launch->charge.control = pair[0];
        launch->control_broker = pair[1];
        if (pipe2(lifeline, O_CLOEXEC) < 0)
                return -errno;
        launch->lifeline = lifeline[0];
        launch->lifeline_broker = lifeline[1];
        if (pipe2(ready, O_CLOEXEC) < 0)
                return -errno;
        launch->ready_broker = ready[0];
        launch->ready = ready[1];
        return 0;
}

int run_start_init(struct run_launch *launch, const struct run_origin *origin, struct err *err)
{
        int r;

        launch->open_files = origin->open_files;
        launch->signal_mask = origin->signal_mask;
        launch->child_action = origin->child_action;
        launch->cpus = origin->cpus;
        launch->charge.broker_pidfd = launch->charge.control = launch->control_broker = launch->lifeline =
                launch->lifeline_broker = launch->ready = launch->ready_broker = launch->charge.ipc_fd = -1;
        launch->state =
                mmap(NULL, sizeof *launch->state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (launch->state == MAP_FAILED) {
                launch->state = NULL;
                return err_set(err, errno, "cannot share memory: %s", strerror(errno));
        }
        launch->ipc = ipc_objects_create(&launch->charge.ipc_fd);
        if (!launch->ipc)
                return err_set(err, errno, "cannot share memory: %s", strerror(errno));
        r = make_channels(launch);
        if (r < 0)
                return err_set(err, -r, "cannot make a channel: %s", strerror(-r));
        launch->charge.job_group = getpgrp();
        /* Orphans of the sandbox come here should the guardian be killed. */
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                return err_set(err, errno, "cannot become a subreaper: %s", strerror(errno));
        return 0;
}

static void close_one(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

void run_start_finish(struct run_launch *launch)
{
        close_one(&launch->charge.broker_pidfd);
        close_one(&launch->charge.control);
        close_one(&launch->control_broker);
        close_one(&launch->lifeline);
        close_one(&launch->lifeline_broker);
        close_one(&launch->ready);
        close_one(&launch->ready_broker);
        close_one(&launch->charge.ipc_fd);
}

void run_start_forked(struct run_launch *launch)
{
        close_one(&launch->charge.control);
        close_one(&launch->lifeline);
        close_one(&launch->ready);
        close_one(&launch->charge.broker_pidfd);
        close_one(&launch->charge.ipc_fd);
}

void run_start_forgo(struct run_launch *launch)
{
        close_one(&launch->lifeline_broker);
}

/* All that is flicker's own is close-on-exec; what was inherited cannot be. */
static void close_inherited(void)
{
        DIR *stream = opendir("/proc/self/fd");
        struct dirent *entry;

        if (!stream)
                return;
        while ((entry = readdir(stream))) {
                int fd = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : -1;

                if (fd > STDERR_FILENO && fcntl(fd, F_GETFD) == 0)
                        close(fd);
        }
        closedir(stream);
}

void run_start_let_go(bool inherits)
{
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null >= 0) {
                dup3(null, STDIN_FILENO, O_CLOEXEC);
                dup3(null, STDOUT_FILENO, O_CLOEXEC);
        }
        if (inherits)
                close_inherited();
}

/* The number comes from the child before it runs anything foreign, and it waits for the session to be there.
 */
static int fetch_listener(pid_t child, int number, int *ret_listener)
{
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
        int fd;

        if (pidfd < 0)
                return -errno;
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
        if (fd < 0)
                return -errno;
        *ret_listener = fd;
        return 0;
}

int run_start_listener(struct run_launch *launch, int *ret_listener, struct err *err)
{
        struct pollfd fd = {.fd = launch->ready_broker, .events = POLLIN};
        uint32_t listener;
        int r;

        while (poll(&fd, 1, -1) < 0 && errno == EINTR)
                ;
        close_one(&launch->ready_broker);
        if (launch->state->child <= 0)
                return err_set(err, launch->state->child ? -launch->state->child : ESRCH,
                               "cannot start a process: %s",
                               launch->state->child ? strerror(-launch->state->child)
                                                    : "the guardian was killed");
        /* Pairs with the release store in run_child.c. */
        listener = __atomic_load_n(&launch->state->listener, __ATOMIC_ACQUIRE);
        if (listener == LAUNCH_NO_LISTENER)
                return 0;
        r = fetch_listener(launch->state->child, (int)(listener - 1), ret_listener);
        if (r == -ESRCH || r == -EBADF) /* a signal ended the child meanwhile */
                return 0;
        if (r == -EPERM)
                return err_set(err, EPERM,
                               "cannot take over the seccomp listener: the kernel does not let flicker-run "
                               "look into its own "
                               "child (kernel.yama.ptrace_scope has to be 0 or 1)");
        if (r < 0)
                return err_set(err, -r, "cannot take over the seccomp listener: %s", strerror(-r));
        return 1;
}

int run_start_harden(bool scans)
{
        const struct rlimit none = {0, 0};

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
                return -errno;
        /* What the child still has is not closed to the broker yet: run_guardian.c does it. */
        if (!GUARDIAN_BORROWS_MEMORY && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        return self_filter_install(SELF_BROKER | (scans ? SELF_SCANNER : 0), RUN_FAILED);
}
