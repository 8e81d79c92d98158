/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/enforce/links.h"

static struct known_links links;
static char path[REQUEST_PATH_MAX];

/* Puts a link there, as if it had been learnt. */
static const struct known_link *put(const char *where, const char *text)
{
        struct known_link *item = &links.items[links.next++ % KNOWN_LINKS];

        strcpy(item->path, where);
        strcpy(item->text, text);
        item->length = strlen(where);
        return item;
}

static const char *followed(const char *from, const struct known_link *link)
{
        strcpy(path, from);
        return known_link_follow(link, path) ? path : NULL;
}

Test(links, follow)
{
        const struct known_link *relative = put("/bin", "usr/bin"), *deep = put("/a/b/c", "../d"),
                                *absolute = put("/lib64/x", "/usr/y");

        cr_expect_str_eq(followed("/bin/true", relative), "/usr/bin/true");
        cr_expect_str_eq(followed("/bin", relative), "/usr/bin");
        cr_expect_str_eq(followed("/bin/a/", relative), "/usr/bin/a/");
        cr_expect_str_eq(followed("/a/b/c/e", deep), "/a/b/../d/e");
        cr_expect_str_eq(followed("/lib64/x", absolute), "/usr/y");
        cr_expect_str_eq(followed("/lib64/x/z", absolute), "/usr/y/z");
}

Test(links, follow_what_is_too_long)
{
        const struct known_link *link = put("/b", "a-longer-one");

        memset(path, 'x', sizeof path - 1);
        memcpy(path, "/b/", 3);
        cr_expect_not(known_link_follow(link, path));
        path[sizeof path - 1 - strlen("a-longer-one") + strlen("b")] = '\0';
        cr_expect(known_link_follow(link, path));
        cr_expect_eq(strlen(path), sizeof path - 1);
}

Test(links, find)
{
        const struct known_link *bin = put("/bin", "usr/bin");

        cr_expect_eq(known_links_find(&links, "/bin/true", false), bin);
        cr_expect_eq(known_links_find(&links, "/bin//true", false), bin);
        cr_expect_eq(known_links_find(&links, "/bin", true), bin);
        cr_expect_null(known_links_find(&links, "/bin", false), "the link itself is meant");
        cr_expect_null(known_links_find(&links, "/bin/", false), "left to the walker");
        cr_expect_null(known_links_find(&links, "/binary/x", true));
        cr_expect_null(known_links_find(&links, "/b", true));
        cr_expect_null(known_links_find(&links, "bin/true", true));
        cr_expect_null(known_links_find(&links, "/usr/bin/true", true));
}

/* What root has installed: some link in a directory of its own. */
static bool root_link(char where[64], struct stat *ret_status, char text[64], ssize_t *ret_length)
{
        static const char *const candidates[] = {"/bin", "/lib64", "/etc/mtab", "/dev/fd"};

        for (unsigned i = 0; i < 4; i++) {
                *ret_length = readlink(candidates[i], text, 63);
                if (*ret_length > 0 && lstat(candidates[i], ret_status) == 0 && ret_status->st_uid == 0) {
                        strcpy(where, candidates[i]);
                        return true;
                }
        }
        return false;
}

Test(links, learn)
{
        char where[64], text[64];
        struct stat status;
        ssize_t length;
        int root = open("/", O_PATH | O_DIRECTORY);
        const struct known_link *link;

        if (!root_link(where, &status, text, &length) || strstr(text, ".."))
                cr_skip_test("no link of root's here");
        known_links_learn(&links, root, &status, where, text, (size_t)length);
        link = known_links_find(&links, where, true);
        cr_assert_not_null(link);
        cr_expect(known_link_stands(link));
        ((struct known_link *)link)->change.tv_nsec ^= 1;
        cr_expect_not(known_link_stands(link), "another one in its place");
}

static void refuse(const char *directory, const struct stat *status, const char *where, const char *text)
{
        int fd = open(directory, O_PATH | O_DIRECTORY);

        known_links_learn(&links, fd, status, where, text, strlen(text));
        cr_expect_null(known_links_find(&links, where, true), "%s -> %s", where, text);
        close(fd);
}

Test(links, learn_not)
{
        const struct stat roots = {.st_ctim = {.tv_sec = 1}},
                          others = {.st_uid = 1000, .st_ctim = {.tv_sec = 1}};
        struct stat young = roots;
        char long_text[KNOWN_LINK_LENGTH + 2];

        clock_gettime(CLOCK_REALTIME, &young.st_ctim);
        memset(long_text, 'x', sizeof long_text - 1);
        long_text[sizeof long_text - 1] = '\0';
        refuse("/", &others, "/somebody", "else");
        refuse("/", &young, "/just", "made");
        refuse("/tmp", &roots, "/tmp/where", "anybody");
        refuse("/", &roots, "/up", "../there");
        refuse("/", &roots, "/long", long_text);
        refuse("/", &roots, "/empty", "");
        known_links_learn(&links, AT_FDCWD, &roots, long_text, "x", 1);
        cr_expect_null(known_links_find(&links, long_text, true));
}

Test(links, learn_anew)
{
        const struct stat status = {.st_ctim = {.tv_sec = 1}};
        int root = open("/", O_PATH | O_DIRECTORY);
        const struct known_link *link;

        known_links_learn(&links, root, &status, "/first", "a", 1);
        known_links_learn(&links, root, &status, "/link", "old", 3);
        known_links_learn(&links, root, &status, "/link", "anew", 4);
        link = known_links_find(&links, "/link", true);
        cr_assert_not_null(link);
        cr_expect_str_eq(link->text, "anew");
        cr_expect_not_null(known_links_find(&links, "/first", true));
}

Test(links, the_oldest_goes)
{
        const struct stat status = {.st_ctim = {.tv_sec = 1}};
        int root = open("/", O_PATH | O_DIRECTORY);
        char where[16];

        for (unsigned i = 0; i <= KNOWN_LINKS; i++) {
                snprintf(where, sizeof where, "/link%u", i);
                known_links_learn(&links, root, &status, where, "x", 1);
        }
        cr_expect_null(known_links_find(&links, "/link0", true));
        cr_expect_not_null(known_links_find(&links, where, true));
}
