/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by chance that a seed decides (xorshift64*). */
#ifndef FLICKER_TESTS_DIFFERENTIAL_CHANCE_H
#define FLICKER_TESTS_DIFFERENTIAL_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
        uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
        chance->state ^= chance->state >> 12;
        chance->state ^= chance->state << 25;
        chance->state ^= chance->state >> 27;
        return chance->state * UINT64_C(2685821657736338717);
}

static inline void chance_seed(struct chance *chance, uint64_t seed, uint64_t round)
{
        chance->state =
                (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (round + 1) * UINT64_C(0xd1b54a32d192ed03);
        for (unsigned i = 0; i < 4; i++)
                chance_next(chance);
}

/* 0 to limit - 1 */
static inline unsigned chance_below(struct chance *chance, unsigned limit)
{
        return (unsigned)((chance_next(chance) >> 33) % limit);
}

static inline bool chance_percent(struct chance *chance, unsigned percent)
{
        return chance_below(chance, 100) < percent;
}

#define chance_pick(chance, array) ((array)[chance_below(chance, sizeof(array) / sizeof *(array))])

#endif
