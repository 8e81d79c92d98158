/* SPDX-License-Identifier: Apache-2.0 */
/* Patch plans (proto/plan.h) as the agent gets them: fetched from the broker, checked for form, walked. */
#ifndef FLICKER_AGENT_PLAN_H
#define FLICKER_AGENT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/plan.h"

/* A plan in memory, checked: every site's parts lie inside it. */
struct ag_plan {
        const struct fl_site *sites;
        const uint8_t *code;
        uint32_t site_count;
        /* Where it is in a mapping of its own, else 0. */
        uint64_t mapping, mapping_length;
};

/* Where the site's displaced code and relocations are. */
static inline const uint8_t *ag_plan_code(const struct ag_plan *plan, const struct fl_site *site)
{
        return plan->code + site->code;
}

static inline const struct fl_relocation *ag_plan_relocations(const struct ag_plan *plan,
                                                              const struct fl_site *site)
{
        return (const struct fl_relocation *)(plan->code + fl_site_relocations_at(site));
}

/* Checks size bytes at bytes (aligned to 8) for being a whole plan. */
bool ag_plan_check(const void *bytes, uint64_t size, struct ag_plan *ret_plan);

/* The plan of the file open at fd, by FL_CALL_PLAN, into buffer or a mapping of its own. False: nothing to
 * patch, no broker, no memory, or not a plan. */
bool ag_plan_fetch(int fd, void *buffer, uint64_t buffer_size, struct ag_plan *ret_plan);
void ag_plan_release(struct ag_plan *plan);

#endif
