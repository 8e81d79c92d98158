/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run_tmpdir.h"

static char path[RUN_TMPDIR_MAX];

static void set_up(void)
{
        struct stat status;
        int r;

        do /* others make theirs at the same time */
                cr_assert_eq(run_tmpdir_name(path), 0);
        while ((r = run_tmpdir_make(path)) == -EEXIST);
        cr_assert_eq(r, 0);
        cr_assert_eq(stat(path, &status), 0);
        cr_expect_eq(status.st_mode & 07777, 0700);
        cr_assert_eq(chdir(path), 0);
}

static void touch(const char *name)
{
        int fd = open(name, O_WRONLY | O_CREAT, 0600);

        cr_assert_geq(fd, 0);
        close(fd);
}

static void removed(void)
{
        cr_assert_eq(chdir("/"), 0);
        cr_expect_eq(run_tmpdir_remove(path), 0);
        cr_expect_eq(access(path, F_OK), -1);
}

Test(tmpdir, empty, .init = set_up)
{
        removed();
        cr_expect_eq(run_tmpdir_remove(path), 0); /* again: nothing to do */
}

Test(tmpdir, deep, .init = set_up)
{
        for (int i = 0; i < 5000; i++) {
                cr_assert_eq(mkdir("d", 0700), 0);
                touch("f");
                cr_assert_eq(chdir("d"), 0);
        }
        removed();
}

Test(tmpdir, wide, .init = set_up)
{
        char name[32];

        for (int i = 0; i < 2000; i++) {
                snprintf(name, sizeof name, i % 2 ? "f%d" : "d%d", i);
                if (i % 2)
                        touch(name);
                else
                        cr_assert_eq(mkdir(name, 0700), 0);
        }
        removed();
}

Test(tmpdir, without_permissions, .init = set_up)
{
        cr_assert_eq(mkdir("a", 0700), 0);
        cr_assert_eq(mkdir("a/b", 0700), 0);
        touch("a/b/c");
        cr_assert_eq(mkdir("a/b/d", 0), 0);
        cr_assert_eq(chmod("a/b", 0), 0);
        cr_assert_eq(chmod("a", 0), 0);
        cr_assert_eq(chmod(path, 0), 0);
        removed();
}

Test(tmpdir, symbolic_links_are_not_followed, .init = set_up)
{
        char outside[] = "/tmp/flicker-outside-XXXXXX", inside[64];

        cr_assert_not_null(mkdtemp(outside));
        snprintf(inside, sizeof inside, "%s/kept", outside);
        touch(inside);
        cr_assert_eq(symlink(outside, "link"), 0);
        cr_assert_eq(mkdir("d", 0700), 0);
        cr_assert_eq(symlink(outside, "d/link"), 0);
        removed();
        cr_expect_eq(access(inside, F_OK), 0);

        /* The directory itself, put in place by the sandbox. */
        cr_assert_eq(symlink(outside, path), 0);
        removed();
        cr_expect_eq(access(inside, F_OK), 0);
        unlink(inside);
        rmdir(outside);
}

Test(tmpdir, names_of_its_own_are_taken, .init = set_up)
{
        for (int i = 0; i < 4; i++) {
                char name[64];

                snprintf(name, sizeof name, ".flicker-rm-%d", i);
                touch(name);
                snprintf(name, sizeof name, "d%d", i);
                cr_assert_eq(mkdir(name, 0700), 0);
                snprintf(name, sizeof name, "d%d/e", i);
                cr_assert_eq(mkdir(name, 0700), 0);
                snprintf(name, sizeof name, "d%d/e/f", i);
                touch(name);
        }
        removed();
}
