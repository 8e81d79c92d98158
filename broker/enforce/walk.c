/* SPDX-License-Identifier: Apache-2.0 */
/* The second gear of resolution: the broker walks, as path_resolution(7) says, and in procfs it is the
 * caller. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/resolve.h"
#include "broker/enforce/worker.h"

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 0x2000 /* statfs(2), Linux 5.10 */
#endif

#define SCOPED   (RESOLVE_BENEATH | RESOLVE_IN_ROOT)
#define REST_MAX (2 * REQUEST_PATH_MAX)

struct walker {
        struct operation *operation;
        unsigned mode;
        uint64_t kernel_flags;
        int start;   /* where absolute links lead: the base under RESOLVE_IN_ROOT, or -1: the root */
        int current; /* directory reached */
        int depth;   /* below start; for scoped walks */
        unsigned links;
        dev_t device; /* of current, for RESOLVE_NO_XDEV */
        size_t at;    /* what is left to walk: rest + at */
        char rest[REST_MAX];
        char name[NAME_MAX + 1]; /* component in hand */
        bool last, slash;        /* nothing but slashes follows; at least one does */
        bool followed;           /* a link, just now */
};

static int step_to(struct walker *walker, int fd)
{
        close(walker->current);
        walker->current = fd;
        return 0;
}

int name_error(int directory, const char *name)
{
        int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        close(fd);
        return -ENAMETOOLONG;
}

/* A lookup in the caller's own /proc directory is the caller's right even where its credentials, in the
 * broker's hands, do not suffice (a process that changed its user). */
