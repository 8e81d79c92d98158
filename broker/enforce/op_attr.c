/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of files: chmod, chown, utime and their kin, truncate. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/enforce/block.h"
#include "broker/enforce/resolve.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* The object whose attributes are to change, judged as written to. */
static int prepare(struct operation *operation, const char *name, struct place *place)
{
        const struct request *request = operation->request;
        unsigned mode = (request->at_flags & AT_SYMLINK_NOFOLLOW ? 0 : RESOLVE_FOLLOW) |
                        (request->at_flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);
        int r = resolve_object(operation, &request->path[0], mode, 0, place);

        if (r >= 0)
                r = place_judge(operation, place, PATH_WRITE, name, NULL);
        if (r < 0)
                place_finish(place);
        return r;
}

static int finish(struct place *place, long result)
{
        int r = result < 0 ? -errno : 0;

        place_finish(place);
        return r;
}

/* fchmod(2) and its kind, which refuse O_PATH descriptors; with AT_EMPTY_PATH those are as good as names. */
static bool is_by_descriptor(const struct request *request)
{
        return request->path[0].by_fd && !(request->at_flags & AT_EMPTY_PATH);
}

static long change_mode(const struct operation *operation, const struct place *place)
{
        mode_t mode = operation->request->mode;
        char link[PLACE_LINK_MAX];
        long r;

        if (is_by_descriptor(operation->request))
                return fchmod(place->fd, mode);
        r = syscall(SYS_fchmodat2, place->fd, "", mode, AT_EMPTY_PATH);
        if (r < 0 && (errno == ENOSYS || errno == EPERM) &&
            !S_ISLNK(place->status.st_mode)) /* before Linux 6.6 */
                r = chmod(place_link(place->fd, link), mode);
        return r;
}

int op_chmod(struct operation *operation)
{
        struct place place;
        int r = prepare(operation, "chmod", &place);

        return r < 0 ? r : finish(&place, change_mode(operation, &place));
}

int op_chown(struct operation *operation)
{
        const struct request *request = operation->request;
        struct place place;
        int r = prepare(operation, "chown", &place);

        if (r < 0)
                return r;
        if (is_by_descriptor(request))
                return finish(&place, fchown(place.fd, request->uid, request->gid));
        return finish(&place, fchownat(place.fd, "", request->uid, request->gid, AT_EMPTY_PATH));
}

static long change_times(const struct operation *operation, const struct place *place)
{
        const struct request *request = operation->request;
        const struct timespec *times = request->times_set ? request->times : NULL;
        char link[PLACE_LINK_MAX];
        long r;

        if (is_by_descriptor(request))
                return syscall(SYS_utimensat, place->fd, NULL, times, 0);
        r = syscall(SYS_utimensat, place->fd, "", times, AT_EMPTY_PATH);
        if (r < 0 && errno == EINVAL) /* before Linux 5.8 */
                r = syscall(SYS_utimensat, AT_FDCWD, place_link(place->fd, link), times, 0);
        return r;
}

/* Then "even the path is not checked" (utimensat(2) of Linux). */
static bool nothing_to_set(const struct request *request)
{
        return request->times_set && request->times[0].tv_nsec == UTIME_OMIT &&
               request->times[1].tv_nsec == UTIME_OMIT;
}

int op_utime(struct operation *operation)
{
        struct place place;
        int r;

        if (nothing_to_set(operation->request))
                return 0;
        r = prepare(operation, "utime", &place);
        if (r >= 0 && !operation->request->times_set)
                place_assume_rights(operation, &place);
        return r < 0 ? r : finish(&place, change_times(operation, &place));
}

/* RLIMIT_FSIZE is the caller's, and so is the signal (setrlimit(2)). */
static int check_size_limit(struct operation *operation, const struct place *place)
{
        int64_t length = operation->request->length;
        uint64_t limit;
        int r;

        if (length <= place->status.st_size)
                return 0;
        r = caller_file_size_limit(operation, &limit);
        if (r < 0 || (uint64_t)length <= limit)
                return r;
        if (syscall(SYS_faccessat2, place->fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                return -errno;
        caller_signal(operation, SIGXFSZ);
        return -EFBIG;
}

struct truncation {
        const char *path;
        off_t length;
};

static int truncate_once(const void *what)
{
        const struct truncation *truncation = what;

        return truncate(truncation->path, truncation->length) < 0 ? -errno : 0;
}

/* By name, not by a descriptor for writing, whose opening a watch of the file would show. It waits where
 * another has a lease, until that is given up. */
static int truncate_place(struct operation *operation, const struct place *place)
{
        char link[PLACE_LINK_MAX];
        const struct truncation truncation = {place_link(place->fd, link), operation->request->length};
        int r;

        if (operation->worker->may_block)
                return block_retry(operation, truncate_once, &truncation);
        ticker_start_brief(operation->worker);
        r = truncate_once(&truncation);
        ticker_stop(operation->worker);
        return r == -EINTR ? OPERATION_WOULD_BLOCK : r;
}

int op_truncate(struct operation *operation)
{
        struct place place;
        int r;

        if (operation->request->length < 0)
                return -EINVAL;
        r = resolve_object(operation, &operation->request->path[0], RESOLVE_FOLLOW, 0, &place);
        if (r < 0)
                return r;
        r = place_check_hidden(operation, &place, "truncate", NULL);
        if (r >= 0 && !S_ISREG(place.status.st_mode))
                r = S_ISDIR(place.status.st_mode) ? -EISDIR : -EINVAL;
        if (r >= 0)
                r = place_judge(operation, &place, PATH_WRITE, "truncate", NULL);
        if (r >= 0)
                r = check_size_limit(operation, &place);
        if (r >= 0)
                r = truncate_place(operation, &place);
        place_finish(&place);
        return r;
}
