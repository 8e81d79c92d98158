/* SPDX-License-Identifier: Apache-2.0 */
/* open(2), openat(2), openat2(2), creat(2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/reopen.h"
#include "broker/enforce/resolve.h"
#include "broker/enforce/worker.h"

#define ATTEMPTS_MAX 16 /* of an open that others' creating and removing keeps overtaking */
#define TRY_AGAIN    2

#define OPEN_TMPFILE 020000000u /* __O_TMPFILE of the kernel: O_TMPFILE without O_DIRECTORY */

/* Flags that the kernel itself has to look at: what it says of them is independent of the path. */
static int check_flags(const struct request *request)
{
        const uint64_t flags = request->open.flags;
        struct open_how how = {.flags = flags, .mode = request->open.mode, .resolve = request->open.resolve};
        long r = -1;

        if (request->open.how)
                r = syscall(SYS_openat2, AT_FDCWD, "", &how, sizeof how);
        else if (flags & OPEN_TMPFILE || (flags & O_CREAT && flags & O_DIRECTORY))
                r = syscall(SYS_openat, AT_FDCWD, "", (int)flags, (mode_t)request->open.mode);
        else
                return 0;
        if (r >= 0)
                close((int)r);
        return r < 0 && errno != ENOENT ? -errno : 0;
}

