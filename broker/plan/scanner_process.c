/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scanner_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/plan/plan_check.h"

/* Descriptors of the child; the parent's copies are kept above them, so that no dup2 runs over another. */
enum {
        CHILD_FILE_FD = 3,
        CHILD_PLAN_FD = 4,
        FIRST_SPARE_FD = 5,
};

#define READ_CHUNK 65536u

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static int actions_fill(posix_spawn_file_actions_t *actions, int file_fd, int plan_fd)
{
        int r = 0;

        for (int fd = STDIN_FILENO; r == 0 && fd <= STDERR_FILENO; fd++)
                r = posix_spawn_file_actions_addclose(actions, fd);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, file_fd, CHILD_FILE_FD);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, plan_fd, CHILD_PLAN_FD);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_SPARE_FD);
        return -r;
}

/* A fresh signal state, and a process group of its own: what a terminal sends is not for the scanner. */
static int attributes_fill(posix_spawnattr_t *attributes)
{
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawnattr_setflags(attributes,
                                     POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &all);
        return -r;
}

static int spawn(const char *scanner, int file_fd, int plan_fd, pid_t *ret_pid)
{
        static char *const arguments[] = {(char *)"flicker-scan", NULL};
        static char *const environment[] = {NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        r = actions_fill(&actions, file_fd, plan_fd);
        if (r == 0)
                r = attributes_fill(&attributes);
        if (r == 0)
                r = -posix_spawn(ret_pid, scanner, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

static int wait_readable(int fd, int64_t deadline_ms)
{
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left;
        int r;

        do {
                left = deadline_ms - now_ms();
                if (left <= 0)
                        return -ETIMEDOUT;
                r = poll(&poll_fd, 1, (int)left);
        } while (r == 0 || (r < 0 && errno == EINTR));
        return r < 0 ? -errno : 0;
}

/* Reads to the end of the pipe, up to the size of the largest plan. */
static int plan_receive(int fd, int64_t deadline_ms, void **ret_data, size_t *ret_size)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0, room = 0;
        uint8_t *grown;
        ssize_t n;
        int r;

        for (;;) {
                if (size > FL_PLAN_SIZE_MAX)
                        return -EBADMSG;
                if (size == room) {
                        room = room ? room * 2 : READ_CHUNK;
                        grown = realloc(data, room);
                        if (!grown)
                                return -ENOMEM;
                        data = grown;
                }
                r = wait_readable(fd, deadline_ms);
                if (r < 0)
                        return r;
                n = read(fd, data + size, room - size);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return -errno;
                if (n == 0)
                        break;
                if (n > 0)
                        size += (size_t)n;
        }
        *ret_data = data;
        *ret_size = size;
        data = NULL;
        return 0;
}

/* The exit status adds nothing to a plan that is whole, and may be gone: ECHILD means that somebody else
 * reaped it. Never kills by number, which may be another's by then; without a pidfd the child ends by itself,
 * its pipe closed and its processor time limited. */
static void child_end(pid_t pid, int pidfd)
{
        siginfo_t info;

        if (pidfd >= 0)
                pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        while (waitid(pidfd >= 0 ? P_PIDFD : P_PID, (id_t)(pidfd >= 0 ? pidfd : pid), &info, WEXITED) < 0 &&
               errno == EINTR)
                ;
}

int scanner_run(const char *scanner, int fd, struct fl_plan **ret_plan, size_t *ret_size)
{
        _cleanup_close_ int file_fd = -1, read_fd = -1, write_fd = -1, pidfd = -1;
        const int64_t deadline_ms = now_ms() + SCANNER_TIMEOUT_MS;
        _cleanup_free_ void *data = NULL;
        int pipe_fds[2];
        size_t size = 0;
        pid_t pid;
        int r;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = pipe_fds[0];
        write_fd = fcntl(pipe_fds[1], F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
        close(pipe_fds[1]);
        file_fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_SPARE_FD);
        if (write_fd < 0 || file_fd < 0)
                return -EMFILE;

        r = spawn(scanner, file_fd, write_fd, &pid);
        if (r < 0)
                return r;
        pidfd = pidfd_open(pid, 0);
        close(fd_take(&write_fd));
        r = plan_receive(read_fd, deadline_ms, &data, &size);
        close(fd_take(&read_fd));
        child_end(pid, pidfd);
        if (r < 0)
                return r;
        r = plan_check(data, size);
        if (r < 0)
                return r;
        *ret_plan = data;
        *ret_size = size;
        data = NULL;
        return 0;
}
