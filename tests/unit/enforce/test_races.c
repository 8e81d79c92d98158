/* SPDX-License-Identifier: Apache-2.0 */
/* A program that changes what names mean while the broker looks: whatever it gets was granted to it. */
#include <time.h>

#include "tests/unit/enforce/fixture.h"

#define SECONDS 1.5

static char root[64];

static void exchange(const char *a, const char *b)
{
        syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* Natively, as no sandboxed program could, and so more often. */
static void keep_changing(const char *directory)
{
        cr_assert_eq(chdir(directory), 0);
        if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;) {
                        exchange("w/name", "w/link");
                        exchange("w/dir", "w/dirlink");
                        exchange("w/absent", "w/dangling");
                        unlink("w/new");
                        rename("w/a/b", "w/b");
                        rename("w/b", "w/a/b");
                }
        }
}

static void make_world(void)
{
        strcpy(root, "/tmp/flicker-races-XXXXXX");
        cr_assert(mkdtemp(root));
        cr_assert_eq(chdir(root), 0);
        cr_assert(!mkdir("w", 0755) && !mkdir("x", 0755) && !mkdir("w/dir", 0755) && !mkdir("w/a", 0755) &&
                  !mkdir("w/a/b", 0755));
        fixture_write("w/name", "granted");
        fixture_write("w/dir/file", "granted");
        fixture_write("w/a/b/file", "granted");
        fixture_write("x/file", "secret");
        fixture_write("w/absent", "granted");
        cr_assert(!symlink("../x/file", "w/link") && !symlink("../x", "w/dirlink") &&
                  !symlink("../x/new", "w/dangling"));
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void try_open(struct sandbox *sandbox, const char *path, int flags, unsigned *granted,
                     unsigned *refused)
{
        int64_t r = sandbox_open(sandbox, AT_FDCWD, path, flags, 0644);
        char text[8] = "";

        if (r != 0) {
                cr_assert(r == -EACCES || r == -ENOENT || r == -EAGAIN, "%s: %ld", path, (long)r);
                ++*refused;
                return;
        }
        ++*granted;
        cr_assert_geq(pread(sandbox->reply.fd, text, 7, 0), 0);
        cr_assert_neq(text[0], 's', "%s leaked", path);
}

Test(races, what_is_opened_was_granted, .timeout = 30)
{
        static const char *const paths[] = {"w/name",
                                            "w/link",
                                            "w/dir/file",
                                            "w/dirlink/file",
                                            "w/a/b/../../a/b/file",
                                            "/proc/self/cwd/w/name",
                                            "/proc/self/cwd/w/dir/file"};
        char rule[80];
        const char *const rules[] = {rule, "r/proc", NULL};
        unsigned granted = 0, refused = 0;
        struct sandbox sandbox;
        double end;

        make_world();
        snprintf(rule, sizeof rule, "w%s/w", root);
        sandbox_init(&sandbox, rules, true);
        sandbox_fork(&sandbox, root, keep_changing);
        for (end = now() + SECONDS; now() < end;) {
                for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                        try_open(&sandbox, paths[i], O_RDWR, &granted, &refused);
                try_open(&sandbox, "w/dangling", O_RDWR | O_CREAT, &granted, &refused);
                try_open(&sandbox, "w/absent", O_RDWR | O_CREAT, &granted, &refused);
                try_open(&sandbox, "w/dirlink/new", O_RDWR | O_CREAT, &granted, &refused);
                sandbox_ask(&sandbox, REQUEST_TRUNCATE, AT_FDCWD, "w/link");
                sandbox_perform(&sandbox);
                sandbox_ask(&sandbox, REQUEST_CHMOD, AT_FDCWD, "w/link")->mode = 0777;
                sandbox_perform(&sandbox);
                sandbox_ask(&sandbox, REQUEST_UNLINK, AT_FDCWD, "w/dirlink/file");
                sandbox_perform(&sandbox);
        }
        cr_expect_gt(granted, 0);
        cr_expect_gt(refused, 0);
        sandbox_finish(&sandbox);
        cr_expect_eq(access("x/new", F_OK), -1);
        struct stat status;
        cr_expect_eq(stat("x/file", &status), 0);
        cr_expect_eq(status.st_size, 6);
        cr_expect_eq(status.st_mode & 07777, 0644);
        cr_assert_eq(chdir("/"), 0);
        fixture_remove(root);
}