static bool wants_write(uint64_t flags)
{
        return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

/* fs.protected_regular and fs.protected_fifos (proc_sys_fs(5)) for O_CREAT on what exists: the kernel would
 * have checked it where the broker reopens without O_CREAT. */
static int check_sticky(struct operation *operation, const struct place *place)
{
        const struct worker_files *files = operation->worker->files;
        const mode_t mode = place->status.st_mode;
        unsigned level = S_ISREG(mode)    ? files->protected_regular
                         : S_ISFIFO(mode) ? files->protected_fifos
                                          : 1;
        char directory[PLACE_PATH_MAX];
        struct stat parent;
        uid_t uid = geteuid();
        const struct caller_status *status;
        char *slash;

        if (!level || place->anonymous)
                return 0;
        memcpy(directory, place->path, place->length + 1);
        slash = strrchr(directory, '/');
        slash[slash == directory] = '\0';
        if (stat(directory, &parent) < 0 || !(parent.st_mode & S_ISVTX) ||
            parent.st_uid == place->status.st_uid)
                return 0;
        if (operation->worker->operations->privileged && caller_status(operation, &status) >= 0)
                uid = status->uid.file;
        if (place->status.st_uid == uid)
                return 0;
        return parent.st_mode & S_IWOTH || (parent.st_mode & S_IWGRP && level >= 2) ? -EACCES : 0;
}

/* What the kernel says of flags and type before it asks for permission, in its order. */
static int check_type(struct operation *operation, const struct place *place, uint64_t flags)
{
        const mode_t mode = place->status.st_mode;

        if (flags & O_CREAT) {
                if (flags & O_EXCL)
                        return -EEXIST;
                if (S_ISDIR(mode))
                        return -EISDIR;
                if (check_sticky(operation, place) < 0)
                        return -EACCES;
        }
        if (flags & O_DIRECTORY && !S_ISDIR(mode))
                return -ENOTDIR;
        if (flags & O_PATH)
                return 0;
        if (S_ISLNK(mode))
                return -ELOOP;
        if (S_ISDIR(mode) && wants_write(flags) && !(flags & OPEN_TMPFILE))
                return -EISDIR;
        return 0;
}

static int judge_open(struct operation *operation, const struct place *place, uint64_t flags)
{
        if (flags & O_PATH)
                return place_judge(operation, place, PATH_META, "open", "as a path");
        if (flags & OPEN_TMPFILE)
                return place_judge(operation, place, PATH_WRITE, "open", "for creating");
        return wants_write(flags) ? place_judge(operation, place, PATH_WRITE, "open", "for writing")
                                  : place_judge(operation, place, PATH_READ, "open", "for reading");
}

/* The reply to an open that succeeded. */
static int give(struct operation *operation, int fd)
{
        struct reply *reply = operation->reply;

        reply->kind = REPLY_DESCRIPTOR;
        reply->fd = fd;
        reply->fd_cloexec = operation->request->open.flags & O_CLOEXEC;
        return 0;
}

/* Over a ring no descriptor travels: the caller asks again with the syscall itself. */
static int answer_native(struct operation *operation)
{
        operation_unjudge(operation, 0);
        operation->reply->kind = REPLY_NATIVE;
        return 0;
}

/* The kernel gives no O_PATH descriptor away (SECCOMP_IOCTL_NOTIF_ADDFD takes it for none). */
static int give_path(struct operation *operation, const struct place *place)
{
        const struct policy *policy = operation->worker->operations->policy;
        struct verdict readable;
        int fd;

        if (!operation->request->open.how && !policy_hides_anything(policy)) {
                operation->reply->kind = REPLY_CONTINUE;
                operation->reply->why = "O_PATH is in a register, and shows no more than stat, which is free";
                return 0;
        }
        /* The caller may not open it for itself: openat2's flags are memory, and a name changed meanwhile
         * could be a hidden one. Where it may read the object, a descriptor for that does all that O_PATH
         * would. */
        policy_check_path(policy, place->path, place->length, PATH_READ, &readable);
        if (readable.outcome != VERDICT_ALLOW || place->anonymous || place->proc != PLACE_NOT_PROC ||
            !(S_ISREG(place->status.st_mode) || S_ISDIR(place->status.st_mode)))
                return operation_refuse(operation, EACCES, "open", "as a path", place->path, place->length);
        fd = reopen(operation, place, O_RDONLY, 0);
        return fd < 0 ? (fd == REOPEN_WOULD_BLOCK ? -EACCES : fd) : give(operation, fd);
}

/* For opening what is there, by its descriptor. O_EXCL goes with O_TMPFILE only. */
static int reopen_flags(uint64_t flags)
{
        uint64_t drop = O_CREAT | O_NOFOLLOW | O_CLOEXEC;

        if (!(flags & OPEN_TMPFILE))
                drop |= O_EXCL;
        return (int)(flags & ~drop);
}

static int open_existing(struct operation *operation, struct place *place)
{
        const uint64_t flags = operation->request->open.flags;
        int fd, r;

        r = place_check_hidden(operation, place, "open", NULL);
        if (r >= 0)
                r = check_type(operation, place, flags);
        if (r >= 0)
                r = judge_open(operation, place, flags);
        if (r < 0)
                return r;
        if (operation->caller->via_ring)
                return answer_native(operation);
        if (flags & O_PATH)
                return give_path(operation, place);
        if (flags & OPEN_TMPFILE) {
                r = caller_umask(operation);
                if (r < 0)
                        return r;
        }
        fd = reopen(operation, place, reopen_flags(flags), (mode_t)operation->request->open.mode);
        if (fd == REOPEN_WOULD_BLOCK)
                return OPERATION_WOULD_BLOCK;
        if (fd == -EACCES && flags & OPEN_TMPFILE && place_is_own_fds(place))
                return -EOPNOTSUPP;
        return fd < 0 ? fd : give(operation, fd);
}

static int open_new(struct operation *operation, const struct place *place)
{
        const struct request *request = operation->request;
        int flags = (int)request->open.flags | O_CREAT | O_EXCL | O_NOCTTY |
                    O_CLOEXEC; /* O_EXCL follows no link */
        int fd, r;

        r = place_judge(operation, place, PATH_WRITE, "open", "for creating");
        if (r < 0)
                return r;
        if (operation->caller->via_ring)
                return answer_native(operation);
        place_assume_rights(operation, place);
        r = caller_umask(operation);
        if (r < 0)
                return r;
        fd = openat(place->parent, place->name, flags, (mode_t)request->open.mode);
        if (fd < 0)
                return errno == EEXIST && !(request->open.flags & O_EXCL) ? TRY_AGAIN : -errno;
        return give(operation, fd);
}

static unsigned resolve_mode_of(uint64_t flags)
{
        unsigned mode = flags & O_CREAT ? RESOLVE_CREATE : 0;

        if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
                mode |= RESOLVE_FOLLOW;
        return mode;
}

/* A name with a slash behind it is a directory's: nothing that O_CREAT makes or opens. */
static int check_creation_name(struct operation *operation)
{
        const struct request *request = operation->request;
        const struct request_path *path = &request->path[0];
        struct place place;
        int r;

        if (!(request->open.flags & O_CREAT) || !path->length || path->text[path->length - 1] != '/')
                return 0;
        r = resolve_directory(operation, path, request->open.resolve, &place);
        if (r >= 0 && !place.dots)
                r = -EISDIR;
        place_finish(&place);
        return r;
}

static int open_once(struct operation *operation, unsigned mode)
{
        const struct request *request = operation->request;
        struct place place;
        int r;

        r = check_creation_name(operation);
        if (r < 0)
                return r;
        r = resolve_object(operation, &request->path[0], mode, request->open.resolve, &place);
        if (r < 0)
                return r;
        r = place.fd >= 0 ? open_existing(operation, &place) : open_new(operation, &place);
        place_finish(&place);
        return r;
}

int op_open(struct operation *operation)
{
        struct request *request = operation->request;
        unsigned mode;
        int r = check_flags(request);

        if (r < 0)
                return r;
        if (request->open.resolve & RESOLVE_CACHED)
                return -EAGAIN;
        if (request->open.flags & O_PATH) /* all other flags are without effect (open(2)) */
                request->open.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        mode = resolve_mode_of(request->open.flags);
        for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
                r = open_once(operation, mode);
                if (r != TRY_AGAIN)
                        return r;
                /* The name exists, yet nothing was found through it: a link to nowhere, or a race. */
                operation_unjudge(operation, 0);
                mode |= RESOLVE_SLOW;
        }
        return -EAGAIN;
}
