/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/plan_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/base/files.h"
#include "broker/plan/plan_check.h"

#define NAME_SUFFIX      ".plan"
#define NAME_SIZE        (16 + sizeof ".4294967295" NAME_SUFFIX)
#define TEMPORARY_PREFIX ".new-"

int plan_cache_open(const char *directory)
{
        _cleanup_close_ int fd = -1;
        struct stat status;

        fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
                files_make_directories(directory);
                fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (fd < 0 || fstat(fd, &status) < 0 || status.st_uid != geteuid() || (status.st_mode & 077))
                return -1;
        return fd_take(&fd);
}

/* With the version, so that builds that differ in it do without each other's plans, and not in turn. */
static void name_make(const struct plan_identity *identity, char name[NAME_SIZE])
{
        snprintf(name, NAME_SIZE, "%016llx.%u" NAME_SUFFIX, (unsigned long long)plan_identity_hash(identity),
                 FL_PLAN_VERSION);
}

static int read_whole(int fd, void *out, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = read(fd, (uint8_t *)out + done, size - done);

                if (n == 0)
                        return -ENODATA;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        done += (size_t)n;
        }
        return 0;
}

/* -EBADMSG for a file that has no business there; other -errno where it could not be looked at. */
static int plan_read(int fd, const struct plan_identity *identity, struct fl_plan **ret_plan,
                     size_t *ret_size)
{
        _cleanup_free_ void *data = NULL;
        struct stat status;
        size_t size;
        int r;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022) ||
            (uint64_t)status.st_size < sizeof(struct fl_plan) || (uint64_t)status.st_size > FL_PLAN_SIZE_MAX)
                return -EBADMSG;
        size = (size_t)status.st_size;
        data = malloc(size);
        if (!data)
                return -ENOMEM;
        r = read_whole(fd, data, size);
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        if (!plan_identity_matches(identity, data) || plan_check(data, size) < 0)
                return -EBADMSG;
        if (time(NULL) - status.st_mtime > PLAN_CACHE_USED_AGAIN)
                futimens(fd, NULL);
        *ret_plan = data;
        *ret_size = size;
        data = NULL;
        return 0;
}

int plan_cache_load(int directory_fd, const struct plan_identity *identity, struct fl_plan **ret_plan,
                    size_t *ret_size)
{
        _cleanup_close_ int fd = -1;
        char name[NAME_SIZE];
        int r;

        name_make(identity, name);
        fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
                if (errno == ELOOP)
                        unlinkat(directory_fd, name, 0);
                return -ENOENT;
        }
        r = plan_read(fd, identity, ret_plan, ret_size);
        if (r == -EBADMSG)
                unlinkat(directory_fd, name, 0);
        return r < 0 ? -ENOENT : 0;
}

/* What trimming knows of a file. */
struct kept {
        char name[NAME_SIZE];
        time_t time;
        uint64_t size;
};

static int compare_kept(const void *a, const void *b)
{
        const struct kept *x = a, *y = b;

        return x->time < y->time ? -1 : x->time > y->time;
}

/* Of whichever version. */
static bool name_is_plan(const char *name)
{
        const char *rest = name + 16;

        if (strlen(name) >= NAME_SIZE || strspn(name, "0123456789abcdef") != 16)
                return false;
        if (*rest == '.' && rest[1] >= '0' && rest[1] <= '9')
                rest += 1 + strspn(rest + 1, "0123456789");
        return strcmp(rest, NAME_SUFFIX) == 0;
}

/* Lists plans up to room of them; returns how many, and their bytes. Removes forgotten temporary files. */
static size_t directory_list(DIR *stream, struct kept *list, size_t room, uint64_t *ret_bytes)
{
        const struct dirent *entry;
        struct stat status;
        size_t count = 0;

        *ret_bytes = 0;
        while (count < room && (entry = readdir(stream))) {
                if (fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0 &&
                    time(NULL) - status.st_mtime > PLAN_CACHE_STALE)
                        unlinkat(dirfd(stream), entry->d_name, 0);
                if (!name_is_plan(entry->d_name))
                        continue;
                strcpy(list[count].name, entry->d_name);
                list[count].time = status.st_mtime;
                list[count].size = (uint64_t)status.st_size;
                *ret_bytes += list[count++].size;
        }
        return count;
}

/* Removes the oldest until a quarter of both limits is free again. */
static void directory_trim(int directory_fd, uint64_t disk_max)
{
        _cleanup_free_ struct kept *list = calloc(PLAN_CACHE_FILES_MAX, sizeof *list);
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *stream = fd < 0 ? NULL : fdopendir(fd);
        uint64_t bytes;
        size_t count;

        if (!stream && fd >= 0)
                close(fd);
        if (stream && list) {
                count = directory_list(stream, list, PLAN_CACHE_FILES_MAX, &bytes);
                if (bytes > disk_max || count == PLAN_CACHE_FILES_MAX) {
                        qsort(list, count, sizeof *list, compare_kept);
                        for (size_t i = 0; i < count && (bytes > disk_max - disk_max / 4 ||
                                                         count - i > PLAN_CACHE_FILES_MAX / 4 * 3);
                             i++) {
                                unlinkat(directory_fd, list[i].name, 0);
                                bytes -= list[i].size;
                        }
                }
        }
        if (stream)
                closedir(stream);
}

/* A name that no other thread or process uses. */
static int temporary_open(int directory_fd, char *name, size_t name_size)
{
        static unsigned counter;

        snprintf(name, name_size, TEMPORARY_PREFIX "%ld-%u", (long)getpid(),
                 __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED));
        unlinkat(directory_fd, name, 0); /* of a former process with our id */
        return openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void plan_cache_save(int directory_fd, const struct fl_plan *plan, size_t size, uint64_t disk_max)
{
        const struct plan_identity identity = {
                .device = plan->device,
                .inode = plan->inode,
                .size = plan->size,
                .change_seconds = plan->change_seconds,
                .change_nanoseconds = plan->change_nanoseconds,
        };
        _cleanup_close_ int fd = -1;
        char temporary[64], name[NAME_SIZE];

        if (!files_size_allowed(size))
                return;
        fd = temporary_open(directory_fd, temporary, sizeof temporary);
        if (fd < 0)
                return;
        name_make(&identity, name);
        /* Not flushed: a file that a crash cut short fails its checksum. */
        if (files_write_whole(fd, plan, size) < 0 ||
            renameat(directory_fd, temporary, directory_fd, name) < 0) {
                unlinkat(directory_fd, temporary, 0);
                return;
        }
        directory_trim(directory_fd, disk_max);
}
