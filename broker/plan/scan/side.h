/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A syscall instruction that no window fits: a short jump fits in its two bytes, and leads to a long one
 * nearby, in padding or where other instructions make room. Where none does, a long jump may begin there and
 * end in the bytes that follow: a pun, last since the agent may find its aim taken.
 */
#ifndef FLICKER_PLAN_SCAN_SIDE_H
#define FLICKER_PLAN_SCAN_SIDE_H

#include "broker/plan/scan/displace.h"
#include "broker/plan/scan/sweep.h"

/* Decides for sites[index], which has no tactic and is the candidate's; every other site that will have a
 * window has it. True: the site is complete but for code, *ret_displaced is to be laid out behind it. */
bool side_choose(const struct code_map *map, const ZydisDecoder *decoder, const struct candidate *candidate,
                 const struct fl_site *sites, uint32_t site_count, uint32_t index, struct fl_site *ret_site,
                 struct displaced *ret_displaced);

/* The same for a site with a window that displaces what follows the syscall: only for padding, which
 * displaces nothing. A signal that interrupts the call is seen at the original address then. *ret_site has no
 * code. */
bool side_choose_padding(const struct code_map *map, const ZydisDecoder *decoder,
                         const struct candidate *candidate, const struct fl_site *sites, uint32_t site_count,
                         uint32_t index, struct fl_site *ret_site);

#endif
