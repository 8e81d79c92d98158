/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a plan is of: what fstat(2) says, in the form of struct fl_plan. */
#ifndef FLICKER_PLAN_PLAN_IDENTITY_H
#define FLICKER_PLAN_PLAN_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/plan.h"

struct plan_identity {
        uint64_t device, inode, size;
        int64_t change_seconds, change_nanoseconds;
};

/* 0; -EINVAL for what is not a regular file; -errno of fstat. */
int plan_identity_read(int fd, struct plan_identity *ret_identity);

bool plan_identity_equal(const struct plan_identity *a, const struct plan_identity *b);
uint64_t plan_identity_hash(const struct plan_identity *identity);

void plan_identity_write(const struct plan_identity *identity, struct fl_plan *plan);
bool plan_identity_matches(const struct plan_identity *identity, const struct fl_plan *plan);

#endif
