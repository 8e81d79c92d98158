/* SPDX-License-Identifier: Apache-2.0 */
/* Names made, moved and removed: mkdir, rmdir, unlink, rename, link, symlink, mknod. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/enforce/resolve.h"
#include "broker/enforce/worker.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE  (1 << 1)
#endif

/* Between finding out whether a name is a directory or a socket and renaming it, nobody may put one there. */
static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;

void tree_hold(void)
{
        pthread_mutex_lock(&tree_lock);
}

void tree_release(void)
{
        pthread_mutex_unlock(&tree_lock);
}

/* The name itself, also where a slash behind it asks for what it leads to. */
static bool name_exists(const struct place *place)
{
        char name[NAME_MAX + 2];
        struct stat status;

        strcpy(name, place->name);
        if (!place->dots)
                name[strcspn(name, "/")] = '\0';
        return fstatat(place->parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A name to be made. Refused, or there already: the kernel says the latter first. */
static int judge_new(struct operation *operation, const struct place *place, const char *name)
{
        int r;

        if (place->dots)
                return -EEXIST;
        place_assume_rights(operation, place);
        r = place_judge(operation, place, PATH_WRITE, name, NULL);
        if (r < 0 && operation->reply->verdict.outcome == VERDICT_DENY && name_exists(place))
                return operation_unjudge(operation, EEXIST);
        return r;
}

/* A name to be removed or moved. Refused, or not there: the kernel says the latter first. */
static int judge_old(struct operation *operation, const struct place *place, const char *name)
{
        int r;

        place_assume_rights(operation, place);
        r = place_judge(operation, place, PATH_WRITE, name, NULL);
        if (r < 0 && operation->reply->verdict.outcome == VERDICT_DENY && !name_exists(place))
                return operation_unjudge(operation, errno == EACCES ? EACCES : ENOENT);
        return r;
}

/* Resolves and judges the name that path[index] makes; the caller's umask is in force after that. */
static int prepare_new(struct operation *operation, unsigned index, const char *name, struct place *place)
{
        int r = resolve_name(operation, &operation->request->path[index], place);

        if (r < 0)
                return r;
        r = judge_new(operation, place, name);
        if (r >= 0)
                r = caller_umask(operation);
        if (r < 0)
                place_finish(place);
        return r;
}

static int finish(struct place *place, int result)
{
        int r = result < 0 ? -errno : 0;

        place_finish(place);
        return r;
}

int op_mkdir(struct operation *operation)
{
        struct place place;
        int r = prepare_new(operation, 0, "mkdir", &place);

        if (r < 0)
                return r;
        tree_hold();
        r = mkdirat(place.parent, place.name, operation->request->mode);
        tree_release();
        return finish(&place, r);
}

int op_symlink(struct operation *operation)
{
        struct place place;
        int r = prepare_new(operation, 0, "symlink", &place);

        if (r < 0)
                return r;
        tree_hold();
        r = symlinkat(operation->request->text, place.parent, place.name);
        tree_release();
        return finish(&place, r);
}

/* In procfs, and in a directory that is gone, what is not there is said to be so before all else. */
static bool is_barren(const struct operation *operation, const struct place *place)
{
        struct stat status;

        return fstat(place->parent, &status) == 0 &&
               (status.st_nlink == 0 || status.st_dev == operation->worker->files->proc_device);
}

/* Where a device could not be made anyway, the kernel's error; where it could, for root, the baseline refuses
 * it: a node leads to a device past the rules for the device's own path. */
static int refuse_device(struct operation *operation)
{
        struct place place;
        int r = resolve_name(operation, &operation->request->path[0], &place);

        if (r < 0)
                return r;
        r = judge_new(operation, &place, "mknod");
        if (r >= 0 && name_exists(&place))
                r = -EEXIST;
        else if (r >= 0 && (strchr(place.name, '/') || is_barren(operation, &place)))
                r = -ENOENT;
        else if (r >= 0 && faccessat(place.parent, ".", W_OK | X_OK, AT_EACCESS) < 0)
                r = -errno;
        else if (r >= 0)
                r = operation_refuse(operation, EPERM, "mknod", "of a device", place.path, place.length);
        place_finish(&place);
        return r;
}

int op_mknod(struct operation *operation)
{
        const struct request *request = operation->request;
        struct place place;
        int r;

        switch (request->mode & S_IFMT) {
        case 0:
        case S_IFREG:
        case S_IFIFO:
        case S_IFSOCK:
                break;
        case S_IFCHR:
        case S_IFBLK:
                return refuse_device(operation);
        case S_IFDIR:
                return -EPERM;
        default:
                return -EINVAL;
        }
        r = prepare_new(operation, 0, "mknod", &place);
        return r < 0 ? r : finish(&place, mknodat(place.parent, place.name, request->mode, 0));
}

/* What the kernel says where the name is ".", ".." or the root. */
static int removal_of_dots(const struct place *place)
{
        if (!strncmp(place->name, "..", 2))
                return -ENOTEMPTY;
        return place->name[0] == '.' ? -EINVAL : -EBUSY;
}

static int remove_name(struct operation *operation, const char *name, int flags)
{
        struct place place;
        int r = resolve_name(operation, &operation->request->path[0], &place);

        if (r < 0)
                return r;
        if (place.dots)
                r = flags & AT_REMOVEDIR ? removal_of_dots(&place) : -EISDIR;
        else
                r = judge_old(operation, &place, name);
        if (r >= 0 && unlinkat(place.parent, place.name, flags) < 0)
                r = place_error(&place, flags & AT_REMOVEDIR ? ENOTDIR : EPERM);
        place_finish(&place);
        return r;
}

int op_rmdir(struct operation *operation)
{
        return remove_name(operation, "rmdir", AT_REMOVEDIR);
}

int op_unlink(struct operation *operation)
{
        return remove_name(operation, "unlink", 0);
}

/* The source of a link is judged as written to: under its new name it could be. */
static int prepare_source(struct operation *operation, struct place *place)
{
        const struct request *request = operation->request;
        unsigned mode = (request->at_flags & AT_SYMLINK_FOLLOW ? RESOLVE_FOLLOW : 0) |
                        (request->at_flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);

        return resolve_object(operation, &request->path[0], mode, 0, place);
}

static void deny_by_default(struct verdict *verdict)
{
        verdict->outcome = VERDICT_DENY;
        verdict->error = EACCES;
        verdict->rule = NULL;
        verdict->baseline = false;
}

/* By its new name a socket may be connected to by other rules than by its old one. */
static int judge_socket_move(struct operation *operation, const struct place *from, const struct place *to,
                             const char *name)
{
        struct verdict verdict;

        deny_by_default(&verdict);
        policy_check_socket_move(operation->worker->operations->policy, from->path, to->path, &verdict);
        return operation_conclude(operation, &verdict, name, NULL, from->path, from->length);
}

/* 0, or -EXDEV where what is open at the two is of different mounts. */
static int check_mounts(int from, int to)
{
        struct statx a, b;

        if (syscall(SYS_statx, from, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) < 0 ||
            syscall(SYS_statx, to, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) < 0)
                return -errno;
        return a.stx_mnt_id == b.stx_mnt_id ? 0 : -EXDEV;
}

/* Landlock, which the broker is under, speaks before the file system. */
static int link_error(const struct place *source, const struct place *target)
{
        int error = errno;

        if (error == EXDEV && S_ISDIR(source->status.st_mode) &&
            check_mounts(source->fd, target->parent) == 0)
                return -EPERM;
        return -error;
}

static int link_places(struct operation *operation, const struct place *source, struct place *target)
{
        char link[PLACE_LINK_MAX];
        int r = target->dots ? -EEXIST : 0;

        if (r >= 0)
                r = place_judge(operation, source, PATH_WRITE, "link", NULL);
        place_assume_rights(operation, target);
        if (r >= 0)
                r = place_judge(operation, target, PATH_WRITE, "link", NULL);
        if (r >= 0 && is_barren(operation, target) && !name_exists(target))
                return -ENOENT;
        if (r >= 0 && S_ISSOCK(source->status.st_mode))
                r = judge_socket_move(operation, source, target, "link");
        if (r < 0 && !target->dots && operation->reply->verdict.outcome == VERDICT_DENY &&
            name_exists(target))
                return operation_unjudge(operation, EEXIST);
        if (r < 0)
                return r;
        tree_hold();
        r = linkat(AT_FDCWD, place_link(source->fd, link), target->parent, target->name, AT_SYMLINK_FOLLOW) <
                            0
                    ? link_error(source, target)
                    : 0;
        tree_release();
        return r;
}

int op_link(struct operation *operation)
{
        struct place source, target;
        int r;

        r = prepare_source(operation, &source);
        if (r < 0)
                return r;
        r = resolve_name(operation, &operation->request->path[1], &target);
        if (r >= 0) {
                r = link_places(operation, &source, &target);
                place_finish(&target);
        }
        place_finish(&source);
        return r;
}

/* All that is beneath a directory moves with it. */
static int judge_move(struct operation *operation, const struct place *from, const struct place *to)
{
        struct verdict verdict;
        struct stat status;

        if (fstatat(from->parent, from->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (S_ISSOCK(status.st_mode))
                return judge_socket_move(operation, from, to, "rename");
        if (!S_ISDIR(status.st_mode))
                return 0;
        deny_by_default(&verdict);
        policy_check_move(operation->worker->operations->policy, from->path, from->length, to->path,
                          to->length, &verdict);
        return operation_conclude(operation, &verdict, "rename", NULL, from->path, from->length);
}

static int rename_places(struct operation *operation, const struct place *from, const struct place *to)
{
        unsigned flags = operation->request->rename_flags;
        int r = check_mounts(from->parent, to->parent);

        if (r < 0)
                return r;
        if (from->dots || to->dots)
                return to->dots && !from->dots && flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
        if (from->name_error)
                return from->name_error;
        if (to->name_error)
                return name_exists(from) ? to->name_error : -errno;
        r = judge_old(operation, from, "rename");
        if (r >= 0)
                r = place_judge(operation, to, PATH_WRITE, "rename", NULL);
        if (r < 0)
                return r;
        tree_hold();
        r = judge_move(operation, from, to);
        if (r >= 0 && flags & RENAME_EXCHANGE)
                r = judge_move(operation, to, from);
        if (r >= 0 && syscall(SYS_renameat2, from->parent, from->name, to->parent, to->name, flags) < 0)
                r = place_error(from, EPERM);
        tree_release();
        return r;
}

/* A refusal of the target, or of the move, where the source is missing or the target must not be there. */
static int correct_refusal(struct operation *operation, const struct place *from, const struct place *to,
                           int r)
{
        if (r >= 0 || !operation->reply->judged || operation->reply->verdict.outcome != VERDICT_DENY)
                return r;
        if (!name_exists(from))
                return operation_unjudge(operation, ENOENT);
        if (operation->request->rename_flags & RENAME_NOREPLACE && name_exists(to))
                return operation_unjudge(operation, EEXIST);
        return r;
}

int op_rename(struct operation *operation)
{
        struct place from, to;
        int r;

        if (operation->request->rename_flags & ~7u ||
            (operation->request->rename_flags & RENAME_EXCHANGE && operation->request->rename_flags & 5u))
                return -EINVAL;
        r = resolve_directory(operation, &operation->request->path[0], 0, &from);
        if (r < 0)
                return r;
        r = resolve_directory(operation, &operation->request->path[1], 0, &to);
        if (r >= 0) {
                r = rename_places(operation, &from, &to);
                r = correct_refusal(operation, &from, &to, r);
                place_finish(&to);
        }
        place_finish(&from);
        return r;
}
