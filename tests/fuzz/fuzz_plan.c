/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_check on arbitrary bytes. What it accepts has to be safe to walk the way the agent does. Checksums are
 * set right, or no input would get past them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/plan/plan_check.h"
#include "proto/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

static uint32_t walk(const uint8_t *plan, size_t size)
{
        const struct fl_plan *header = (const struct fl_plan *)plan;
        const struct fl_site *sites = (const struct fl_site *)(header + 1);
        const uint8_t *code = (const uint8_t *)(sites + header->site_count), *end = plan + size;
        uint64_t floor = 0;
        uint32_t sum = 0;

        for (uint32_t i = 0; i < header->site_count; i++) {
                const struct fl_site *site = &sites[i];
                const uint8_t *displaced = code + site->code;
                const struct fl_relocation *relocations =
                        (const struct fl_relocation *)(code + fl_site_relocations_at(site));
                unsigned whole = site->before_size + (unsigned)site->after_size;

                require(site->start >= floor);
                floor = site->start + site->length;
                require(floor > site->start);
                if (site->tactic == FL_TACTIC_NONE)
                        continue;
                require(site->length >= (fl_site_has_side(site) ? 2 : 5) &&
                        site->syscall_at + 2 <= site->length);
                require(displaced + whole <= end);
                require((const uint8_t *)(relocations + site->relocations) <= end);
                for (unsigned j = 0; j < whole; j++)
                        sum += displaced[j];
                for (unsigned j = 0; j < site->relocations; j++)
                        require(relocations[j].at + 4u <= relocations[j].next &&
                                relocations[j].next <= whole);
        }
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);

        require(copy != NULL);
        memcpy(copy, data, size);
        plan_check(copy, size);
        if (size >= sizeof(struct fl_plan)) {
                ((struct fl_plan *)copy)->checksum = plan_checksum(copy, size);
                if (plan_check(copy, size) == 0)
                        walk(copy, size);
        }
        free(copy);
        return 0;
}
