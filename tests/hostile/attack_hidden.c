/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does what is hidden show? Each question is asked of the hidden directory and of a name that is not there:
 * the answers have to be the same.
 */
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "attack.h"

static char paths[2][4096]; /* beneath what is hidden, beneath what is not there */

static int by_stat(const char *path)
{
        struct stat st;

        return stat(path, &st);
}

static int by_lstat(const char *path)
{
        struct stat st;

        return lstat(path, &st);
}

static int by_statfs(const char *path)
{
        struct statfs st;

        return statfs(path, &st);
}

static int by_access(const char *path)
{
        return access(path, F_OK);
}

static int by_open(const char *path)
{
        int fd = open(path, O_RDONLY | O_NONBLOCK);

        return fd < 0 ? -1 : close(fd);
}

static int by_path(const char *path)
{
        int fd = open(path, O_PATH);

        return fd < 0 ? -1 : close(fd);
}

static int by_openat2(const char *path)
{
        struct open_how how = {.flags = O_PATH | O_NOFOLLOW};
        int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

        return fd < 0 ? -1 : close(fd);
}

static int by_creation(const char *path)
{
        int fd = open(path, O_CREAT | O_WRONLY, 0600);

        return fd < 0 ? -1 : close(fd);
}

static int by_mkdir(const char *path)
{
        return mkdir(path, 0700);
}

static int by_rmdir(const char *path)
{
        return rmdir(path);
}

static int by_unlink(const char *path)
{
        return unlink(path);
}

static int by_rename(const char *path)
{
        return rename(in_dir("public/file"), path);
}

static int by_rename_from(const char *path)
{
        return rename(path, in_dir("public/file"));
}

static int by_link(const char *path)
{
        return link(in_dir("public/file"), path);
}

static int by_link_from(const char *path)
{
        return link(path, in_dir("public/linked"));
}

static int by_symlink(const char *path)
{
        return symlink("x", path);
}

static int by_readlink(const char *path)
{
        char text[64];

        return (int)readlink(path, text, sizeof(text));
}

static int by_chmod(const char *path)
{
        return chmod(path, 0700);
}

static int by_utime(const char *path)
{
        return utimensat(AT_FDCWD, path, NULL, 0);
}

static int by_truncate(const char *path)
{
        return truncate(path, 0);
}

static int by_xattr(const char *path)
{
        char text[64];

        return (int)listxattr(path, text, sizeof(text));
}

static int by_list_at(const char *path)
{
        char text[64];

        return (int)syscall(ATTACK_LISTXATTRAT, AT_FDCWD, path, 0, text, sizeof(text));
}

static int by_get_at(const char *path)
{
        char text[64];
        struct attack_xattr arguments = {(uint64_t)text, sizeof(text), 0};

        return (int)syscall(ATTACK_GETXATTRAT, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, "user.x", &arguments,
                            sizeof(arguments));
}

static int by_set_at(const char *path)
{
        struct attack_xattr arguments = {(uint64_t) "x", 1, 0};

        return (int)syscall(ATTACK_SETXATTRAT, AT_FDCWD, path, 0, "user.x", &arguments, sizeof(arguments));
}

static int by_remove_at(const char *path)
{
        return (int)syscall(ATTACK_REMOVEXATTRAT, AT_FDCWD, path, 0, "user.x");
}

static int by_chdir(const char *path)
{
        int r = chdir(path), error = errno;

        (void)!chdir(in_dir(""));
        errno = error;
        return r;
}

static int by_exec(const char *path)
{
        char *arguments[] = {"x", NULL};

        return execve(path, arguments, environ);
}

static int by_watch(const char *path)
{
        static int watcher = -1;

        if (watcher < 0)
                watcher = inotify_init1(IN_CLOEXEC);
        return inotify_add_watch(watcher, path, IN_ALL_EVENTS);
}

static int by_socket(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r, error;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        r = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof(address));
        error = errno;
        close(fd);
        errno = error;
        return r;
}

static const struct {
        const char *name;
        int (*ask)(const char *path);
} questions[] = {
        {"stat", by_stat},
        {"lstat", by_lstat},
        {"statfs", by_statfs},
        {"access", by_access},
        {"open", by_open},
        {"open as a path", by_path},
        {"openat2", by_openat2},
        {"creation", by_creation},
        {"mkdir", by_mkdir},
        {"rmdir", by_rmdir},
        {"unlink", by_unlink},
        {"rename to", by_rename},
        {"rename from", by_rename_from},
        {"link to", by_link},
        {"link from", by_link_from},
        {"symlink", by_symlink},
        {"readlink", by_readlink},
        {"chmod", by_chmod},
        {"utimensat", by_utime},
        {"truncate", by_truncate},
        {"listxattr", by_xattr},
        {"listxattrat", by_list_at},
        {"getxattrat", by_get_at},
        {"setxattrat", by_set_at},
        {"removexattrat", by_remove_at},
        {"chdir", by_chdir},
        {"execve", by_exec},
        {"inotify", by_watch},
        {"connect", by_socket},
};

static int answer(int (*ask)(const char *path), const char *path)
{
        return ask(path) < 0 ? errno : 0;
}

/* The hidden directory holds "file", "link" (to DIR/public) and "dead" (to nowhere). */
static void ask_all(const char *what, const char *rest)
{
        snprintf(paths[0], sizeof(paths[0]), "%s%s", in_dir("hidden"), rest);
        snprintf(paths[1], sizeof(paths[1]), "%s%s", in_dir("absent"), rest);
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
                int hidden = answer(questions[i].ask, paths[0]), absent = answer(questions[i].ask, paths[1]);

                if (hidden != absent)
                        escaped("%s of %s: \"%s\", where nothing is: \"%s\"", questions[i].name, what,
                                strerror(hidden), strerror(absent));
        }
}

static void by_links(void)
{
        struct stat st;

        (void)!symlink("hidden/../public", in_dir("to-hidden"));
        (void)!symlink("absent/../public", in_dir("to-absent"));
        if (stat(in_dir("to-hidden"), &st) == 0 || stat(in_dir("to-hidden/file"), &st) == 0)
                escaped("a link leads through what is hidden");
        (void)!chdir(in_dir("public"));
        if (stat("../hidden/../public/file", &st) == 0)
                escaped("a relative path leads through what is hidden");
        (void)!chdir(in_dir(""));
}

int main(void)
{
        ask_all("what is in it", "/file");
        ask_all("what is beneath a file in it", "/file/x");
        ask_all("a way through it", "/../public/file");
        ask_all("a way through it to what is not there", "/../public/nothing");
        ask_all("a way through it to what is no directory", "/../public/file/x");
        ask_all("a way through a link in it", "/link/file");
        ask_all("a link in it", "/link");
        ask_all("a dead link in it", "/dead");
        ask_all("itself by a dot", "/.");
        ask_all("what is above it", "/..");
        by_links();
        still_confined();
        return finished();
}
