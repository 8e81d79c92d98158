/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path led: an O_PATH descriptor of the object, or of the directory in which a name is to be made,
 * and its real path as the kernel tells it for that very descriptor. Judgement is about the place; the
 * operation is done on the descriptor. Programs in the sandbox may move things at any time: the text is a
 * fact of one moment, the descriptor stays.
 */
#ifndef FLICKER_ENFORCE_PLACE_H
#define FLICKER_ENFORCE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "broker/policy/policy.h"
#include "broker/policy/request.h"

#define PLACE_PATH_MAX (REQUEST_PATH_MAX + NAME_MAX + 2)

struct operation;

/* Whose is an entry of procfs? */
enum place_proc {
        PLACE_NOT_PROC = 0,
        PLACE_PROC_GLOBAL,  /* not about a process */
        PLACE_PROC_OWN,     /* the caller's process */
        PLACE_PROC_MEMBER,  /* another process of the sandbox */
        PLACE_PROC_FOREIGN, /* a process outside, the broker among them; or a procfs that is not /proc */
};

struct place {
        int fd;             /* of the object; -1: the name is absent, or was not asked for */
        int parent;         /* O_PATH of the directory of name; -1: not asked for */
        struct stat status; /* of fd, where it is */
        bool anonymous;     /* a pipe, socket, memfd: an object that has no place in the file system */
        bool duplicate; /* fd is a duplicate of the caller's own descriptor, not an O_PATH of the broker's */
        bool dots;      /* name is ".", ".." or "/": no operation on a name can succeed */
        int name_error; /* name is longer than any can be: see resolve_directory() */
        enum place_proc proc;
        const char *proc_rest; /* behind /proc/PID/ in path (maybe ""), where proc is about a process */
        pid_t proc_pid;
        char name[NAME_MAX + 2]; /* last component, with one '/' behind it where the path had any */
        size_t length;
        char path[PLACE_PATH_MAX]; /* real path; for a name: that of the directory, '/', the name without '/'
                                    */
};

void place_init(struct place *place);
void place_finish(struct place *place); /* closes what is open */

/* Fills status, path, length, anonymous and proc from place->fd. 0 or -errno: -ENOENT for what is no longer
 * reachable ("(unreachable)"), -ENAMETOOLONG. */
int place_locate(struct operation *operation, struct place *place);

/* The same where the real path is known (at most REQUEST_PATH_MAX - 1 bytes). */
int place_locate_as(struct operation *operation, struct place *place, const char *path, size_t length);

/* Fills path, length, proc from place->parent and place->name. */
int place_locate_name(struct operation *operation, struct place *place);

/* operation_judge() for a place, with the baseline's rules for procfs. 0 or -errno. */
int place_judge(struct operation *operation, const struct place *place, enum path_access access,
                const char *name, const char *purpose);

/* -ENOENT where the place is hidden, for what has to say something else before it judges; else 0. */
int place_check_hidden(struct operation *operation, const struct place *place, const char *name,
                       const char *purpose);

/* From here on the name in place->parent is dealt with by the rights that the caller has in that directory.
 */
void place_assume_rights(struct operation *operation, const struct place *place);

/* May the caller, whose credentials are assumed, look into the directory at place->parent? 0 or -errno. */
int place_check_search(const struct place *place);

/* Is fd, or parent, the directory of the caller's own descriptors, or mappings, in procfs? Threads of a
 * process may always use it, whoever they have become (proc_fd_permission() in Linux), and the broker's
 * permission is another's.
 */
bool place_is_own_fds(const struct place *place);

/* The error of something done in, or to, such a directory: where the kernel refuses a broker without
 * privileges (EACCES), it tells the caller that there is no such operation, by error. */
int place_error(const struct place *place, int error);

/* "/proc/self/fd/N", for calls that only take paths: it leads to the object of fd and nowhere else. */
#define PLACE_LINK_MAX 32
const char *place_link(int fd, char out[PLACE_LINK_MAX]);

#endif
