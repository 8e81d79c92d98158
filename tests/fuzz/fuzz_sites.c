/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner on arbitrary bytes. Its plans must pass the check that the broker makes, and its windows must
 * lie in the file and hold what they say. Links flicker_scan_core.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/plan/plan_check.h"
#include "broker/plan/scan/scan.h"

#define SIZE_MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct scan_result result;
        const struct fl_site *sites;

        if (size > SIZE_MAX_BYTES || scan_elf(data, size, &result) < 0)
                return 0;
        require(plan_check(result.plan, result.size) == 0);
        sites = (const struct fl_site *)(result.plan + 1);
        for (uint32_t i = 0; i < result.plan->site_count; i++) {
                require(sites[i].start < size && sites[i].length <= size - sites[i].start);
                require(sites[i].side >= 0 || sites[i].start >= (uint64_t)-sites[i].side);
                require(sites[i].start + (uint64_t)(int64_t)sites[i].side + sites[i].side_length <= size);
                require(memcmp(data + sites[i].start + sites[i].syscall_at, "\x0f\x05", 2) == 0);
                require(fl_site_hash(&sites[i], data + sites[i].start) == sites[i].original);
        }
        scan_result_finish(&result);
        return 0;
}
