/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "broker/enforce/operation.h"
#include "broker/enforce/worker.h"

#define DELETED        " (deleted)"
#define DELETED_LENGTH (sizeof DELETED - 1)

void place_init(struct place *place)
{
        memset(place, 0, offsetof(struct place, name));
        place->fd = place->parent = -1;
        place->name[0] = place->path[0] = '\0';
        place->length = 0;
}

void place_finish(struct place *place)
{
        if (place->fd >= 0)
                close(place->fd);
        if (place->parent >= 0)
                close(place->parent);
        place->fd = place->parent = -1;
}

const char *place_link(int fd, char out[PLACE_LINK_MAX])
{
        snprintf(out, PLACE_LINK_MAX, "/proc/self/fd/%d", fd);
        return out;
}

/* The text that the kernel has for a descriptor of the broker. Its length, or -errno. */
static ssize_t read_link(struct operation *operation, int fd, char *out, size_t size)
{
        char name[16];
        ssize_t n;

        snprintf(name, sizeof name, "%d", fd);
        n = readlinkat(operation->worker->files->links, name, out, size);
        if (n < 0)
                return -errno;
        if ((size_t)n >= size)
                return -ENAMETOOLONG;
        out[n] = '\0';
        return n;
}

static bool ends_deleted(const char *path, size_t length)
{
        return length > DELETED_LENGTH && !memcmp(path + length - DELETED_LENGTH, DELETED, DELETED_LENGTH);
}

/* Is the file that really is at path the one with this status? */
static bool is_at(const char *path, const struct stat *status)
{
        struct stat there;

        return lstat(path, &there) == 0 && there.st_dev == status->st_dev && there.st_ino == status->st_ino;
}

/* Reads the path of fd into place. An object that was removed is judged by the name it had. */
static int locate(struct operation *operation, struct place *place, int fd, const struct stat *status)
{
        ssize_t n = read_link(operation, fd, place->path, REQUEST_PATH_MAX);

        if (n < 0)
                return (int)n;
        place->length = (size_t)n;
        if (place->path[0] != '/') {
                /* "(unreachable)/x" is a path outside the root; all else, "pipe:[1]", is no path. */
                if (place->path[0] == '(')
                        return -ENOENT;
                place->anonymous = true;
                return 0;
        }
        if (!ends_deleted(place->path, place->length))
                return 0;
        if (status->st_dev == operation->worker->files->memory_device) {
                place->anonymous = true;
                return 0;
        }
        if (!is_at(place->path, status)) {
                place->length -= DELETED_LENGTH;
                place->path[place->length] = '\0';
        }
        return 0;
}

/* The process that thread or process id pid belongs to, or -errno. */
static pid_t process_of(struct operation *operation, pid_t pid)
{
        char path[32], text[512];
        const char *line;
        ssize_t n;
        int fd;

        snprintf(path, sizeof path, "%d/status", (int)pid);
        fd = openat(operation->worker->operations->proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n <= 0)
                return -ESRCH;
        text[n] = '\0';
        line = strstr(text, "\nTgid:");
        return line ? (pid_t)strtol(line + 6, NULL, 10) : -ESRCH;
}

/* The descriptor was opened before this is asked. Should the id have passed to another process between, then
 * the descriptor belongs to a dead one, and nothing can be opened or read through it. */
static enum place_proc owner_of(struct operation *operation, pid_t pid)
{
        const struct program_lookup *programs = &operation->worker->operations->programs;
        const struct caller_status *status;
        pid_t process;

        if (pid == operation->caller->tid)
                return PLACE_PROC_OWN;
        if (caller_status(operation, &status) < 0)
                return PLACE_PROC_FOREIGN;
        if (pid == status->tgid)
                return PLACE_PROC_OWN;
        process = process_of(operation, pid);
        if (process == status->tgid)
                return PLACE_PROC_OWN;
        return process > 0 && programs->is_member(programs->context, process) ? PLACE_PROC_MEMBER
                                                                              : PLACE_PROC_FOREIGN;
}

