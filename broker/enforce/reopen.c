/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/reopen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "broker/enforce/block.h"
#include "broker/enforce/worker.h"

/* Flags that fcntl(F_SETFL) sets. */
#define SETTABLE (O_APPEND | O_DIRECT | O_NOATIME | O_ASYNC)

/* Is the device one whose open never waits for anything? */
static bool opens_at_once(const struct stat *status)
{
        /* /dev/null, zero, full, random, urandom */
        static const unsigned minors[] = {3, 5, 7, 8, 9};

        if (!S_ISCHR(status->st_mode) || major(status->st_rdev) != 1)
                return false;
        for (size_t i = 0; i < sizeof minors / sizeof *minors; i++)
                if (minor(status->st_rdev) == minors[i])
                        return true;
        return false;
}

static bool may_wait(const struct stat *status, uint64_t flags)
{
        switch (status->st_mode & S_IFMT) {
        case S_IFIFO:
                return !(flags & O_NONBLOCK) && (flags & O_ACCMODE) != O_RDWR;
        case S_IFCHR:
        case S_IFBLK:
                return !opens_at_once(status);
        default:
                return false;
        }
}

/* /dev/tty is the controlling terminal of whoever opens it: the broker opens its own for a caller of its own
 * session, and for others there is none. */
static int check_terminal(struct operation *operation, const struct stat *status)
{
        char path[32], text[512];
        const char *fields;
        int session = -1;
        ssize_t n;
        int fd;

        if (!S_ISCHR(status->st_mode) || status->st_rdev != makedev(5, 0))
                return 0;
        snprintf(path, sizeof path, "%d/stat", (int)operation->caller->tid);
        fd = openat(operation->worker->operations->proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -ENXIO;
        n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n <= 0 || !operation->caller->alive(operation->caller))
                return -ENXIO;
        text[n] = '\0';
        fields = strrchr(text, ')'); /* behind the name, which may hold anything (proc_pid_stat(5)) */
        if (!fields || sscanf(fields, ") %*c %*d %*d %d", &session) != 1)
                return -ENXIO;
        return session == getsid(0) ? 0 : -ENXIO;
}

/* A file may be under a lease of the caller's making (fcntl(2), F_SETLEASE), whose breaking takes up to a
 * minute. So nothing is waited for here, but in a worker that may. */
static int reopen_file(struct operation *operation, const char *name, int flags, mode_t mode)
{
        int links = operation->worker->files->links;
        int fd = openat(links, name, flags | O_NONBLOCK, mode);

        if (fd < 0 && errno == EWOULDBLOCK && !(flags & O_NONBLOCK))
                return operation->worker->may_block ? block_open(operation, links, name, flags, mode)
                                                    : REOPEN_WOULD_BLOCK;
        if (fd < 0)
                return -errno;
        if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags & SETTABLE) < 0) {
                close(fd);
                return -EIO;
        }
        return fd;
}

/* Whether the caller, as file permissions go, may open its own /proc entry: checked here, for the broker then
 * opens it with its own rights (the kernel lets a process look at itself, and takes the broker for somebody
 * else). */
static int open_own_entry(struct operation *operation, const struct place *place, const char *name, int flags)
{
        int fd, r;

        if (!place_is_own_fds(place) &&
            syscall(SYS_faccessat2, place->fd, "", R_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                return -EACCES;
        if (flags & O_NOATIME && !credentials_are_owners(operation->worker, place->status.st_uid))
                return -EPERM;
        credentials_restore(operation->worker);
        fd = openat(operation->worker->files->links, name, flags);
        fd = fd < 0 ? -errno : fd;
        r = credentials_assume(operation);
        if (r < 0 && fd >= 0)
                close(fd);
        return r < 0 ? r : fd;
}

int reopen(struct operation *operation, const struct place *place, int flags, mode_t mode)
{
        const struct stat *status = &place->status;
        int links = operation->worker->files->links;
        char name[16];
        int fd, r;

        flags |= O_NOCTTY | O_CLOEXEC;
        snprintf(name, sizeof name, "%d", place->fd);
        if (S_ISREG(status->st_mode) && place->proc == PLACE_NOT_PROC)
                return reopen_file(operation, name, flags, mode);
        r = check_terminal(operation, status);
        if (r < 0)
                return r;
        if (may_wait(status, (uint64_t)flags))
                return operation->worker->may_block ? block_open(operation, links, name, flags, mode)
                                                    : REOPEN_WOULD_BLOCK;
        fd = openat(links, name, flags, mode);
        if (fd < 0 && errno == EACCES && place->proc == PLACE_PROC_OWN && (flags & O_ACCMODE) == O_RDONLY)
                return open_own_entry(operation, place, name, flags);
        return fd < 0 ? -errno : fd;
}
