/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actor of judged.py: reads questions from standard input, one a line ("KIND PATH OTHER", or "KIND HOST
 * PORT"), asks the kernel by bare syscalls, and prints the errno of each, 0 for success. It leaves the tree
 * as it was. Linked statically, so that a policy needs to grant nothing but the questions' answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/differential/judge.h"

static int error_of(long result)
{
        return result < 0 ? errno : 0;
}

/* The first of what failed. */
static int then(int error, long result)
{
        return error ? error : error_of(result);
}

static int open_and_close(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC, 0755);

        if (fd < 0)
                return errno;
        close(fd);
        return 0;
}

static int ask_read(const char *path, const char *other)
{
        (void)other;
        return open_and_close(path, O_RDONLY);
}

static int ask_write(const char *path, const char *other)
{
        (void)other;
        return open_and_close(path, O_WRONLY);
}

static int ask_create(const char *path, const char *other)
{
        int error = open_and_close(path, O_WRONLY | O_CREAT | O_EXCL);

        (void)other;
        return error ? error : error_of(unlink(path));
}

static int ask_mkdir(const char *path, const char *other)
{
        int error = error_of(mkdir(path, 0755));

        (void)other;
        return error ? error : error_of(rmdir(path));
}

static int ask_symlink(const char *path, const char *other)
{
        int error = error_of(symlink("nowhere", path));

        (void)other;
        return error ? error : error_of(unlink(path));
}

static int ask_fifo(const char *path, const char *other)
{
        int error = error_of(mknod(path, S_IFIFO | 0600, 0));

        (void)other;
        return error ? error : error_of(unlink(path));
}

static int ask_unlink(const char *path, const char *other)
{
        int error = error_of(unlink(path));

        (void)other;
        return error ? error : open_and_close(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int ask_rmdir(const char *path, const char *other)
{
        int error = error_of(rmdir(path));

        (void)other;
        return error ? error : error_of(mkdir(path, 0755));
}

static int ask_rename(const char *path, const char *other)
{
        int error = error_of(rename(path, other));

        return error ? error : error_of(rename(other, path));
}

static int ask_exchange(const char *path, const char *other)
{
        int error = error_of(renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE));

        return error ? error : error_of(renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE));
}

static int ask_link(const char *path, const char *other)
{
        int error = error_of(link(path, other));

        return error ? error : error_of(unlink(other));
}

static int ask_stat(const char *path, const char *other)
{
        struct stat status;

        (void)other;
        return error_of(stat(path, &status));
}

static int ask_access(const char *path, const char *other)
{
        (void)other;
        return error_of(access(path, F_OK));
}

static int ask_chmod(const char *path, const char *other)
{
        struct stat status;
        int error = error_of(stat(path, &status));

        (void)other;
        return error ? error : error_of(chmod(path, status.st_mode & 07777));
}

static int ask_chown(const char *path, const char *other)
{
        (void)other;
        return error_of(chown(path, getuid(), getgid()));
}

static int ask_utimes(const char *path, const char *other)
{
        const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};

        (void)other;
        return error_of(utimensat(AT_FDCWD, path, times, 0));
}

static int ask_truncate(const char *path, const char *other)
{
        (void)other;
        return error_of(truncate(path, 0));
}

static int ask_setxattr(const char *path, const char *other)
{
        int error = error_of(setxattr(path, "user.judge", "x", 1, 0));

        (void)other;
        return then(error, error ? 0 : removexattr(path, "user.judge"));
}

/* None is there, which only who may look learns. */
static int ask_getxattr(const char *path, const char *other)
{
        char value[8];
        int error = error_of(getxattr(path, "user.absent", value, sizeof value));

        (void)other;
        return error == ENODATA ? 0 : error;
}

static int ask_removexattr(const char *path, const char *other)
{
        int error = error_of(removexattr(path, "user.absent"));

        (void)other;
        return error == ENODATA ? 0 : error;
}

static int ask_listxattr(const char *path, const char *other)
{
        char names[1024];

        (void)other;
        return error_of(listxattr(path, names, sizeof names));
}

/* An empty file is no program, which the kernel says of those that may be executed. */
static int ask_exec(const char *path, const char *other)
{
        char *arguments[] = {(char *)path, NULL}, *environment[] = {NULL};
        int status = 0;
        pid_t pid = fork();

        (void)other;
        if (pid == 0) {
                execve(path, arguments, environment);
                _exit(errno == ENOEXEC ? 0 : errno);
        }
        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* 0 where name is listed in its directory, ENOENT where it is not. */
static int ask_list(const char *path, const char *other)
{
        static _Alignas(8) char entries[65536];
        char directory[4096];
        char *slash;
        int error = ENOENT, fd;
        long size;

        (void)other;
        snprintf(directory, sizeof directory, "%s", path);
        slash = strrchr(directory, '/');
        *slash = '\0';
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno;
        while ((size = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
                for (long at = 0; at < size;) {
                        unsigned short length;

                        memcpy(&length, entries + at + 16, sizeof length); /* d_reclen */
                        if (strcmp(entries + at + 19, slash + 1) == 0)
                                error = 0;
                        at += length;
                }
        close(fd);
        return error;
}

static const struct {
        const char *kind;
        int (*ask)(const char *path, const char *other);
} questions[] = {
        {"read", ask_read},
        {"write", ask_write},
        {"create", ask_create},
        {"mkdir", ask_mkdir},
        {"symlink", ask_symlink},
        {"fifo", ask_fifo},
        {"unlink", ask_unlink},
        {"rmdir", ask_rmdir},
        {"rename", ask_rename},
        {"exchange", ask_exchange},
        {"link", ask_link},
        {"stat", ask_stat},
        {"access", ask_access},
        {"chmod", ask_chmod},
        {"chown", ask_chown},
        {"utimes", ask_utimes},
        {"truncate", ask_truncate},
        {"setxattr", ask_setxattr},
        {"getxattr", ask_getxattr},
        {"removexattr", ask_removexattr},
        {"listxattr", ask_listxattr},
        {"exec", ask_exec},
        {"list", ask_list},
        {"bind-tcp", ask_bind_tcp},
        {"bind-udp", ask_bind_udp},
        {"connect-tcp", ask_connect_tcp},
        {"connect-udp", ask_connect_udp},
        {"send-udp", ask_send_udp},
        {"bind-unix", ask_bind_unix},
        {"connect-unix", ask_connect_unix},
};

int main(void)
{
        char kind[16], path[4096], other[4096];

        while (scanf("%15s %4095s %4095s", kind, path, other) == 3)
                for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++)
                        if (strcmp(kind, questions[i].kind) == 0) {
                                printf("%d\n", questions[i].ask(path, other));
                                fflush(stdout);
                        }
        return 0;
}
