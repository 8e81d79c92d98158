/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_reap.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#define WAIT_MS        10      /* between two rounds where nobody ends */
#define ROUNDS_SHALLOW 8       /* rounds that kill only direct children */
#define PID_LIMIT      4194304 /* PID_MAX_LIMIT, proc(5) */

bool run_reap_ended(void)
{
        for (;;) {
                pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);

                if (pid == 0)
                        return true;
                if (pid < 0 && errno != EINTR)
                        return false;
        }
}

/* Kills the children listed in one /proc/self/task/TID/children. They cannot be reaped by anyone else, so
 * their numbers are theirs. */
static bool kill_listed(int tasks, const char *tid)
{
        char path[300];
        _cleanup_fclose_ FILE *stream = NULL;
        int fd, pid;

        snprintf(path, sizeof path, "%s/children", tid);
        fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        stream = fdopen(fd, "r");
        if (!stream) {
                close(fd);
                return false;
        }
        while (fscanf(stream, "%d", &pid) == 1)
                if (pid > 0)
                        kill(pid, SIGKILL);
        return true;
}

/* Direct children; what they leave behind becomes a direct child by the next round. False where the kernel
 * does not list them (CONFIG_PROC_CHILDREN). */
static bool kill_children(void)
{
        DIR *tasks = opendir("/proc/self/task");
        bool listed = false;
        struct dirent *entry;

        if (!tasks)
                return false;
        while ((entry = readdir(tasks)))
                if (isdigit((unsigned char)entry->d_name[0]))
                        listed |= kill_listed(dirfd(tasks), entry->d_name);
        closedir(tasks);
        return listed;
}

/* State and parent of the process named by its directory in /proc. The command name may hold anything, ")"
 * too. */
static bool read_stat(int proc, const char *name, char *ret_state, int *ret_parent)
{
        char path[300], text[512];
        _cleanup_close_ int fd = -1;
        const char *rest;
        ssize_t n;

        snprintf(path, sizeof path, "%s/stat", name);
        fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (n <= 0)
                return false;
        text[n] = '\0';
        rest = strrchr(text, ')');
        return rest && sscanf(rest + 1, " %c %d", ret_state, ret_parent) == 2;
}

static int parent_of(int proc, const char *name)
{
        char state;
        int parent;

        return read_stat(proc, name, &state, &parent) ? parent : -1;
}

char run_reap_state(int pid)
{
        char name[32], state;
        int parent;

        snprintf(name, sizeof name, "/proc/%d", pid);
        return read_stat(AT_FDCWD, name, &state, &parent) ? state : '\0';
}

/* The number may have passed to another process since its parent was read: look again through a pidfd. */
static void signal_child_of(int proc, const char *name, int parent, int signal)
{
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, atoi(name), 0);

        if (pidfd >= 0 && parent_of(proc, name) == parent)
                syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

/* All descendants, in one pass over /proc: a parent's number mostly comes before its children's, and what a
 * pass misses the next one finds. */
static void signal_descendants(int signal)
{
        _cleanup_free_ uint8_t *ours = calloc(PID_LIMIT / 8 + 1, 1);
        DIR *proc = opendir("/proc");
        int self = getpid();
        struct dirent *entry;

        if (!ours || !proc)
                goto end;
        ours[self / 8] |= (uint8_t)(1u << self % 8);
        while ((entry = readdir(proc))) {
                int pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
                char state;
                int parent;

                if (pid <= 0 || pid > PID_LIMIT || !read_stat(dirfd(proc), entry->d_name, &state, &parent) ||
                    parent <= 0 || parent > PID_LIMIT || !(ours[parent / 8] >> parent % 8 & 1))
                        continue;
                ours[pid / 8] |= (uint8_t)(1u << pid % 8);
                if (state != 'Z' && !(state == 'T' && signal == SIGSTOP))
                        signal_child_of(dirfd(proc), entry->d_name, parent, signal);
        }
end:
        if (proc)
                closedir(proc);
}

/* Of a fork bomb, those that are stopped fork no more and yet fill the table: nobody takes the place of the
 * dead. */
static void kill_descendants(void)
{
        setpriority(PRIO_PROCESS, 0, -20); /* where that is allowed: they are many */
        signal_descendants(SIGSTOP);
        signal_descendants(SIGSTOP);
        signal_descendants(SIGKILL);
}

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool run_reap_all(int limit_ms)
{
        int64_t deadline;
        sigset_t child;

        if (!run_reap_ended())
                return true;
        deadline = now_ms() + limit_ms;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        for (unsigned round = 0; run_reap_ended(); round++) {
                const struct timespec wait = {.tv_nsec = WAIT_MS * 1000000};

                if (limit_ms > 0 && now_ms() > deadline)
                        return false;
                if (round >= ROUNDS_SHALLOW || !kill_children())
                        kill_descendants();
                sigtimedwait(&child, NULL, &wait);
        }
        return true;
}