/* Is the file with this status (at descriptor fd) of procfs? Most are not, by the device number alone. */
static bool is_proc(int fd, const struct stat *status)
{
        struct statfs fs;

        return major(status->st_dev) == 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static void classify(struct operation *operation, struct place *place, int fd, const struct stat *status)
{
        char *end;
        long pid;

        place->proc = PLACE_NOT_PROC;
        if (place->anonymous || !is_proc(fd, status))
                return;
        place->proc = PLACE_PROC_FOREIGN;
        place->proc_rest = "";
        if (status->st_dev != operation->worker->files->proc_device || strncmp(place->path, "/proc", 5) != 0)
                return; /* another procfs, or a part of this one mounted elsewhere: nothing is known of it */
        if (place->path[5] == '\0') {
                place->proc = PLACE_PROC_GLOBAL;
                return;
        }
        if (place->path[5] != '/')
                return;
        pid = strtol(place->path + 6, &end, 10);
        if (end == place->path + 6 || (*end != '\0' && *end != '/')) {
                place->proc = PLACE_PROC_GLOBAL;
                return;
        }
        place->proc_pid = (pid_t)pid;
        place->proc_rest = *end ? end + 1 : end;
        place->proc = owner_of(operation, (pid_t)pid);
}

int place_locate(struct operation *operation, struct place *place)
{
        int r;

        if (fstat(place->fd, &place->status) < 0)
                return -errno;
        r = locate(operation, place, place->fd, &place->status);
        if (r >= 0)
                classify(operation, place, place->fd, &place->status);
        return r;
}

int place_locate_as(struct operation *operation, struct place *place, const char *path, size_t length)
{
        if (fstat(place->fd, &place->status) < 0)
                return -errno;
        memcpy(place->path, path, length);
        place->path[length] = '\0';
        place->length = length;
        classify(operation, place, place->fd, &place->status);
        return 0;
}

int place_locate_name(struct operation *operation, struct place *place)
{
        size_t length = strlen(place->name);
        struct stat status;
        int r;

        if (fstat(place->parent, &status) < 0)
                return -errno;
        r = locate(operation, place, place->parent, &status);
        if (r < 0)
                return r;
        if (place->anonymous)
                return -ENOTDIR;
        if (length && place->name[length - 1] == '/')
                length--;
        if (!place->dots) {
                if (place->length > 1)
                        place->path[place->length++] = '/';
                memcpy(place->path + place->length, place->name, length);
                place->length += length;
                place->path[place->length] = '\0';
        }
        classify(operation, place, place->parent, &status);
        return 0;
}

int place_check_search(const struct place *place)
{
        if (place_is_own_fds(place))
                return 0;
        return syscall(SYS_faccessat2, place->parent, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 ? -errno : 0;
}

static bool is_or_begins(const char *rest, const char *directory, bool begins)
{
        size_t length = strlen(directory);

        return !strncmp(rest, directory, length) && rest[length] == (begins ? '/' : '\0');
}

bool place_is_own_fds(const struct place *place)
{
        bool name = place->fd < 0 && !place->dots;
        const char *rest = place->proc_rest;

        if (place->proc != PLACE_PROC_OWN)
                return false;
        if (!strncmp(rest, "task/", 5)) {
                rest = strchr(rest + 5, '/');
                rest = rest ? rest + 1 : "";
        }
        return is_or_begins(rest, "fd", name) || is_or_begins(rest, "map_files", name);
}

int place_error(const struct place *place, int error)
{
        return errno == EACCES && place_is_own_fds(place) ? -error : -errno;
}

void place_assume_rights(struct operation *operation, const struct place *place)
{
        if (place_is_own_fds(place))
                credentials_restore(
                        operation->worker); /* they suffice, and nothing can be made or removed there */
}

static bool in_list(const char *const list[], const char *name)
{
        for (; *list; list++)
                if (!strcmp(*list, name))
                        return true;
        return false;
}

/*
 * What of a process outside the sandbox may be read: what any user may see of any process, and ps(1) shows.
 * The broker opens this for the caller, so neither Landlock's nor ptrace's rules stand between.
 */
static bool is_harmless(const char *rest)
{
        static const char *const harmless[] = {
                "",     "stat",      "status",        "statm",     "cmdline",  "comm",      "cgroup",
                "task", "oom_score", "oom_score_adj", "sessionid", "loginuid", "schedstat", NULL};
        static const char *const of_threads[] = {"", "stat", "status", "statm", "comm", "schedstat", NULL};
        const char *slash;

        if (strncmp(rest, "task/", 5) != 0)
                return in_list(harmless, rest);
        rest += 5;
        slash = strchr(rest, '/');
        return in_list(of_threads, slash ? slash + 1 : "");
}

/* The baseline's rules for procfs. */
static bool proc_refuses(const struct place *place, enum path_access access)
{
        if (place->proc == PLACE_PROC_FOREIGN && access != PATH_META)
                return access != PATH_READ || !place->proc_pid || !is_harmless(place->proc_rest);
        /* Other processes' memory is for ptrace, whose rules (Yama's among them) look at the one who asks. */
        if (place->proc == PLACE_PROC_MEMBER && access != PATH_META)
                return !strcmp(place->proc_rest, "mem") ||
                       (!strncmp(place->proc_rest, "task/", 5) && strstr(place->proc_rest, "/mem"));
        return false;
}

/* Entries of the caller's own process are named "/proc/self" in policies as well as by number. What a rule of
 * refusal says of either name holds; a grant of either is enough. */
static void check_own(const struct policy *policy, const struct place *place, enum path_access access,
                      struct verdict *ret_verdict)
{
        char alias[PLACE_PATH_MAX];
        struct verdict by_name;
        int n = snprintf(alias, sizeof alias, "/proc/self%s%s", *place->proc_rest ? "/" : "",
                         place->proc_rest);

        policy_check_path(policy, place->path, place->length, access, ret_verdict);
        if (ret_verdict->outcome != VERDICT_ALLOW && ret_verdict->rule)
                return;
        policy_check_path(policy, alias, (size_t)n, access, &by_name);
        if (by_name.outcome == VERDICT_ALLOW || by_name.rule) {
                ret_verdict->outcome = by_name.outcome;
                ret_verdict->error = by_name.error;
                ret_verdict->rule = by_name.rule;
        }
}

int place_judge(struct operation *operation, const struct place *place, enum path_access access,
                const char *name, const char *purpose)
{
        struct verdict verdict;

        verdict.outcome = VERDICT_ALLOW;
        verdict.error = 0;
        verdict.rule = NULL;
        verdict.baseline = false;
        if (place->anonymous && access != PATH_EXEC)
                return operation_conclude(operation, &verdict, name, purpose, place->path, place->length);
        if (place->anonymous || proc_refuses(place, access))
                return operation_refuse(operation, EACCES, name, purpose, place->path, place->length);
        if (place->proc != PLACE_PROC_OWN)
                return operation_judge(operation, place->path, place->length, access, name, purpose);
        check_own(operation->worker->operations->policy, place, access, &verdict);
        return operation_conclude(operation, &verdict, name, purpose, place->path, place->length);
}

int place_check_hidden(struct operation *operation, const struct place *place, const char *name,
                       const char *purpose)
{
        int r;

        if (!operation->worker->operations->tiers->hides)
                return 0;
        r = place_judge(operation, place, PATH_META, name, purpose);
        return r < 0 ? r : operation_unjudge(operation, 0);
}
