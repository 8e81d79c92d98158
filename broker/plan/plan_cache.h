/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans on disk, a file each, in a directory that belongs to the user alone. Whatever is found there is
 * checked as if a stranger had put it there, and removed where it does not pass. Nothing here ever fails for
 * the caller: a cache that cannot be read or written is an empty one.
 *
 * A program under Flicker must not be granted write access to this directory: form is checked, not sense.
 */
#ifndef FLICKER_PLAN_PLAN_CACHE_H
#define FLICKER_PLAN_PLAN_CACHE_H

#include <stddef.h>

#include "broker/plan/plan_identity.h"

#define PLAN_CACHE_FILES_MAX  8192u /* more, and the oldest go */
#define PLAN_CACHE_STALE      3600  /* seconds after which a temporary file is nobody's any more */
#define PLAN_CACHE_USED_AGAIN 86400 /* seconds after which a hit renews a file's time */

/* The directory's descriptor (close-on-exec), or -1 where there is no usable one. It is made, 0700, with what
 * leads to it; one that others may enter or that belongs to somebody else is not used. */
int plan_cache_open(const char *directory);

/* The plan of identity: 0, *ret_plan is allocated (free(3)), has passed plan_check and is of that identity;
 * -ENOENT. */
int plan_cache_load(int directory_fd, const struct plan_identity *identity, struct fl_plan **ret_plan,
                    size_t *ret_size);

/* Keeps the plan (identity filled in), atomically, and trims the directory to disk_max bytes. */
void plan_cache_save(int directory_fd, const struct fl_plan *plan, size_t size, uint64_t disk_max);

#endif
