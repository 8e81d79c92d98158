/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear disassembly of all code regions, set right at every known function start: finds the syscall
 * instructions, and every place that an instruction refers to.
 */
#ifndef FLICKER_PLAN_SCAN_SWEEP_H
#define FLICKER_PLAN_SCAN_SWEEP_H

#include "broker/plan/scan/code_map.h"

#define SWEEP_LOOKBACK 24u /* instructions kept before a syscall */
#define SWEEP_CONVINCING                                                                                     \
        24u /* plausible instructions in a row that make code of bytes nobody vouches for                    \
             */

/* What says that the bytes there are code. */
enum candidate_trust {
        TRUST_NONE,
        TRUST_CONVINCING, /* SWEEP_CONVINCING plausible instructions lead up to it */
        TRUST_FUNCTION,   /* it is inside a known function, read from its start */
};

/* A syscall instruction as the sweep met it. */
struct candidate {
        uint64_t vaddr;
        uint64_t back;   /* an instruction boundary up to SWEEP_LOOKBACK instructions before it */
        unsigned region; /* index in map->regions */
        enum candidate_trust trust;
};

struct candidates {
        struct candidate *items; /* ascending; allocated */
        size_t count;
        bool cut; /* there were more than FL_PLAN_SITES_MAX */
};

/* map->functions are sorted. Marks targets, collects map->tables. 0; -ENOMEM; -E2BIG. */
int sweep(struct code_map *map, struct candidates *ret_candidates);

/* Is this what compilers and people write, or rather data that happens to decode? */
struct ZydisDecodedInstruction_;
bool sweep_plausible(const struct ZydisDecodedInstruction_ *instruction, const uint8_t *bytes);

#endif
