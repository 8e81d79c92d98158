/* SPDX-License-Identifier: Apache-2.0 */
/* A remembered policy is used only while everything that it was made from is as it was. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run_policy_cache.h"

#define SETTLED_S 4 /* until what was made may be remembered */

static char directory[64], cache[96], reference[96];

static char *in_directory(const char *name)
{
        static char path[4][128];
        static unsigned next;
        char *out = path[next++ % 4];

        snprintf(out, 128, "%s/%s", directory, name);
        return out;
}

static void write_policy(const char *read)
{
        FILE *file = fopen(reference, "we");

        cr_assert_not_null(file);
        cr_assert(fprintf(file, "{\"flicker\": 1, \"files\": {\"read\": [\"%s\"]}}", read) > 0);
        cr_assert_eq(fclose(file), 0);
}

static void set_up(void)
{
        strcpy(directory, "/tmp/flicker-cache-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
        snprintf(cache, sizeof cache, "%s/cache", directory);
        snprintf(reference, sizeof reference, "%s/p.json", directory);
        cr_assert_eq(mkdir(in_directory("one"), 0700), 0);
        cr_assert_eq(mkdir(in_directory("two"), 0700), 0);
        cr_assert_eq(symlink("one", in_directory("link")), 0);
        write_policy(in_directory("link"));
        sleep(SETTLED_S);
}

static void tear_down(void)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf '%s'", directory);
        cr_assert_eq(system(command), 0);
}

TestSuite(policy_cache, .init = set_up, .fini = tear_down, .timeout = 60);

/* Loads; expects the policy to be remembered or not, and to grant reading of granted only. */
static void load(bool remembered, const char *granted, const char *refused)
{
        const struct policy_options options = {.reference = reference,
                                               .home = "/nonexistent",
                                               .user = "u",
                                               .uid = "1",
                                               .cwd = directory,
                                               .tmpdir = "/tmp/x"};
        struct run_cache_entry image;
        struct policy *policy;
        struct verdict verdict = {0};
        struct err err = {0};

        cr_assert_eq(run_policy_cache_load(&options, cache, &policy, &image, &err), 0, "%s", err.message);
        cr_expect_eq(image.map != NULL, remembered, "remembered: %d", image.map != NULL);
        policy_check_path(policy, granted, strlen(granted), PATH_READ, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_ALLOW, "%s", granted);
        policy_check_path(policy, refused, strlen(refused), PATH_READ, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY, "%s", refused);
        policy_destroy(policy);
        run_cache_release(&image);
}

Test(policy_cache, remembers)
{
        load(false, in_directory("one"), in_directory("two"));
        load(true, in_directory("one"), in_directory("two"));
}

Test(policy_cache, a_link_leads_elsewhere)
{
        load(false, in_directory("one"), in_directory("two"));
        cr_assert_eq(unlink(in_directory("link")), 0);
        cr_assert_eq(symlink("two", in_directory("link")), 0);
        load(false, in_directory("two"), in_directory("one"));
}

/* Something else in the directory changed: each path is looked at again. */
Test(policy_cache, a_neighbour_comes)
{
        load(false, in_directory("one"), in_directory("two"));
        cr_assert_eq(mkdir(in_directory("three"), 0700), 0);
        load(true, in_directory("one"), in_directory("two"));
}

Test(policy_cache, the_file_changes)
{
        load(false, in_directory("one"), in_directory("two"));
        write_policy(in_directory("two"));
        load(false, in_directory("two"), in_directory("one"));
}

/* Spoilt, cut off, or open to others: not used, and made anew. */
Test(policy_cache, the_entry_is_spoilt)
{
        char pattern[128];
        glob_t found;
        int fd;

        load(false, in_directory("one"), in_directory("two"));
        snprintf(pattern, sizeof pattern, "%s/*", cache);
        cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
        cr_assert_eq(found.gl_pathc, 1);
        fd = open(found.gl_pathv[0], O_WRONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_assert_eq(pwrite(fd, "x", 1, 700), 1);
        close(fd);
        load(false, in_directory("one"), in_directory("two"));
        load(true, in_directory("one"), in_directory("two"));
        cr_assert_eq(truncate(found.gl_pathv[0], 300), 0);
        load(false, in_directory("one"), in_directory("two"));
        cr_assert_eq(chmod(found.gl_pathv[0], 0622), 0);
        load(false, in_directory("one"), in_directory("two"));
        globfree(&found);
}
