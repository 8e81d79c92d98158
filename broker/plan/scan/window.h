/* SPDX-License-Identifier: Apache-2.0 */
/* One syscall instruction: which window round it can become a jump, if any. */
#ifndef FLICKER_PLAN_SCAN_WINDOW_H
#define FLICKER_PLAN_SCAN_WINDOW_H

#include "broker/plan/scan/displace.h"
#include "broker/plan/scan/sweep.h"

enum window_refusal {
        WINDOW_FITS = 0,
        WINDOW_NOT_CODE,  /* the bytes round it look like data */
        WINDOW_NO_ROOM,   /* branch targets, or instructions that cannot move, on both sides */
        WINDOW_SIGRETURN, /* unwinders and debuggers know it by its bytes */
};

/* Decides for the candidate. floor: address that the window may not reach below (the end of the one before).
 * *ret_site is complete but for code; *ret_displaced is to be laid out behind it. */
enum window_refusal window_choose(const struct code_map *map, const ZydisDecoder *decoder,
                                  const struct candidate *candidate, uint64_t floor, struct fl_site *ret_site,
                                  struct displaced *ret_displaced);

const char *window_refusal_text(enum window_refusal refusal);
const char *site_tactic_text(enum fl_site_tactic tactic);

#endif
