/* SPDX-License-Identifier: Apache-2.0 */
/* What only the caller's own kernel entry can do, execve(2) and chdir(2): resolved and judged here. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/enforce/credentials.h"
#include "broker/enforce/reopen.h"
#include "broker/enforce/resolve.h"

int op_chdir(struct operation *operation)
{
        struct place place;
        int r = resolve_object(operation, &operation->request->path[0], RESOLVE_FOLLOW, 0, &place);

        if (r < 0)
                return r;
        r = place_check_hidden(operation, &place, "chdir", NULL);
        if (r >= 0 && !S_ISDIR(place.status.st_mode))
                r = -ENOTDIR;
        if (r >= 0)
                r = place_judge(operation, &place, PATH_READ, "chdir", NULL);
        if (r >= 0 && !place_is_own_fds(&place) &&
            syscall(SYS_faccessat2, place.fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                r = -errno;
        place_finish(&place);
        if (r < 0)
                return r;
        operation->reply->kind = REPLY_CONTINUE;
        operation->reply->why = "a working directory grants nothing: every path is judged by where it leads";
        return 0;
}

static int check_program(const struct place *place)
{
        struct statvfs fs;

        if (S_ISLNK(place->status.st_mode))
                return -ELOOP;
        if (!S_ISREG(place->status.st_mode))
                return -EACCES;
        if (fstatvfs(place->fd, &fs) < 0)
                return -errno;
        return fs.f_flag & ST_NOEXEC ? -EACCES : 0;
}

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000 /* Linux 6.14 */
#endif

int operations_check_busy(int fd)
{
        char *const none[] = {NULL};

        if (syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH | AT_EXECVE_CHECK) == 0)
                return 0;
        return errno == ETXTBSY ? -ETXTBSY : 0;
}

static int open_program(struct operation *operation, const struct request_path *path, unsigned at_flags,
                        enum path_access access, struct place *place)
{
        unsigned mode = (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : RESOLVE_FOLLOW) |
                        (at_flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);
        int fd, r;

        r = resolve_object(operation, path, mode, 0, place);
        if (r < 0)
                return r;
        r = place_check_hidden(operation, place, "exec", NULL);
        if (r >= 0)
                r = check_program(place);
        if (r >= 0)
                r = place_judge(operation, place, access, "exec", NULL);
        if (r >= 0 && access == PATH_EXEC &&
            syscall(SYS_faccessat2, place->fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                r = -errno;
        if (r < 0)
                return r;
        fd = reopen(operation, place, O_RDONLY, 0);
        return fd == REOPEN_WOULD_BLOCK ? -ETXTBSY : fd;
}

int operations_open_program(struct worker *worker, const struct caller *caller,
                            const struct request_path *path, unsigned at_flags, enum path_access access,
                            int *ret_fd, char *real_path, struct verdict *ret_verdict)
{
        struct operation operation = {.worker = worker, .caller = caller};
        struct reply reply;
        struct place place;
        int fd;

        reply_init(&reply);
        place_init(&place);
        operation.reply = &reply;
        if (access == PATH_EXEC)
                credentials_check_exec(&operation);
        fd = open_program(&operation, path, at_flags, access, &place);
        if (ret_verdict && reply.judged) {
                memcpy(ret_verdict, &reply.verdict, offsetof(struct verdict, object));
                memcpy(ret_verdict->object, reply.verdict.object, reply.verdict.object_length);
                ret_verdict->object_length = reply.verdict.object_length;
        }
        if (fd >= 0) {
                *ret_fd = fd;
                memcpy(real_path, place.path, place.length + 1);
        }
        place_finish(&place);
        reply_finish(&reply);
        return fd >= 0 ? 0 : fd;
}
