/* SPDX-License-Identifier: Apache-2.0 */
/* One step of the differential test: a file operation, done natively by a child in one tree and by the broker
 * for the caller in another, and what can be seen of its outcome. */
#ifndef FLICKER_TESTS_ENFORCE_DIFFERENTIAL_H
#define FLICKER_TESTS_ENFORCE_DIFFERENTIAL_H

#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tests/unit/enforce/fixture.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* "%" at the start of a path stands for the tree's root. path NULL: by descriptor. */
struct step {
        enum request_kind kind;
        int fd;
        const char *path;
        int fd2;
        const char *path2; /* second path, symlink's target, attribute's name */
        unsigned long flags, mode;
        unsigned at_flags;
        unsigned long resolve;
        long length;
        const char *value;
};

struct outcome {
        long result;
        char text[512]; /* what else was seen */
};

static inline const char *step_path(const char *root, const char *path, char out[PATH_MAX])
{
        if (path && path[0] == '%')
                snprintf(out, PATH_MAX, "%s%s", root, path + 1);
        else
                snprintf(out, PATH_MAX, "%s", path ? path : "");
        return out;
}

/* Describes the file at fd, without what differs between two trees. */
static inline void describe_fd(int fd, struct outcome *outcome)
{
        struct stat status;
        char data[64] = "";
        int flags = fcntl(fd, F_GETFL);
        ssize_t n = -1;

        cr_assert_eq(fstat(fd, &status), 0);
        if (S_ISREG(status.st_mode) && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY)
                n = pread(fd, data, sizeof data - 1, 0);
        if (n >= 0)
                data[n] = '\0';
        snprintf(outcome->text, sizeof outcome->text, "mode %o uid %u gid %u flags %o %s", status.st_mode,
                 status.st_uid, status.st_gid, (unsigned)flags & ~(unsigned)(O_NOFOLLOW | 0100000), data);
        outcome->result = 0;
}

static inline void describe_stat(const struct stat *status, struct outcome *outcome)
{
        snprintf(outcome->text, sizeof outcome->text, "mode %o uid %u gid %u nlink %lu size %ld rdev %lx",
                 status->st_mode, status->st_uid, status->st_gid,
                 S_ISDIR(status->st_mode) ? 0 : status->st_nlink,
                 S_ISREG(status->st_mode) || S_ISLNK(status->st_mode) ? status->st_size : 0, status->st_rdev);
}

static inline void describe_text(const char *root, const char *text, size_t length, struct outcome *outcome)
{
        size_t n = strlen(root);

        outcome->result = 0; /* lengths of texts with roots in them differ by the roots' */
        if (length >= n && !memcmp(text, root, n))
                snprintf(outcome->text, sizeof outcome->text, "%%%.*s", (int)(length - n), text + n);
        else
                snprintf(outcome->text, sizeof outcome->text, "%.*s", (int)length, text);
}

static inline long native_call(const struct step *step, const char *root, const char *path, const char *path2,
                               struct outcome *outcome)
{
        struct open_how how = {.flags = step->flags, .mode = step->mode, .resolve = step->resolve};
        struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
        const char *given = step->path ? path : NULL;
        struct statx statx_result;
        struct statfs statfs_result;
        struct stat status;
        char buffer[PATH_MAX];
        long r;

        switch (step->kind) {
        case REQUEST_OPEN:
                r = step->resolve ? syscall(SYS_openat2, step->fd, path, &how, sizeof how)
                                  : syscall(SYS_openat, step->fd, path, (int)step->flags, (mode_t)step->mode);
                if (r < 0)
                        return r;
                describe_fd((int)r, outcome);
                return close((int)r);
        case REQUEST_STAT:
                r = syscall(SYS_newfstatat, step->fd, path, &status, step->at_flags);
                if (r == 0)
                        describe_stat(&status, outcome);
                return r;
        case REQUEST_STATX:
                r = syscall(SYS_statx, step->fd, path, step->at_flags, STATX_BASIC_STATS, &statx_result);
                if (r == 0)
                        snprintf(outcome->text, sizeof outcome->text, "mode %o", statx_result.stx_mode);
                return r;
        case REQUEST_STATFS:
                r = statfs(path, &statfs_result);
                if (r == 0)
                        snprintf(outcome->text, sizeof outcome->text, "%lx", statfs_result.f_type);
                return r;
        case REQUEST_ACCESS:
                return syscall(SYS_faccessat2, step->fd, path, (int)step->mode, step->at_flags);
        case REQUEST_READLINK:
                r = syscall(SYS_readlinkat, step->fd, path, buffer, sizeof buffer);
                if (r >= 0)
                        describe_text(root, buffer, (size_t)r, outcome);
                return r < 0 ? r : 0;
        case REQUEST_MKDIR:
                return syscall(SYS_mkdirat, step->fd, path, (mode_t)step->mode);
        case REQUEST_RMDIR:
                return syscall(SYS_unlinkat, step->fd, path, AT_REMOVEDIR);
        case REQUEST_UNLINK:
                return syscall(SYS_unlinkat, step->fd, path, 0);
        case REQUEST_RENAME:
                return syscall(SYS_renameat2, step->fd, path, step->fd2, path2, step->flags);
        case REQUEST_LINK:
                return syscall(SYS_linkat, step->fd, path, step->fd2, path2, step->at_flags);
        case REQUEST_SYMLINK:
                return syscall(SYS_symlinkat, path2, step->fd, path);
        case REQUEST_MKNOD:
                return syscall(SYS_mknodat, step->fd, path, (mode_t)step->mode, makedev(1, 3));
        case REQUEST_CHMOD:
                if (!step->path)
                        return fchmod(step->fd, (mode_t)step->mode);
                return syscall(SYS_fchmodat2, step->fd, path, (mode_t)step->mode, step->at_flags);
        case REQUEST_CHOWN:
                return syscall(SYS_fchownat, step->fd, path, (uid_t)step->flags, (gid_t)step->mode,
                               step->at_flags);
        case REQUEST_UTIME:
                return syscall(SYS_utimensat, step->fd, given, step->mode ? times : NULL, step->at_flags);
        case REQUEST_TRUNCATE:
                return syscall(SYS_truncate, path, step->length);
        case REQUEST_XATTR_GET:
                r = step->at_flags & AT_SYMLINK_NOFOLLOW ? lgetxattr(path, path2, buffer, step->flags)
                                                         : getxattr(path, path2, buffer, step->flags);
                if (r > 0 && step->flags)
                        snprintf(outcome->text, sizeof outcome->text, "%.*s", (int)r, buffer);
                return r;
        case REQUEST_XATTR_LIST:
                r = listxattr(path, buffer, step->flags);
                return r;
        case REQUEST_XATTR_SET:
                return step->at_flags & AT_SYMLINK_NOFOLLOW
                               ? lsetxattr(path, path2, step->value, strlen(step->value), (int)step->flags)
                               : setxattr(path, path2, step->value, strlen(step->value), (int)step->flags);
        case REQUEST_XATTR_REMOVE:
                return removexattr(path, path2);
        case REQUEST_CHDIR:
                r = chdir(path);
                if (r == 0)
                        cr_assert_eq(chdir(root), 0);
                return r;
        default:
                abort(); /* a step that nobody wrote a native call for */
        }
}

