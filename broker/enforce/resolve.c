/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/worker.h"

#define TRY_WALK 1 /* the kernel's answer may depend on who asked */

#define SCOPED (RESOLVE_BENEATH | RESOLVE_IN_ROOT)

int open_path(int base, const char *path, uint64_t flags, uint64_t resolve)
{
        struct open_how how = {.flags = O_PATH | O_CLOEXEC | flags, .resolve = resolve};
        int fd = (int)syscall(SYS_openat2, base, path, &how, sizeof how);

        return fd < 0 ? -errno : fd;
}

bool path_goes_up(const char *path)
{
        for (const char *at = path; (at = strstr(at, "..")); at += 2)
                if ((at == path || at[-1] == '/') && (at[2] == '/' || !at[2]))
                        return true;
        return false;
}

/* May the kernel's way to what it opened have led through something hidden? Then the walker has to go it. */
static bool may_pass_hidden(const struct operation *operation, const char *path, bool plain)
{
        return operation->worker->operations->tiers->hides && (!plain || path_goes_up(path));
}

static bool is_hidden(struct operation *operation, const char *path, size_t length)
{
        struct verdict verdict;

        verdict.outcome = VERDICT_ALLOW;
        policy_check_path(operation->worker->operations->policy, path, length, PATH_META, &verdict);
        return verdict.outcome == VERDICT_HIDE;
}

/* Writes path to way with the links followed that are known and still there. False: there is none, or it
 * takes the walker to say what follows from it. */
static bool follow_known_links(struct operation *operation, const char *path, bool last,
                               char way[REQUEST_PATH_MAX])
{
        const struct known_links *links = &operation->worker->files->known_links;
        const struct known_link *link = path[0] == '/' ? known_links_find(links, path, last) : NULL;

        if (!link || path_goes_up(path))
                return false;
        strcpy(way, path);
        for (unsigned n = 0; link; n++) {
                if (n == RESOLVE_LINKS_MAX || !known_link_stands(link) ||
                    is_hidden(operation, link->path, link->length) || !known_link_follow(link, way))
                        return false;
                link = known_links_find(links, way, last);
        }
        return true;
}

/* A path on its way through the first gear. */
struct way {
        const char *path; /* as it leads to the object */
        bool plain;       /* no symbolic link is on it: it is the real one */
        bool last;        /* known links are followed in the last component, too */
        char buffer[REQUEST_PATH_MAX];
};

/*
 * The first gear. A descriptor; TRY_WALK; or an error that stands: one met before any symbolic link was
 * followed, for a name that is missing is missing for everybody.
 */
static int open_by_kernel(struct operation *operation, int base, struct way *way, uint64_t flags,
                          uint64_t kernel_flags, int *ret_fd)
{
        const uint64_t plain = kernel_flags | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
        const bool no_links = !kernel_flags && may_pass_hidden(operation, way->path, false);
        int fd;

        if (no_links && follow_known_links(operation, way->path, way->last, way->buffer))
                way->path = way->buffer;
        way->plain = true;
        fd = open_path(base, way->path, flags, plain);
        if (fd == -ELOOP && no_links)
                return TRY_WALK;
        if (fd == -ELOOP && !(kernel_flags & RESOLVE_NO_SYMLINKS)) {
                way->plain = false;
                fd = open_path(base, way->path, flags, kernel_flags | RESOLVE_NO_MAGICLINKS);
                if (fd < 0 && fd != -EXDEV && fd != -EAGAIN)
                        return TRY_WALK;
        }
        if (fd == -EACCES)
                return TRY_WALK;
        if (fd < 0)
                return fd;
        *ret_fd = fd;
        return 0;
}

