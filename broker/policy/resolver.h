/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path of a policy really is: symbolic links are followed as far as the path exists, and what does
 * not exist (or may not be looked at) is kept as written. Answers for directories are remembered, since the
 * paths of a policy share them; a resolver therefore lives no longer than one load.
 *
 * /proc/self and /proc/thread-self are not followed: they mean whoever asks, not the broker.
 */
#ifndef FLICKER_POLICY_RESOLVER_H
#define FLICKER_POLICY_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/base/arena.h"
#include "broker/policy/witness.h"

#define RESOLVER_PATH_MAX  4096 /* bytes, NUL included (PATH_MAX) */
#define RESOLVER_LINKS_MAX 40   /* as the kernel's MAXSYMLINKS */

struct resolver_entry;

struct resolver {
        struct arena *arena;
        struct resolver_entry **table;
        size_t size, count;
        bool offline;                         /* takes every path as it is written */
        const struct policy_witness *witness; /* or NULL */
};

/* path is absolute and has no "." or "..". Returns 0 and the path, without trailing slash unless it is "/";
 * -ENAMETOOLONG, -ELOOP, -ENOMEM. */
int resolver_resolve(struct resolver *resolver, const char *path, char ret_path[RESOLVER_PATH_MAX]);

/* The same, but a symbolic link at the very end is not followed. */
int resolver_resolve_parent(struct resolver *resolver, const char *path, char ret_path[RESOLVER_PATH_MAX]);

void resolver_finish(struct resolver *resolver);

/* What a single look at path says, as resolving takes it; target is NUL-terminated where it is a link. */
enum path_kind resolver_look(const char *path, char ret_target[RESOLVER_PATH_MAX]);

#endif