static inline void run_native(const struct step *step, const char *root, struct outcome *outcome)
{
        char path[PATH_MAX], path2[PATH_MAX];
        long r;

        memset(outcome, 0, sizeof *outcome);
        r = native_call(step, root, step_path(root, step->path, path), step_path(root, step->path2, path2),
                        outcome);
        outcome->result = r < 0 ? -errno : r;
}

static inline void step_request(struct sandbox *sandbox, const struct step *step, const char *root)
{
        char path[PATH_MAX], path2[PATH_MAX];
        struct request *request;

        step_path(root, step->path2, path2);
        request = sandbox_ask(sandbox, step->kind, step->fd,
                              step->path ? step_path(root, step->path, path) : NULL);
        request_set_path(&request->path[1], step->fd2, path2);
        if (step->kind == REQUEST_SYMLINK)
                strcpy(request->text, path2);
        else if (step->path2)
                strcpy(request->xattr_name, strlen(path2) < 256 ? path2 : "");
        request->open.flags = step->flags;
        request->open.mode = step->mode;
        request->open.resolve = step->resolve;
        request->open.how = step->resolve != 0;
        request->at_flags = step->at_flags;
        request->mode = (mode_t)step->mode;
        request->device = makedev(1, 3);
        request->uid = (uid_t)step->flags;
        request->gid = (gid_t)step->mode;
        request->mask = STATX_BASIC_STATS;
        request->rename_flags = (unsigned)step->flags;
        request->xattr_flags = (int)step->flags;
        request->length = step->length;
        request->times_set = step->mode != 0;
        request->times[0].tv_sec = 1000;
        request->times[1].tv_sec = 2000;
        request->out_size = step->kind == REQUEST_READLINK ? PATH_MAX : step->flags;
        if (step->value) {
                request->data = (uint8_t *)strdup(step->value);
                request->data_size = strlen(step->value);
        }
}

static inline void run_brokered(struct sandbox *sandbox, const struct step *step, const char *root,
                                struct outcome *outcome)
{
        const struct reply_output *output = &sandbox->reply.outputs[0];

        memset(outcome, 0, sizeof *outcome);
        step_request(sandbox, step, root);
        outcome->result = sandbox_perform(sandbox);
        if (outcome->result < 0)
                return;
        /* The kernel does it, checked: the step has nothing to compare but that it is let go on. */
        if (sandbox->reply.kind == REPLY_CONTINUE) {
                strcpy(outcome->text, "continued");
                return;
        }
        if (step->kind == REQUEST_OPEN) {
                cr_assert_eq(sandbox->reply.kind, REPLY_DESCRIPTOR);
                describe_fd(sandbox->reply.fd, outcome);
        } else if (step->kind == REQUEST_STAT) {
                describe_stat(output->data, outcome);
        } else if (step->kind == REQUEST_STATX) {
                snprintf(outcome->text, sizeof outcome->text, "mode %o",
                         ((const struct statx *)output->data)->stx_mode);
        } else if (step->kind == REQUEST_STATFS) {
                snprintf(outcome->text, sizeof outcome->text, "%lx",
                         ((const struct statfs *)output->data)->f_type);
        } else if (step->kind == REQUEST_READLINK) {
                describe_text(root, output->data, output->size, outcome);
        } else if (step->kind == REQUEST_XATTR_GET && step->flags) {
                snprintf(outcome->text, sizeof outcome->text, "%.*s", (int)output->size,
                         (const char *)output->data);
        }
}

#endif
