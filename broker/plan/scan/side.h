/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A syscall instruction that no window fits: a short jump fits in its two bytes, and leads to a long one
 * nearby, in padding or where other instructions make room. Where none does, a long jump may begin there and
 * end in the bytes that follow: a pun, last since the agent may find its aim taken.
 *
 * All these have the syscall return to where it always did, so that a signal that interrupts it is seen
 * there. So they are preferred to a window that takes along what follows.
 */
#ifndef FLICKER_PLAN_SCAN_SIDE_H
#define FLICKER_PLAN_SCAN_SIDE_H

#include "broker/plan/scan/displace.h"
#include "broker/plan/scan/sweep.h"

/* Decides for sites[index], the candidate's: one without a tactic, or whose window displaces what follows the
 * syscall. Every other site that will have a window has it. with_pun: puns will do. True: the site is
 * complete but for code, *ret_displaced is to be laid out behind it. ret_site may be &sites[index]. */
bool side_choose(const struct code_map *map, const ZydisDecoder *decoder, const struct candidate *candidate,
                 const struct fl_site *sites, uint32_t site_count, uint32_t index, bool with_pun,
                 struct fl_site *ret_site, struct displaced *ret_displaced);

#endif
