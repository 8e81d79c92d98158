/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patch plans, once per file: in memory, then on disk, then from the scanner. A plan is foreign data (a file
 * that a target may have written was scanned): it is checked for form when it enters, from wherever.
 */
#ifndef FLICKER_PLAN_PLAN_STORE_H
#define FLICKER_PLAN_PLAN_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/plan/plan_check.h"
#include "proto/plan.h"

#define PLAN_STORE_MEMORY_MAX  (64u << 20)  /* bytes of plans held in memory; the oldest go first */
#define PLAN_STORE_ENTRIES_MAX 4096u        /* plans held in memory */
#define PLAN_STORE_SCANS_MAX   2u           /* scanners that run at the same time; the next one waits */
#define PLAN_STORE_DISK_MAX    (256u << 20) /* bytes of the cache directory; the oldest go first */

struct plan_store;

/* cache_directory may be NULL, missing (it is made, 0700), read-only or full: plans are then kept in memory
 * only. scanner: path of the flicker-scan program. Thread-safe throughout. */
int plan_store_create(const char *cache_directory, const char *scanner, struct plan_store **ret_store);
void plan_store_destroy(struct plan_store *store);

/* The plan of the regular file open at fd (read access): *ret_plan is referenced until plan_unref. May block
 * for the time of a scan; several threads asking for one file cause one scan. A file that cannot be scanned
 * (not ELF, malformed, scanner failed) gets a plan without sites. -errno only for what is not a file or
 * when memory ran out. */
int plan_store_get(struct plan_store *store, int fd, const struct fl_plan **ret_plan, size_t *ret_size);
/* The same, but -EAGAIN instead of a scan where the plan is neither in memory nor on disk. */
int plan_store_peek(struct plan_store *store, int fd, const struct fl_plan **ret_plan, size_t *ret_size);
/* The head of the plan, where it is known already. */
bool plan_store_head(struct plan_store *store, int fd, struct fl_plan *ret_head);
/* No scan starts from here on; those that wait for their turn give up, and their callers get -ECANCELED. */
void plan_store_stop(struct plan_store *store);
void plan_unref(struct plan_store *store, const struct fl_plan *plan);

#endif
