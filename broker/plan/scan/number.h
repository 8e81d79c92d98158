/* SPDX-License-Identifier: Apache-2.0 */
/* Which syscall is it? What straight-line code leaves in rax. */
#ifndef FLICKER_PLAN_SCAN_NUMBER_H
#define FLICKER_PLAN_SCAN_NUMBER_H

#include "broker/plan/scan/code_map.h"
#include "broker/plan/scan/displace.h"

/* instructions[0..count) precede the syscall at vaddr without a gap. The number, or FL_SITE_NR_UNKNOWN. */
uint16_t number_find(const struct code_segment *segment, const struct instruction *instructions,
                     unsigned count, uint64_t vaddr);

#endif