/* Writes prefix and path as one normal path. Its length; -1 where ".." is in it, or it does not fit. */
static ssize_t normalise(const char *prefix, size_t prefix_length, const char *path, char *out, size_t size)
{
        size_t length = prefix_length;

        memcpy(out, prefix, prefix_length);
        while (*path) {
                size_t n = strcspn(path, "/");

                if (n == 2 && !memcmp(path, "..", 2))
                        return -1;
                if (n && !(n == 1 && *path == '.')) {
                        if (length + 1 + n >= size)
                                return -1;
                        out[length++] = '/';
                        memcpy(out + length, path, n);
                        length += n;
                }
                path += n + (path[n] == '/');
        }
        if (!length)
                out[length++] = '/';
        return (ssize_t)length;
}

/* The place of what the kernel opened. TRY_WALK where it went by way of "self" in a procfs. */
static int locate(struct operation *operation, const char *path, bool plain, struct place *place)
{
        char normal[REQUEST_PATH_MAX];
        ssize_t n = -1;
        int r;

        if (plain && path[0] == '/')
                n = normalise("", 0, path, normal, sizeof normal);
        r = n > 0 ? place_locate_as(operation, place, normal, (size_t)n) : place_locate(operation, place);
        if (r >= 0 && !plain && place->proc != PLACE_NOT_PROC)
                return TRY_WALK;
        return r;
}

/* Divides path: the directory's part goes to directory ("." for none), the rest is name, with one slash
 * behind it where there were any. */
static int split(const char *path, char directory[REQUEST_PATH_MAX], struct place *place)
{
        size_t end = strlen(path), start, name_length;

        while (end > 0 && path[end - 1] == '/')
                end--;
        for (start = end; start > 0 && path[start - 1] != '/';)
                start--;
        name_length = end - start;
        if (!start)
                strcpy(directory, name_length ? "." : "/");
        else
                memcpy(directory, path, start);
        directory[start ? start : 1] = '\0';
        if (name_length > NAME_MAX)
                return -ENAMETOOLONG;
        memcpy(place->name, path + start, name_length);
        place->name[name_length] = '\0';
        place->dots = !name_length || !strcmp(place->name, ".") || !strcmp(place->name, "..");
        if (path[end] == '/')
                strcpy(place->name + name_length, "/");
        return 0;
}

static int open_parent(struct operation *operation, int base, const char *directory, unsigned mode,
                       uint64_t kernel_flags, struct place *place)
{
        struct way way;
        int r = TRY_WALK;

        way.path = directory;
        way.last = true;
        if (!(mode & RESOLVE_SLOW))
                r = open_by_kernel(operation, base, &way, O_DIRECTORY, kernel_flags, &place->parent);
        if (r == 0) {
                bool hidden = may_pass_hidden(operation, directory, way.plain);

                r = hidden ? 0 : place_locate_name(operation, place);
                if (r < 0 || (!hidden && (way.plain || place->proc == PLACE_NOT_PROC)))
                        return r;
                close(place->parent);
                place->parent = -1;
                r = TRY_WALK;
        }
        if (r != TRY_WALK)
                return r;
        r = walk(operation, base, directory, RESOLVE_FOLLOW, kernel_flags, place);
        if (r < 0)
                return r;
        place->parent = fd_take(&place->fd);
        return place_locate_name(operation, place);
}

/* The first gear for an object. 0, TRY_WALK or -errno. */
static int object_by_kernel(struct operation *operation, int base, const char *path, unsigned mode,
                            uint64_t kernel_flags, struct place *place)
{
        char directory[REQUEST_PATH_MAX];
        struct way way;
        int r;

        way.path = path;
        way.last = mode & RESOLVE_FOLLOW && !(mode & RESOLVE_CREATE); /* which makes what a link leads to */
        r = open_by_kernel(operation, base, &way, mode & RESOLVE_FOLLOW ? 0 : O_NOFOLLOW, kernel_flags,
                           &place->fd);
        if (r == -ENOENT && mode & RESOLVE_CREATE) {
                if (split(path, directory, place) < 0)
                        return -ENOENT; /* a name too long for any directory, and in one that is gone */
                return open_parent(operation, base, directory, mode, kernel_flags, place);
        }
        if (r == -ENOTDIR && mode & RESOLVE_CREATE) /* or EISDIR, at the end of a symbolic link */
                return TRY_WALK;
        if (r == 0)
                r = may_pass_hidden(operation, path, way.plain)
                            ? TRY_WALK
                            : locate(operation, way.path, way.plain, place);
        if (r == TRY_WALK && place->fd >= 0) {
                close(place->fd);
                place_init(place);
        }
        return r;
}

