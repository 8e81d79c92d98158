/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_tmpdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#define LIFTED_PREFIX ".flicker-rm-"

#define NAMES_MAX 16 /* that recur; where all are taken, a random one */

/* The directory that it is to be in, without a slash at the end. */
static int find_parent(char ret_parent[PATH_MAX])
{
        const char *parent = getenv("TMPDIR");

        if (!parent || parent[0] != '/')
                parent = "/tmp";
        if (!realpath(parent, ret_parent))
                return -errno;
        if (strcmp(ret_parent, "/") == 0)
                ret_parent[0] = '\0';
        return 0;
}

static int name_path(char ret_path[RUN_TMPDIR_MAX], const char *parent, uint64_t number)
{
        int n = snprintf(ret_path, RUN_TMPDIR_MAX, "%s/flicker-%u-%" PRIx64, parent, geteuid(), number);

        return n < 0 || n >= RUN_TMPDIR_MAX ? -ENAMETOOLONG : 0;
}

static bool is_free(const char *path)
{
        struct stat status;

        return lstat(path, &status) < 0 && errno == ENOENT;
}

int run_tmpdir_name(char ret_path[RUN_TMPDIR_MAX])
{
        char parent[PATH_MAX];
        uint64_t number;
        int r = find_parent(parent);

        for (number = 0; r == 0 && number < NAMES_MAX; number++) {
                r = name_path(ret_path, parent, number);
                if (r == 0 && is_free(ret_path))
                        return 0;
        }
        if (r < 0)
                return r;
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
                return -EIO;
        return name_path(ret_path, parent, number);
}

int run_tmpdir_make(const char *path)
{
        return mkdir(path, 0700) < 0 ? -errno : 0;
}

/* One removal. Directories are not descended into: each is lifted to the top under a number of its own and
 * emptied from there, so that depth costs neither descriptors nor stack. */
struct removal {
        int top;
        uint64_t lifted; /* names handed out */
        int error;       /* first failure, -errno */
};

static void note(struct removal *removal, int error)
{
        if (!removal->error)
                removal->error = -error;
}

/* Never through a symbolic link, never on to another mount (bind mounts of the same filesystem included). */
static int open_directory(int parent, const char *name, uint64_t flags)
{
        struct open_how how = {
                .flags = flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
        };

        return (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
}

/* The sandbox may have taken its own permissions away; listing, emptying and moving a directory need them. */
static bool make_accessible(int parent, const char *name)
{
        _cleanup_close_ int fd = open_directory(parent, name, O_PATH);
        char path[64];

        if (fd < 0)
                return false;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return chmod(path, 0700) == 0;
}

/* Moves the directory name of parent, which is not empty, up to the top. */
static void lift(struct removal *removal, int parent, const char *name)
{
        char fresh[64];

        if (!make_accessible(parent, name)) {
                note(removal, errno);
                return;
        }
        do
                snprintf(fresh, sizeof fresh, LIFTED_PREFIX "%" PRIu64, removal->lifted++);
        while (renameat2(parent, name, removal->top, fresh, RENAME_NOREPLACE) < 0 && errno == EEXIST);
}

/* Removes name from directory, or lifts it. True where something is gone from directory. */
static bool remove_entry(struct removal *removal, int directory, const char *name)
{
        struct stat status;

        if (unlinkat(directory, name, 0) == 0)
                return true;
        if (errno != EISDIR && errno != EPERM) {
                note(removal, errno);
                return false;
        }
        if (unlinkat(directory, name, AT_REMOVEDIR) == 0)
                return true;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) {
                note(removal, errno);
                return false;
        }
        if (directory == removal->top)
                return false;
        lift(removal, directory, name);
        return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0;
}

/* One pass over a directory; fd is consumed. True where anything went. */
static bool empty_directory(struct removal *removal, int fd)
{
        DIR *stream = fdopendir(fd);
        bool progress = false;
        struct dirent *entry;

        if (!stream) {
                note(removal, errno);
                close(fd);
                return false;
        }
        while ((entry = readdir(stream)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        progress |= remove_entry(removal, fd, entry->d_name);
        closedir(stream);
        return progress;
}

/* Empties every directory that stands at the top. True where anything went. */
static bool empty_tops(struct removal *removal, int fd)
{
        DIR *stream = fdopendir(fd);
        bool progress = false;
        struct dirent *entry;

        if (!stream) {
                close(fd);
                return false;
        }
        while ((entry = readdir(stream))) {
                int inner;

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (remove_entry(removal, removal->top, entry->d_name)) {
                        progress = true;
                        continue;
                }
                if (!make_accessible(removal->top, entry->d_name))
                        continue;
                inner = open_directory(removal->top, entry->d_name, O_RDONLY);
                if (inner >= 0)
                        progress |= empty_directory(removal, inner);
        }
        closedir(stream);
        return progress;
}

/* The directory at path, made accessible, or -errno. */
static int open_top(const char *path)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char self[64];

        if (fd < 0)
                return -errno;
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        if (chmod(self, 0700) < 0)
                return -errno;
        return openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int run_tmpdir_remove(const char *path)
{
        _cleanup_close_ int top = -1;
        struct removal removal = {0};
        bool progress = true;

        /* Mostly it is empty; a sandbox that may write to it may also have put something else in its place.
         */
        if (rmdir(path) == 0 || errno == ENOENT || (errno == ENOTDIR && unlink(path) == 0))
                return 0;
        top = open_top(path);
        if (top < 0)
                return top;
        removal.top = top;
        while (progress) {
                int listing = open_directory(top, ".", O_RDONLY);

                removal.error = 0;
                progress = listing >= 0 && empty_tops(&removal, listing);
                if (rmdir(path) == 0)
                        return 0;
        }
        return removal.error ? removal.error : -errno;
}
