/* SPDX-License-Identifier: Apache-2.0 */
/* Is this a plan? Asked of everything that comes from the scanner or from disk, before anything else reads
 * it. */
#ifndef FLICKER_PLAN_PLAN_CHECK_H
#define FLICKER_PLAN_PLAN_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* 0 where the size bytes at plan are a well-formed plan (offsets in range, sites sorted and disjoint, code
 * and relocations inside the code area, checksum right); -EBADMSG. Any bytes, any alignment. */
int plan_check(const void *plan, size_t size);

/* What fl_plan.checksum has to be; size is at least sizeof(struct fl_plan). */
uint64_t plan_checksum(const void *plan, size_t size);

#endif
