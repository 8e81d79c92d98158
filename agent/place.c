/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"

#include <linux/mman.h>
#include <linux/prctl.h>

#include "agent/kernel.h"

#include "agent/poison.h"

#define REACH       0x7ff00000ull /* of a 32-bit displacement, with room for a window */
#define LOWEST      0x10000ull    /* the first 64 KiB are for null pointers to fault in */
#define PROBE_STEP  (16ull << 20)
#define PROBE_TRIES 64

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static long map_at(uint64_t address, uint64_t size, int more_flags)
{
        return ag_mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1,
                       0);
}

bool ag_place_at(uint64_t address, uint64_t size)
{
        long r;

        if (address < LOWEST)
                return false;
        r = map_at(address, size, MAP_FIXED_NOREPLACE);
        if (ag_failed(r))
                return false;
        if ((uint64_t)r == address)
                return true;
        ag_munmap((uint64_t)r, size); /* before Linux 4.17, which takes address for a hint */
        return false;
}

static bool in_reach(uint64_t address, uint64_t size, uint64_t start, uint64_t end)
{
        uint64_t lowest = address < start ? address : start;
        uint64_t highest = address + size > end ? address + size : end;

        return highest - lowest < REACH;
}

/* Tries address; the mapping or 0. */
static uint64_t probe(uint64_t address, uint64_t size, uint64_t start, uint64_t end)
{
        return in_reach(address, size, start, end) && ag_place_at(address, size) ? address : 0;
}

uint64_t ag_place_near(uint64_t start, uint64_t end, uint64_t size)
{
        long r = map_at(0, size, 0);

        if (ag_failed(r))
                return 0;
        if (in_reach((uint64_t)r, size, start, end))
                return (uint64_t)r;
        ag_munmap((uint64_t)r, size);
        for (uint64_t i = 1; i <= PROBE_TRIES; i++) {
                uint64_t above = probe(end + i * PROBE_STEP, size, start, end);
                uint64_t below =
                        above || start < i * PROBE_STEP ? 0 : probe(start - i * PROBE_STEP, size, start, end);

                if (above || below)
                        return above ? above : below;
        }
        return 0;
}

void ag_place_name(uint64_t address, uint64_t size)
{
        ag_kernel6(__NR_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, size, ag_address("flicker"), 0);
}
