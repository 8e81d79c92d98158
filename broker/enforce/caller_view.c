/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/caller_view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/operation.h"
#include "broker/enforce/worker.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

#define STATUS_TEXT_MAX     32768 /* with all the groups there can be */
#define STATUS_TEXT_USUALLY 4096

#define SEEN_LONG 4 /* times in a row: longer than a thread that runs needs to take a signal */

/* The whole text of a file of /proc/TID. Its length, or -errno. */
static ssize_t read_file(pid_t tid, const char *name, char *text, size_t size)
{
        char path[32];
        _cleanup_close_ int fd = -1;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/%s", (int)tid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, size - 1); /* procfs gives all that fits in one read */
        if (n < 0)
                return -errno;
        if ((size_t)n == size - 1)
                return -EFBIG;
        text[n] = '\0';
        return n;
}

static void parse_ids(const char *value, unsigned ids[4])
{
        char *end = NULL;

        for (unsigned i = 0; i < 4; i++, value = end)
                ids[i] = (unsigned)strtoul(value, &end, 10);
}

static void parse_groups(const char *value, struct caller_status *status)
{
        char *end;

        for (;;) {
                unsigned long id = strtoul(value, &end, 10);

                if (end == value)
                        return;
                if (status->group_count == CALLER_GROUPS_MAX) {
                        status->groups_cut = true;
                        return;
                }
                status->groups[status->group_count++] = (gid_t)id;
                value = end;
        }
}

static void parse_line(const char *line, struct caller_status *status)
{
        const char *value = strchr(line, ':');
        unsigned ids[4];

        if (!value)
                return;
        value++;
        if (!strncmp(line, "State:", 6)) {
                status->ended = strpbrk(value, "ZX");
        } else if (!strncmp(line, "Umask:", 6)) {
                status->umask = (mode_t)strtoul(value, NULL, 8);
        } else if (!strncmp(line, "Tgid:", 5)) {
                status->tgid = (pid_t)strtol(value, NULL, 10);
        } else if (!strncmp(line, "Uid:", 4)) {
                parse_ids(value, ids);
                status->uid.real = ids[0], status->uid.effective = ids[1];
                status->uid.saved = ids[2], status->uid.file = ids[3];
        } else if (!strncmp(line, "Gid:", 4)) {
                parse_ids(value, ids);
                status->gid.real = ids[0], status->gid.effective = ids[1];
                status->gid.saved = ids[2], status->gid.file = ids[3];
        } else if (!strncmp(line, "Groups:", 7)) {
                parse_groups(value, status);
        } else if (!strncmp(line, "Threads:", 8)) {
                status->threads = (unsigned)strtoul(value, NULL, 10);
        } else if (!strncmp(line, "SigPnd:", 7)) {
                status->signals_pending = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "ShdPnd:", 7)) {
                status->signals_pending_shared = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "SigBlk:", 7)) {
                status->signals_blocked = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "SigIgn:", 7)) {
                status->signals_ignored = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "SigCgt:", 7)) {
                status->signals_caught = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "CapPrm:", 7)) {
                status->cap_permitted = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "CapEff:", 7)) {
                status->cap_effective = strtoull(value, NULL, 16);
        } else if (!strncmp(line, "CapBnd:", 7)) {
                status->cap_bounding = strtoull(value, NULL, 16);
                status->complete = true; /* stands behind all that decides whose credentials these are */
        }
}

/* text is consumed. */
static int status_parse(char *text, struct caller_status *status)
{
        char *line = text, *next;

        memset(status, 0, offsetof(struct caller_status, groups));
        for (; line && *line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                parse_line(line, status);
        }
        return status->complete && status->tgid > 0 ? 0 : -EIO;
}

static int status_get(pid_t tid, struct caller_status *status)
{
        char text[STATUS_TEXT_USUALLY];
        _cleanup_free_ char *longer = NULL;
        ssize_t n = read_file(tid, "status", text, sizeof text);

        if (n != -EFBIG)
                return n < 0 ? (int)n : status_parse(text, status);
        longer = malloc(STATUS_TEXT_MAX);
        if (!longer)
                return -ENOMEM;
        n = read_file(tid, "status", longer, STATUS_TEXT_MAX);
        return n < 0 ? (int)n : status_parse(longer, status);
}