static int object_by_walk(struct operation *operation, int base, const char *path, unsigned mode,
                          uint64_t kernel_flags, struct place *place)
{
        int r = walk(operation, base, path, mode, kernel_flags, place);

        if (r < 0)
                return r;
        return place->fd >= 0 ? place_locate(operation, place) : place_locate_name(operation, place);
}

/* Is what prefix leads to hidden, or the name behind it? 1, 0, or -errno where it leads nowhere. */
static int is_hidden_at(struct operation *operation, int base, const char *prefix, const char *name,
                        uint64_t kernel_flags)
{
        struct place place;
        int r;

        place_init(&place);
        r = object_by_kernel(operation, base, prefix, RESOLVE_FOLLOW, kernel_flags, &place);
        if (r == TRY_WALK)
                r = object_by_walk(operation, base, prefix, RESOLVE_FOLLOW, kernel_flags, &place);
        if (r >= 0) {
                size_t length = place.length, n = strcspn(name, "/");

                r = is_hidden(operation, place.path, length);
                if (length > 1)
                        place.path[length++] = '/';
                memcpy(place.path + length, name, n);
                r = r || is_hidden(operation, place.path, length + n);
        }
        place_finish(&place);
        return r;
}

/* The end of the first count components of path, and where the next one starts. */
static size_t end_of(const char *path, unsigned count, size_t *ret_next)
{
        size_t end = 0, next = strspn(path, "/");

        for (; count; count--) {
                end = next + strcspn(path + next, "/");
                next = end + strspn(path + end, "/");
        }
        *ret_next = next;
        return end;
}

/* Is what the first count components lead to hidden, or the name behind it? 1, 0, or -errno where they lead
 * nowhere. */
static int is_hidden_after(struct operation *operation, int base, const char *path, unsigned count,
                           uint64_t kernel_flags)
{
        char prefix[REQUEST_PATH_MAX];
        size_t next, end = end_of(path, count, &next);

        memcpy(prefix, path, end);
        prefix[end] = '\0';
        if (!end)
                strcpy(prefix, path[0] == '/' ? "/" : ".");
        return is_hidden_at(operation, base, prefix, path + next, kernel_flags);
}

static unsigned count_components(const char *path)
{
        unsigned count = 0;

        for (const char *at = path + strspn(path, "/"); *at; at += strspn(at, "/")) {
                at += strcspn(at, "/");
                count++;
        }
        return count;
}

/* How far does path lead? To the object of its longest prefix that can be resolved. Is that one hidden, or
 * the name behind it? What leads nowhere does so whatever is appended, so the prefix is searched for by
 * halves. */
static bool stops_at_hidden(struct operation *operation, int base, const char *path, uint64_t kernel_flags)
{
        unsigned leads = 0, fails = count_components(path);
        int hidden = is_hidden_after(operation, base, path, 0, kernel_flags);

        while (leads + 1 < fails) {
                unsigned middle = (leads + fails) / 2;
                int r = is_hidden_after(operation, base, path, middle, kernel_flags);

                if (r < 0)
                        fails = middle;
                else
                        leads = middle, hidden = r;
        }
        return hidden > 0;
}

/* A hidden name is absent in every error too: not a file in the way (ENOTDIR), not a directory that may not
 * be searched (EACCES). */
static int hide_error(struct operation *operation, int base, const char *path, uint64_t kernel_flags,
                      int error)
{
        const struct operations *operations = operation->worker->operations;

        if (error == -ENOENT || error == -ESRCH || operations->tiers->warn || (base < 0 && path[0] != '/') ||
            !policy_hides_anything(operations->policy))
                return error;
        return stops_at_hidden(operation, base, path, kernel_flags) ? -ENOENT : error;
}

