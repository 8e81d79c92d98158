/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker that is led astray: in flicker-run-faulty, with FLICKER_ASTRAY=DIRECTORY, each of its threads
 * tries to get at the files of DIRECTORY before it does its work, and says on standard error what became of
 * each try. The working directory is one that the policy grants.
 */
#define AT_EXECVE_CHECK_FLAG 0x10000 /* Linux 6.14 */

#include "tests/hostile/astray.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *in(const char *directory, const char *name)
{
        static _Thread_local char paths[2][4096];
        static _Thread_local unsigned next;
        char *path = paths[next++ % 2];

        snprintf(path, sizeof paths[0], "%s/%s", directory, name);
        return path;
}

static void tell(const char *what, long result)
{
        fprintf(stderr, "astray: %s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

static void try_open(const char *what, const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC, 0600);

        tell(what, fd);
        if (fd >= 0)
                close(fd);
}

static void try_execute(const char *path)
{
        char *const arguments[] = {(char *)"x", NULL};

        tell("execute",
             syscall(SYS_execveat, AT_FDCWD, path, arguments, arguments + 1, AT_EXECVE_CHECK_FLAG));
}

void astray(void)
{
        const char *outside = getenv("FLICKER_ASTRAY");

        if (!outside)
                return;
        try_open("own", "public/file", O_RDWR);
        try_open("proc", "/proc/self/status", O_RDONLY);
        try_open("read", in(outside, "file"), O_RDONLY);
        try_open("list", outside, O_RDONLY | O_DIRECTORY);
        try_open("write", in(outside, "file"), O_WRONLY | O_APPEND);
        try_open("make", in(outside, "made"), O_WRONLY | O_CREAT);
        try_execute(in(outside, "program"));
        tell("truncate", truncate(in(outside, "file"), 0));
        tell("mkdir", mkdir(in(outside, "directory"), 0700));
        tell("symlink", symlinkat("/", AT_FDCWD, in(outside, "symlink")));
        tell("link", linkat(AT_FDCWD, in(outside, "file"), AT_FDCWD, "linked", 0));
        tell("plant", linkat(AT_FDCWD, "public/file", AT_FDCWD, in(outside, "planted"), 0));
        tell("take", renameat(AT_FDCWD, in(outside, "file"), AT_FDCWD, "taken"));
        tell("unlink", unlinkat(AT_FDCWD, in(outside, "other"), 0));
        tell("rmdir", unlinkat(AT_FDCWD, in(outside, "empty"), AT_REMOVEDIR));
}