int caller_status(struct operation *operation, const struct caller_status **ret_status)
{
        const struct caller *caller = operation->caller;
        int r;

        if (!operation->status_known) {
                r = status_get(caller->tid, &operation->status);
                if (r == -EACCES || r == -ESRCH) { /* a procfs that hides others' processes */
                        bool was_assumed = credentials_pause(operation->worker);
                        int back;

                        r = status_get(caller->tid, &operation->status);
                        back = credentials_resume(operation->worker, was_assumed);
                        r = r < 0 ? r : back;
                }
                if (r < 0)
                        return r;
                if (!caller->alive(caller))
                        return -ESRCH;
                operation->status_known = true;
        }
        *ret_status = &operation->status;
        return 0;
}

int caller_file_size_limit(struct operation *operation, uint64_t *ret_limit)
{
        static const char label[] = "Max file size";
        const struct caller *caller = operation->caller;
        char text[4096], *line;
        uint64_t limit = UINT64_MAX;
        ssize_t n = read_file(caller->tid, "limits", text, sizeof text);

        if (n < 0)
                return (int)n;
        line = strstr(text, label);
        if (!line)
                return -EIO;
        line += strlen(label);
        line += strspn(line, " ");
        if (strncmp(line, "unlimited", 9) != 0)
                limit = strtoull(line, NULL, 10);
        if (!caller->alive(caller))
                return -ESRCH;
        *ret_limit = limit;
        return 0;
}

int caller_umask(struct operation *operation)
{
        const struct caller_status *status;
        int r = caller_status(operation, &status);

        if (r >= 0)
                umask(status->umask);
        return r;
}

static int thread_pidfd_open(const struct caller *caller)
{
        int fd = (int)syscall(SYS_pidfd_open, caller->tid, PIDFD_THREAD);

        if (fd < 0 && errno == EINVAL) {
                /* Before Linux 6.9 only of processes, whose threads share their descriptors as a rule. */
                if (caller->pidfd >= 0)
                        fd = fcntl(caller->pidfd, F_DUPFD_CLOEXEC, 3);
                else
                        fd = (int)syscall(SYS_pidfd_open, caller->tid, 0);
        }
        return fd < 0 ? -errno : fd;
}

/* The cached pidfd of the caller's thread, opened where there is none or renew says that it is a dead one's.
 */
static int thread_pidfd(struct worker_files *files, const struct caller *caller, bool renew)
{
        unsigned slot;
        int fd;

        for (slot = 0; slot < WORKER_PIDFDS; slot++)
                if (files->pidfds[slot].tid == caller->tid)
                        break;
        if (slot < WORKER_PIDFDS && !renew)
                return files->pidfds[slot].fd;
        if (slot == WORKER_PIDFDS)
                slot = files->pidfd_next++ % WORKER_PIDFDS;
        fd = thread_pidfd_open(caller);
        if (fd < 0)
                return fd;
        if (files->pidfds[slot].tid)
                close(files->pidfds[slot].fd);
        files->pidfds[slot].tid = caller->tid;
        files->pidfds[slot].fd = fd;
        return fd;
}

int caller_descriptor(struct operation *operation, int fd)
{
        const struct caller *caller = operation->caller;
        _cleanup_close_ int copy = -1;
        int pidfd;

        credentials_restore(operation->worker);
        for (unsigned attempt = 0; attempt < 2; attempt++) {
                pidfd = thread_pidfd(operation->worker->files, caller, attempt > 0);
                if (pidfd < 0)
                        return pidfd;
                copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
                if (copy >= 0 || errno != ESRCH)
                        break;
        }
        if (copy < 0)
                return -errno;
        return caller->alive(caller) ? fd_take(&copy) : -ESRCH;
}

/* struct pidfd_info of Linux 6.13, as far as it is asked for here. */
struct pidfd_info_start {
        uint64_t mask, cgroup;
        uint32_t pid, tgid, ppid;
        uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        int32_t exit_code;
};
#define PIDFD_GET_INFO_START _IOWR(0xFF, 11, struct pidfd_info_start)
#define PIDFD_INFO_CREDS_BIT (UINT64_C(1) << 1)