/* Where relative paths start, and scoped ones even where they look absolute. */
static int open_base(struct operation *operation, const struct request_path *path, uint64_t kernel_flags,
                     int *ret_base)
{
        int fd;

        if (path->text[0] == '/' && kernel_flags & RESOLVE_BENEATH)
                return -EXDEV;
        if (path->text[0] == '/' && !(kernel_flags & SCOPED))
                return 0;
        fd = caller_directory(operation, path->fd);
        if (fd < 0)
                return fd;
        *ret_base = fd;
        return 0;
}

static int resolve_descriptor(struct operation *operation, const struct request_path *path,
                              struct place *place)
{
        int r;

        place->fd = caller_directory(operation, path->fd);
        if (place->fd < 0)
                return place->fd;
        place->duplicate = path->fd != AT_FDCWD;
        r = place_locate(operation, place);
        return r < 0 ? r : credentials_assume(operation);
}

int resolve_object(struct operation *operation, const struct request_path *path, unsigned mode,
                   uint64_t kernel_flags, struct place *ret_place)
{
        _cleanup_close_ int base = -1;
        int r;

        place_init(ret_place);
        if (path->error) {
                r = path->error;
        } else if (path->by_fd || (!path->length && mode & RESOLVE_EMPTY)) {
                r = resolve_descriptor(operation, path, ret_place);
        } else if (!path->length) {
                r = -ENOENT;
        } else {
                r = open_base(operation, path, kernel_flags, &base);
                if (r >= 0)
                        r = credentials_assume(operation);
                if (r >= 0)
                        r = mode & RESOLVE_SLOW ? TRY_WALK
                                                : object_by_kernel(operation, base, path->text, mode,
                                                                   kernel_flags, ret_place);
                if (r == TRY_WALK)
                        r = object_by_walk(operation, base, path->text, mode, kernel_flags, ret_place);
                if (r < 0)
                        r = hide_error(operation, base, path->text, kernel_flags, r);
        }
        if (r < 0)
                place_finish(ret_place);
        return r;
}

/* What the directory says of the last component of path, which is too long for it: that, if it is still there
 * and the caller may look into it. */
static int error_of_name(int directory, const char *path)
{
        char name[REQUEST_PATH_MAX];
        size_t end = strlen(path), start;

        while (end && path[end - 1] == '/')
                end--;
        for (start = end; start && path[start - 1] != '/';)
                start--;
        memcpy(name, path + start, end - start);
        name[end - start] = '\0';
        return name_error(directory, name);
}

int resolve_directory(struct operation *operation, const struct request_path *path, uint64_t kernel_flags,
                      struct place *ret_place)
{
        char directory[REQUEST_PATH_MAX];
        _cleanup_close_ int base = -1;
        bool too_long;
        int r;

        place_init(ret_place);
        if (path->error || !path->length)
                return path->error ? path->error : -ENOENT;
        too_long = split(path->text, directory, ret_place) < 0;
        r = open_base(operation, path, kernel_flags, &base);
        if (r >= 0)
                r = credentials_assume(operation);
        if (r >= 0)
                r = open_parent(operation, base, directory, 0, kernel_flags, ret_place);
        /* With any other name the operation itself judges it. */
        if (r >= 0 && ret_place->dots)
                r = place_check_hidden(operation, ret_place, "follow", NULL);
        if (r >= 0)
                r = place_check_search(ret_place);
        if (r >= 0 && too_long)
                place_assume_rights(operation, ret_place);
        if (r >= 0 && too_long)
                ret_place->name_error = error_of_name(ret_place->parent, path->text);
        if (r < 0) {
                place_finish(ret_place);
                r = hide_error(operation, base, path->text, kernel_flags, r);
        }
        return r;
}

int resolve_name(struct operation *operation, const struct request_path *path, struct place *ret_place)
{
        int r = resolve_directory(operation, path, 0, ret_place);

        if (r >= 0 && ret_place->name_error) {
                r = ret_place->name_error;
                place_finish(ret_place);
        }
        return r;
}
