/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which syscall is it likely to be, where straight-line code does not tell? Compilers load the number into a
 * register once and copy it before each syscall of a loop. A wrong guess costs a site its patch, or gives it
 * one that is not needed: the gate goes by what is in rax when the syscall comes.
 */
#ifndef FLICKER_PLAN_SCAN_NUMBER_GUESS_H
#define FLICKER_PLAN_SCAN_NUMBER_GUESS_H

#include "broker/plan/scan/code_map.h"
#include "broker/plan/scan/displace.h"

/* before[0..count) precede the syscall at vaddr without a gap. The number that its function loads into the
 * register which they copy into eax, where it loads one only; or FL_SITE_NR_UNKNOWN. */
uint16_t number_guess(const struct code_map *map, const struct code_segment *segment,
                      const ZydisDecoder *decoder, const struct instruction *before, unsigned count,
                      uint64_t vaddr);

#endif