int caller_ids(struct operation *operation, struct caller_ids *ret_ids)
{
        struct pidfd_info_start info;
        int pidfd, r = -ESRCH;

        for (unsigned attempt = 0; attempt < 2 && r == -ESRCH; attempt++) {
                pidfd = thread_pidfd(operation->worker->files, operation->caller, attempt > 0);
                if (pidfd < 0)
                        return pidfd;
                memset(&info, 0, sizeof info);
                info.mask = PIDFD_INFO_CREDS_BIT;
                r = ioctl(pidfd, PIDFD_GET_INFO_START, &info) < 0 ? -errno : 0;
        }
        if (r < 0)
                return r;
        if (!(info.mask & PIDFD_INFO_CREDS_BIT))
                return -ENOTTY;
        if (!operation->caller->alive(operation->caller))
                return -ESRCH;
        *ret_ids = (struct caller_ids){info.pid,
                                       info.tgid,
                                       {info.ruid, info.euid, info.suid, info.fsuid},
                                       {info.rgid, info.egid, info.sgid, info.fsgid}};
        return 0;
}

int caller_signal(struct operation *operation, int signal)
{
        const struct caller *caller = operation->caller;
        int pidfd;

        credentials_restore(operation->worker);
        pidfd = thread_pidfd(operation->worker->files, caller, true);
        if (pidfd < 0)
                return pidfd;
        if (!caller->alive(caller))
                return -ESRCH;
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int caller_directory(struct operation *operation, int fd)
{
        const struct caller *caller = operation->caller;
        _cleanup_close_ int directory = -1;
        char name[32];

        if (fd != AT_FDCWD)
                return fd < 0 ? -EBADF : caller_descriptor(operation, fd);
        credentials_restore(operation->worker);
        snprintf(name, sizeof name, "%d/cwd", (int)caller->tid);
        directory = openat(operation->worker->operations->proc_fd, name, O_PATH | O_CLOEXEC);
        if (directory < 0)
                return -errno;
        return caller->alive(caller) ? fd_take(&directory) : -ESRCH;
}

/* Signals that would do nothing, whether by the program's wish or by default (signal(7)). */
static uint64_t signals_without_effect(const struct caller_status *status)
{
        static const int ignored_by_default[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
        uint64_t set = status->signals_ignored;

        for (size_t i = 0; i < sizeof ignored_by_default / sizeof *ignored_by_default; i++) {
                uint64_t bit = UINT64_C(1) << (ignored_by_default[i] - 1);

                if (!(status->signals_caught & bit))
                        set |= bit;
        }
        return set;
}

/* Those of the set that some thread of the process may have to take: not those of profiling timers, which are
 * for a thread that runs. */
static uint64_t signals_for_any(uint64_t set)
{
        return set & ~(UINT64_C(1) << (SIGPROF - 1) | UINT64_C(1) << (SIGVTALRM - 1));
}

/* A signal to the process goes to its first thread, if that does not block it (complete_signal() of the
 * kernel). */
static bool first_thread_takes(pid_t tgid, uint64_t signals)
{
        struct caller_status first;

        return status_get(tgid, &first) == 0 && !first.ended && signals & ~first.signals_blocked;
}

int caller_interrupted(const struct caller *caller, unsigned *seen)
{
        struct caller_status status;
        uint64_t deaf, shared;
        bool is_first;
        int r;

        if (!caller->alive(caller))
                return -ESRCH;
        r = status_get(caller->tid, &status);
        if (r < 0)
                return -ESRCH;
        deaf = signals_without_effect(&status) | status.signals_blocked;
        shared = status.signals_pending_shared & ~deaf;
        if (status.signals_pending & ~deaf || (shared && status.threads == 1))
                return -CALLER_ERESTARTSYS;
        is_first = status.tgid == caller->tid;
        shared = signals_for_any(shared);
        if (!shared || (!is_first && first_thread_takes(status.tgid, shared))) {
                *seen = 0;
                return 0;
        }
        /* The kernel may still have chosen another thread, which then takes it in a moment; and nothing would
         * turn ERESTARTSYS into a restart on this thread's way back. */
        if (++*seen < SEEN_LONG)
                return 0;
        return is_first ? -CALLER_ERESTARTSYS : -EINTR;
}
