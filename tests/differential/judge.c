/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actor of judged.py: reads questions from standard input, one a line ("KIND PATH"), asks the kernel by
 * bare syscalls, and prints the errno of each, 0 for success. It leaves the tree as it was. Linked
 * statically, so that a policy needs to grant nothing but the questions' answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_and_close(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC, 0600);

        if (fd < 0)
                return errno;
        close(fd);
        return 0;
}

static int create(const char *path)
{
        int error = open_and_close(path, O_WRONLY | O_CREAT | O_EXCL);

        return error ? error : unlink(path) < 0 ? errno : 0;
}

static int make_directory(const char *path)
{
        if (mkdir(path, 0700) < 0)
                return errno;
        return rmdir(path) < 0 ? errno : 0;
}

static int metadata(const char *path)
{
        struct stat status;

        return stat(path, &status) < 0 ? errno : 0;
}

static int mode(const char *path)
{
        struct stat status;

        if (stat(path, &status) < 0)
                return errno;
        return chmod(path, status.st_mode & 07777) < 0 ? errno : 0;
}

/* 0 where name is listed in its directory, ENOENT where it is not. */
static int listed(const char *path)
{
        static _Alignas(8) char entries[65536];
        char directory[4096];
        char *slash;
        int error = ENOENT, fd;
        long size;

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

static int ask(const char *kind, const char *path)
{
        if (strcmp(kind, "read") == 0)
                return open_and_close(path, O_RDONLY);
        if (strcmp(kind, "write") == 0)
                return open_and_close(path, O_WRONLY);
        if (strcmp(kind, "create") == 0)
                return create(path);
        if (strcmp(kind, "mkdir") == 0)
                return make_directory(path);
        if (strcmp(kind, "chmod") == 0)
                return mode(path);
        if (strcmp(kind, "list") == 0)
                return listed(path);
        return metadata(path);
}

int main(void)
{
        char kind[16], path[4096];

        while (scanf("%15s %4095s", kind, path) == 2)
                printf("%d\n", ask(kind, path));
        return 0;
}