static int look_again(struct walker *walker, const char *name)
{
        struct operation *operation = walker->operation;
        struct place here;
        int fd, r;

        place_init(&here);
        here.fd = walker->current;
        r = place_locate(operation, &here);
        if (r < 0 || here.proc != PLACE_PROC_OWN)
                return -EACCES;
        credentials_restore(operation->worker);
        fd = openat(walker->current, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        fd = fd < 0 ? -errno : fd;
        r = credentials_assume(operation);
        if (r < 0 && fd >= 0)
                close(fd);
        return r < 0 ? r : fd;
}

static int error_of_long(struct walker *walker, const char *text, size_t length)
{
        char name[REST_MAX];
        int r;

        memcpy(name, text, length);
        name[length] = '\0';
        r = name_error(walker->current, name);
        return r == -EACCES ? look_again(walker, name) : r;
}

/* Takes the next component. 0; 1 where none is left; -errno of one that is too long. */
static int next_component(struct walker *walker)
{
        const char *text = walker->rest + walker->at;
        size_t n;

        text += strspn(text, "/");
        if (!*text)
                return 1;
        n = strcspn(text, "/");
        if (n > NAME_MAX)
                return error_of_long(walker, text, n);
        memcpy(walker->name, text, n);
        walker->name[n] = '\0';
        text += n;
        walker->slash = *text == '/';
        walker->last = !text[strspn(text, "/")];
        walker->at = (size_t)(text - walker->rest);
        return 0;
}

static int open_start(const struct walker *walker)
{
        return walker->start >= 0 ? fcntl(walker->start, F_DUPFD_CLOEXEC, 3)
                                  : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Puts a link's text in front of what is left. */
static int insert_text(struct walker *walker, const char *text, size_t length)
{
        const char *left = walker->rest + walker->at;
        size_t left_length = strlen(left);
        int fd;

        if (!length)
                return -ENOENT;
        if (length + left_length >= REST_MAX)
                return -ENAMETOOLONG;
        walker->followed = true;
        memmove(walker->rest + length, left, left_length + 1);
        memcpy(walker->rest, text, length);
        walker->at = 0;
        if (text[0] != '/')
                return 0;
        if (walker->kernel_flags & RESOLVE_BENEATH)
                return -EXDEV;
        walker->depth = 0;
        fd = open_start(walker);
        return fd < 0 ? -errno : step_to(walker, fd);
}

static uid_t file_uid(struct operation *operation)
{
        const struct caller_status *status;

        if (!operation->worker->operations->privileged || caller_status(operation, &status) < 0)
                return geteuid();
        return status->uid.file;
}

/* fs.protected_symlinks (proc_sys_fs(5)): in a sticky directory that anybody may write to, only links of
 * one's own or of the directory's owner are followed. */
static int may_follow(struct walker *walker, const struct stat *link)
{
        struct stat directory;

        if (!walker->last || !walker->operation->worker->files->protected_symlinks)
                return 0;
        if (fstat(walker->current, &directory) < 0)
                return -errno;
        if ((directory.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
                return 0;
        if (link->st_uid == directory.st_uid || link->st_uid == file_uid(walker->operation))
                return 0;
        return -EACCES;
}

/* Follows a magic link: to the object, wherever that is. The caller may look at itself, so there the broker's
 * own rights are used; at others of the sandbox as far as the caller's rights go. */
static int follow_magic(struct walker *walker, const struct place *link)
{
        struct operation *operation = walker->operation;
        const struct caller *caller = operation->caller;
        int fd, r;

        if (walker->kernel_flags & RESOLVE_NO_MAGICLINKS)
                return -ELOOP;
        if (walker->kernel_flags & (SCOPED | RESOLVE_NO_XDEV))
                return -EXDEV;
        if (link->proc == PLACE_PROC_OWN)
                credentials_restore(operation->worker);
        fd = openat(walker->current, walker->name, O_PATH | O_CLOEXEC);
        r = fd < 0 ? -errno : 0;
        if (link->proc == PLACE_PROC_OWN && r >= 0)
                r = credentials_assume(operation);
        if (r >= 0 && !caller->alive(caller))
                r = -ESRCH;
        if (r < 0) {
                if (fd >= 0)
                        close(fd);
                return r;
        }
        return step_to(walker, fd);
}

int proc_program(struct operation *operation, const struct place *link, char *text, size_t size)
{
        const struct program_lookup *programs = &operation->worker->operations->programs;
        size_t known = 0;
        int r = 0;

        if (strcmp(link->proc_rest, "exe") != 0)
                return 0;
        if (link->proc == PLACE_PROC_OWN)
                credentials_restore(operation->worker);
        if (readlinkat(link->fd, "", text, size) >= 0) /* the right to know it */
                known = programs->exe_path(programs->context, link->proc_pid, text, size);
        if (link->proc == PLACE_PROC_OWN)
                r = credentials_assume(operation);
        return r < 0 ? r : (int)known;
}

static int follow_process_link(struct walker *walker, const struct place *link)
{
        char text[REQUEST_PATH_MAX];
        int n;

        if (link->proc == PLACE_PROC_FOREIGN)
                return operation_refuse(walker->operation, EACCES, "follow", NULL, link->path, link->length);
        n = proc_program(walker->operation, link, text, sizeof text);
        if (n < 0)
                return n;
        if (!n)
                return follow_magic(walker, link);
        return walker->kernel_flags & RESOLVE_NO_MAGICLINKS ? -ELOOP : insert_text(walker, text, (size_t)n);
}

int proc_link_text(struct operation *operation, const struct place *link, char *text, size_t size)
{
        const struct caller_status *status;
        bool self = !strcmp(link->path, "/proc/self"), thread = !strcmp(link->path, "/proc/thread-self");
        ssize_t n;
        int r;

        if (link->proc == PLACE_PROC_GLOBAL && (self || thread)) {
                r = caller_status(operation, &status);
                if (r < 0)
                        return r;
                return self ? snprintf(text, size, "%d", (int)status->tgid)
                            : snprintf(text, size, "%d/task/%d", (int)status->tgid,
                                       (int)operation->caller->tid);
        }
        n = readlinkat(link->fd, "", text, size);
        if (n < 0)
                return -errno;
        return (size_t)n < size ? (int)n : -ENAMETOOLONG;
}

bool proc_link_is_magic(const struct place *link)
{
        if (link->proc == PLACE_NOT_PROC || link->proc == PLACE_PROC_GLOBAL)
                return false;
        return strncmp(link->proc_rest, "net/", 4) != 0;
}

static int follow_proc(struct walker *walker, int fd)
{
        char text[REQUEST_PATH_MAX];
        struct place link;
        int r;

        place_init(&link);
        link.fd = fd;
        r = place_locate(walker->operation, &link);
        if (r < 0)
                return r;
        if (proc_link_is_magic(&link))
                return follow_process_link(walker, &link);
        r = proc_link_text(walker->operation, &link, text, sizeof text);
        return r < 0 ? r : insert_text(walker, text, (size_t)r);
}

/* Nothing leads on from what is hidden: neither a link nor "..", or whether it is there would show.
 * *ret_here: where it is, path empty where nothing is hidden at all. */
static int check_hidden(struct walker *walker, int fd, struct place *ret_here)
{
        struct operation *operation = walker->operation;
        int r;

        place_init(ret_here);
        if (!operation->worker->operations->tiers->hides)
                return 0;
        ret_here->fd = fd;
        r = place_locate(operation, ret_here);
        return r < 0 ? r : place_check_hidden(operation, ret_here, "follow", NULL);
}

static int follow(struct walker *walker, int fd, const struct stat *status)
{
        char text[REQUEST_PATH_MAX];
        struct place here;
        struct statfs fs;
        ssize_t n;
        int r;

        if (++walker->links > RESOLVE_LINKS_MAX || walker->kernel_flags & RESOLVE_NO_SYMLINKS)
                return -ELOOP;
        if (fstatfs(fd, &fs) < 0)
                return -errno;
        if (fs.f_flags & ST_NOSYMFOLLOW)
                return -ELOOP;
        r = check_hidden(walker, fd, &here);
        if (r < 0)
                return r;
        if (fs.f_type == PROC_SUPER_MAGIC)
                return follow_proc(walker, fd);
        r = may_follow(walker, status);
        if (r < 0)
                return r;
        n = readlinkat(fd, "", text, sizeof text);
        if (n < 0)
                return -errno;
        if ((size_t)n == sizeof text)
                return -ENAMETOOLONG;
        if (here.length)
                known_links_learn(&walker->operation->worker->files->known_links, walker->current, status,
                                  here.path, text, (size_t)n);
        return insert_text(walker, text, (size_t)n);
}

static int look_up(struct walker *walker)
{
        bool up = !strcmp(walker->name, ".."), out = false;
        struct place here;
        int fd, r = up ? check_hidden(walker, walker->current, &here) : 0;

        if (r < 0)
                return r;
        if (up && walker->kernel_flags & SCOPED && walker->depth == 0) {
                out = walker->kernel_flags & RESOLVE_BENEATH;
                strcpy(walker->name, ".");
                up = false;
        }
        fd = openat(walker->current, walker->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES)
                fd = look_again(walker, walker->name);
        else if (fd < 0)
                return -errno;
        if (fd >= 0 && out) { /* the right to search comes first */
                close(fd);
                return -EXDEV;
        }
        if (fd >= 0 && strcmp(walker->name, ".") != 0)
                walker->depth += up ? -1 : 1;
        return fd;
}

/* A slash behind the last name makes it a directory's, which O_CREAT refuses unseen (open_last_lookups()). */
static bool names_directory(const struct walker *walker)
{
        return walker->last && walker->slash && walker->mode & RESOLVE_CREATE &&
               strcmp(walker->name, ".") != 0 && strcmp(walker->name, "..") != 0;
}

/* One component. 0: go on; 1: place->fd is the object, or place->parent and name its absent name. */
static int step(struct walker *walker, struct place *place)
{
        _cleanup_close_ int fd = names_directory(walker) ? -EISDIR : look_up(walker);
        struct stat status;

        if (fd == -ENOENT && walker->last && walker->mode & RESOLVE_CREATE) {
                snprintf(place->name, sizeof place->name, "%s%s", walker->name, walker->slash ? "/" : "");
                place->parent = fd_take(&walker->current);
                return 1;
        }
        if (fd < 0)
                return fd;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (walker->kernel_flags & RESOLVE_NO_XDEV && status.st_dev != walker->device)
                return -EXDEV;
        if (S_ISLNK(status.st_mode) && (!walker->last || walker->slash || walker->mode & RESOLVE_FOLLOW)) {
                walker->depth--;
                return follow(walker, fd, &status);
        }
        if (walker->slash && !S_ISDIR(status.st_mode))
                return -ENOTDIR;
        return step_to(walker, fd_take(&fd));
}

/* Behind a link there is often nothing more to follow: then the kernel goes the rest in one step. Where it
 * does not, the walk says why. */
static bool leap(struct walker *walker)
{
        const char *left = walker->rest + walker->at;
        int fd;

        left += strspn(left, "/");
        if (!*left || walker->kernel_flags || walker->mode & RESOLVE_CREATE || path_goes_up(left))
                return false;
        fd = open_path(walker->current, left, walker->mode & RESOLVE_FOLLOW ? 0 : O_NOFOLLOW,
                       RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
        if (fd < 0)
                return false;
        step_to(walker, fd);
        walker->slash = false;
        return true;
}

static int walk_all(struct walker *walker, struct place *place)
{
        struct stat status;
        int r;

        for (;;) {
                if (walker->followed && leap(walker))
                        break;
                walker->followed = false;
                r = next_component(walker);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
                r = step(walker, place);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        /* A slash behind the last component wants a directory, also where a magic link was the last. */
        if (walker->slash && (fstat(walker->current, &status) < 0 || !S_ISDIR(status.st_mode)))
                return -ENOTDIR;
        place->fd = fd_take(&walker->current);
        return 0;
}

static int walker_begin(struct walker *walker, int base, const char *path)
{
        struct stat status;
        bool scoped = walker->kernel_flags & SCOPED;

        if (walker->kernel_flags & RESOLVE_CACHED)
                return -EAGAIN;
        if (path[0] == '/' && walker->kernel_flags & RESOLVE_BENEATH)
                return -EXDEV;
        walker->start = scoped ? base : -1;
        walker->current = path[0] == '/' || scoped ? open_start(walker) : fcntl(base, F_DUPFD_CLOEXEC, 3);
        if (walker->current < 0)
                return -errno;
        if (walker->kernel_flags & RESOLVE_NO_XDEV) {
                if (fstat(walker->current, &status) < 0)
                        return -errno;
                walker->device = status.st_dev;
        }
        strcpy(walker->rest, path);
        return 0;
}

int walk(struct operation *operation, int base, const char *path, unsigned mode, uint64_t kernel_flags,
         struct place *place)
{
        struct walker walker;
        int r;

        memset(&walker, 0, offsetof(struct walker, rest));
        walker.operation = operation;
        walker.mode = mode;
        walker.kernel_flags = kernel_flags;
        walker.start = walker.current = -1;
        walker.last = walker.slash = walker.followed = false;
        r = walker_begin(&walker, base, path);
        if (r >= 0)
                r = walk_all(&walker, place);
        if (walker.current >= 0)
                close(walker.current);
        return r;
}
