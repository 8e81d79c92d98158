/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of policies that extend one another. Input: the texts of a.json, b.json, c.json and d.json, a byte
 * 0xff between them. What is refused has to say where; what loads names for each rule the file that it stands
 * in.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/policy/policy.h"

#define FILES     4u
#define SEPARATOR 0xff

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[] = "/dev/shm/flicker-fuzz-XXXXXX";

static void require(int condition)
{
        if (!condition)
                abort();
}

static const char *path_of(unsigned index)
{
        static char path[sizeof directory + 16];

        snprintf(path, sizeof path, "%s/%c.json", directory, 'a' + index);
        return path;
}

static void clean(void)
{
        for (unsigned i = 0; i < FILES; i++)
                unlink(path_of(i));
        rmdir(directory);
}

static void write_file(unsigned index, const uint8_t *data, size_t size)
{
        int fd = open(path_of(index), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
        close(fd);
}

/* The last file takes all that is left; those that the input has no text for are not there. */
static void write_files(const uint8_t *data, size_t size)
{
        for (unsigned i = 0; i < FILES; i++) {
                const uint8_t *end = size && i < FILES - 1 ? memchr(data, SEPARATOR, size) : NULL;
                size_t length = end ? (size_t)(end - data) : size;

                if (data)
                        write_file(i, data, length);
                else
                        unlink(path_of(i));
                data = end ? end + 1 : NULL;
                size = end ? size - length - 1 : 0;
        }
}

static void check(const struct policy *policy)
{
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);
                const char *name = strrchr(rule->file, '/');

                require(rule->line > 0 && rule->column > 0);
                require(name && strlen(name) == 7 && name[1] >= 'a' && name[1] < (char)('a' + FILES));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *directories[] = {directory, NULL};
        static bool made;
        struct policy_options options = {.reference = "a",
                                         .directories = directories,
                                         .home = "/home/anna",
                                         .user = "anna",
                                         .uid = "1000",
                                         .cwd = "/home/anna",
                                         .tmpdir = "/tmp/private"};
        struct policy *policy = NULL;
        struct err err = {0};
        int r;

        if (!made) {
                require(mkdtemp(directory) != NULL);
                atexit(clean);
                made = true;
        }
        write_files(data, size);
        r = policy_load(&options, &policy, &err);
        if (r < 0) {
                require(err.error > 0 && err.message[0]);
                require(memchr(err.message, '\0', sizeof err.message) != NULL);
                return 0;
        }
        check(policy);
        policy_destroy(policy);
        return 0;
}
