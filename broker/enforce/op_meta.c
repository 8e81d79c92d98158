/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked about files: stat, statx, statfs, access, readlink, getdents64. Nothing but hide refuses it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/resolve.h"

#define GETDENTS_MAX (1u << 18) /* bytes of one call's buffer; a longer one is filled in part */

#ifndef AT_STATX_SYNC_TYPE
#define AT_STATX_SYNC_TYPE 0x6000
#endif

/* The object, judged for metadata. By descriptor nothing is judged: it was when it was opened. */
static int look(struct operation *operation, unsigned mode, const char *name, struct place *place)
{
        const struct request *request = operation->request;
        int r;

        if (!(request->at_flags & AT_SYMLINK_NOFOLLOW))
                mode |= RESOLVE_FOLLOW;
        if (request->at_flags & AT_EMPTY_PATH)
                mode |= RESOLVE_EMPTY;
        r = resolve_object(operation, &request->path[0], mode, 0, place);
        if (r >= 0 && !place->duplicate)
                r = place_judge(operation, place, PATH_META, name, NULL);
        if (r < 0)
                place_finish(place);
        return r;
}

static int output(struct operation *operation, const void *data, size_t size)
{
        void *copy = malloc(size ? size : 1);

        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, size);
        reply_add_output(operation->reply, operation->request->out_address, copy, size);
        return 0;
}

int op_stat(struct operation *operation)
{
        struct place place;
        int r = look(operation, 0, "stat", &place);

        if (r < 0)
                return r;
        r = output(operation, &place.status, sizeof place.status);
        place_finish(&place);
        return r;
}

int op_statx(struct operation *operation)
{
        const struct request *request = operation->request;
        struct statx result;
        struct place place;
        int r = look(operation, 0, "stat", &place);

        if (r < 0)
                return r;
        memset(&result, 0, sizeof result);
        if (syscall(SYS_statx, place.fd, "", AT_EMPTY_PATH | (request->at_flags & AT_STATX_SYNC_TYPE),
                    request->mask, &result) < 0)
                r = -errno;
        else
                r = output(operation, &result, sizeof result);
        place_finish(&place);
        return r;
}

int op_statfs(struct operation *operation)
{
        struct statfs result;
        struct place place;
        int r = look(operation, 0, "statfs", &place);

        if (r < 0)
                return r;
        r = fstatfs(place.fd, &result) < 0 ? -errno : output(operation, &result, sizeof result);
        place_finish(&place);
        return r;
}

/* The kernel asks with the real ids, on the whole way, unless told otherwise. A privileged broker has them as
 * effective ones then. */
int op_access(struct operation *operation)
{
        const struct request *request = operation->request;
        bool effective = request->at_flags & AT_EACCESS;
        unsigned flags = effective || operation->worker->operations->privileged ? AT_EACCESS : 0;
        struct place place;
        int r;

        operation->as_real = !effective;
        r = look(operation, 0, "access", &place);
        if (r < 0)
                return r;
        if (!place_is_own_fds(&place) &&
            syscall(SYS_faccessat2, place.fd, "", (int)request->mode, AT_EMPTY_PATH | flags) < 0)
                r = -errno;
        place_finish(&place);
        return r < 0 ? r : 0;
}

/* Reading a magic link asks the kernel who may look at the process: the caller may at itself. */
static int read_magic_link(struct operation *operation, const struct place *place, char *text, size_t size)
{
        ssize_t n;

        if (place->proc == PLACE_PROC_FOREIGN)
                return operation_refuse(operation, EACCES, "readlink", NULL, place->path, place->length);
        n = proc_program(operation, place, text, size);
        if (n != 0)
                return (int)n;
        if (place->proc == PLACE_PROC_OWN)
                credentials_restore(operation->worker);
        n = readlinkat(place->fd, "", text, size);
        return n < 0 ? -errno : (int)n;
}

static int link_text(struct operation *operation, const struct place *place, char *text, size_t size)
{
        ssize_t n;

        if (place->proc != PLACE_NOT_PROC)
                return proc_link_is_magic(place) ? read_magic_link(operation, place, text, size)
                                                 : proc_link_text(operation, place, text, size);
        n = readlinkat(place->fd, "", text, size);
        return n < 0 ? -errno : (int)n;
}

int op_readlink(struct operation *operation)
{
        const struct request *request = operation->request;
        char text[REQUEST_PATH_MAX + 1];
        struct place place;
        int r;

        operation->request->at_flags |= AT_SYMLINK_NOFOLLOW;
        r = look(operation, request->path[0].fd >= 0 ? RESOLVE_EMPTY : 0, "readlink", &place);
        if (r < 0)
                return r;
        if (!S_ISLNK(place.status.st_mode))
                r = place.duplicate ? -ENOENT : -EINVAL; /* readlink(2), "an empty pathname" */
        else
                r = link_text(operation, &place, text, sizeof text);
        place_finish(&place);
        if (r < 0)
                return r;
        if ((size_t)r > request->out_size)
                r = (int)request->out_size;
        reply_result(operation->reply, r);
        return output(operation, text, (size_t)r);
}

struct kernel_dirent { /* getdents64(2) */
        uint64_t inode;
        int64_t offset;
        uint16_t size;
        uint8_t type;
        char name[];
};

/* Is this name of the directory hidden? path has the directory, and room for the name behind it. */
static bool is_hidden(const struct policy *policy, char *path, size_t length, const char *name)
{
        struct verdict verdict;
        size_t n = strlen(name);

        if (!strcmp(name, ".") || !strcmp(name, "..") || n > NAME_MAX)
                return false;
        if (length > 1)
                path[length++] = '/';
        memcpy(path + length, name, n);
        verdict.outcome = VERDICT_ALLOW;
        policy_check_path(policy, path, length + n, PATH_META, &verdict);
        return verdict.outcome == VERDICT_HIDE;
}

/* Takes the hidden names out of what the kernel gave. Returns what is left, in bytes. */
static size_t drop_hidden(const struct policy *policy, struct place *place, char *buffer, size_t size)
{
        size_t kept = 0;

        for (size_t at = 0; at + sizeof(struct kernel_dirent) <= size;) {
                const struct kernel_dirent *entry = (const void *)(buffer + at);
                size_t entry_size = entry->size;

                if (!is_hidden(policy, place->path, place->length, entry->name)) {
                        memmove(buffer + kept, buffer + at, entry_size);
                        kept += entry_size;
                }
                at += entry_size;
        }
        return kept;
}

static int list(struct operation *operation, struct place *place, char *buffer, size_t size)
{
        const struct operations *operations = operation->worker->operations;
        long n;

        for (;;) {
                n = syscall(SYS_getdents64, place->fd, buffer, size);
                if (n < 0)
                        return -errno;
                if (n == 0 || place->anonymous || operations->tiers->warn)
                        break;
                n = (long)drop_hidden(operations->policy, place, buffer, (size_t)n);
                if (n > 0)
                        break;
        }
        reply_result(operation->reply, n);
        return output(operation, buffer, (size_t)n);
}

int op_getdents(struct operation *operation)
{
        const struct request *request = operation->request;
        size_t size = request->out_size < GETDENTS_MAX ? request->out_size : GETDENTS_MAX;
        const struct request_path by_fd = {.fd = request->fd, .by_fd = true};
        _cleanup_free_ char *buffer = malloc(size ? size : 1);
        struct place place;
        int r;

        if (!buffer)
                return -ENOMEM;
        r = resolve_object(operation, &by_fd, 0, 0, &place);
        if (r < 0)
                return r;
        r = list(operation, &place, buffer, size);
        place_finish(&place);
        return r;
}
