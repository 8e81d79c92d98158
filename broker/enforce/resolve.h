/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a path of the caller to a place, walking with the caller's credentials from the caller's directories.
 *
 * Two gears. The kernel walks where its answer cannot depend on who asks: openat2(2) without symbolic links,
 * or with them where no magic link and no procfs is involved. For the rest (/proc/self, /dev/fd/N,
 * /proc/PID/cwd...) the broker walks component by component and lets "self" be the caller.
 */
#ifndef FLICKER_ENFORCE_RESOLVE_H
#define FLICKER_ENFORCE_RESOLVE_H

#include "broker/enforce/operation.h"
#include "broker/enforce/place.h"

#define RESOLVE_LINKS_MAX 40 /* MAXSYMLINKS of the kernel */

enum resolve_mode {
        RESOLVE_FOLLOW = 1u << 0, /* a symbolic link in the last component is followed */
        RESOLVE_EMPTY = 1u << 1,  /* an empty path is the descriptor itself (AT_EMPTY_PATH) */
        RESOLVE_CREATE =
                1u << 2,        /* an absent last component is no error: fd is -1, parent and name are set */
        RESOLVE_SLOW = 1u << 3, /* the broker walks from the start */
};

/* The object at path. kernel_flags: RESOLVE_* of openat2(2) that the caller asked for, else 0. 0 and
 * *ret_place (fd, path, status...; place_finish() it), or -errno as the kernel has it, and *ret_place is
 * finished. By path->by_fd: the caller's descriptor itself. Assumes the caller's credentials, which stay
 * assumed. */
int resolve_object(struct operation *operation, const struct request_path *path, unsigned mode,
                   uint64_t kernel_flags, struct place *ret_place);

/* The directory in which the last component of path is, and that component as name: for operations on names,
 * which never follow it. fd is -1. 0 or -errno. */
int resolve_name(struct operation *operation, const struct request_path *path, struct place *ret_place);

/* The same with RESOLVE_* of openat2(2); and a name that is longer than any can be is no error yet, but in
 * name_error, and the name empty. */
int resolve_directory(struct operation *operation, const struct request_path *path, uint64_t kernel_flags,
                      struct place *ret_place);

/* Is this symbolic link of procfs one that leads to an object by itself, not by its text? All below /proc/PID
 * are, but those of /proc/PID/net. */
bool proc_link_is_magic(const struct place *link);

/* The text of a symbolic link of procfs as the caller would read it ("self" is the caller). Its length; not
 * NUL-terminated. -errno. */
int proc_link_text(struct operation *operation, const struct place *link, char *text, size_t size);

/* The program behind a magic link that is a process's "exe", where an agent has loaded it: its path's length,
 * not NUL-terminated; 0 where it is no such link, the caller may not read it, or it says the right thing by
 * itself; or -errno. */
int proc_program(struct operation *operation, const struct place *link, char *text, size_t size);

/* Has path a component ".."? */
bool path_goes_up(const char *path);

/* openat2(2) with O_PATH: a descriptor or -errno. */
int open_path(int base, const char *path, uint64_t flags, uint64_t resolve);

/* What the kernel says of a name that is longer than NAME_MAX: -errno. */
int name_error(int directory, const char *name);

/* The walker (walk.c), for resolve.c only: base is a descriptor that relative paths start from, or -1. On
 * success place->fd, or place->parent and place->name, is set and nothing else. */
int walk(struct operation *operation, int base, const char *path, unsigned mode, uint64_t kernel_flags,
         struct place *place);

#endif
