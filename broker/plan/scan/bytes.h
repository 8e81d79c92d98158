/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading foreign bytes: little-endian loads, and a cursor that never leaves its range. A cursor that was
 * asked for more than there is turns bad, stays so, and yields zeroes; callers look at .bad once, at the end.
 */
#ifndef FLICKER_PLAN_SCAN_BYTES_H
#define FLICKER_PLAN_SCAN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t load_u32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof value);
        return value;
}

static inline uint64_t load_u64(const uint8_t *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof value);
        return value;
}

struct cursor {
        const uint8_t *at, *end;
        bool bad;
};

static inline bool cursor_has(struct cursor *cursor, uint64_t size)
{
        if (!cursor->bad && size <= (uint64_t)(cursor->end - cursor->at))
                return true;
        cursor->bad = true;
        return false;
}

static inline void cursor_skip(struct cursor *cursor, uint64_t size)
{
        if (cursor_has(cursor, size))
                cursor->at += size;
}

/* size is 1, 2, 4 or 8. */
static inline uint64_t cursor_unsigned(struct cursor *cursor, unsigned size)
{
        uint64_t value = 0;

        if (cursor_has(cursor, size)) {
                memcpy(&value, cursor->at, size);
                cursor->at += size;
        }
        return value;
}

static inline int64_t cursor_signed(struct cursor *cursor, unsigned size)
{
        unsigned shift = 64 - 8 * size;

        return (int64_t)(cursor_unsigned(cursor, size) << shift) >> shift;
}

/* LEB128 (DWARF 5, section 7.6); bits beyond 64 are dropped. */
static inline uint64_t cursor_leb128(struct cursor *cursor, bool is_signed)
{
        uint64_t value = 0, byte;
        unsigned shift = 0;

        do {
                byte = cursor_unsigned(cursor, 1);
                if (shift < 64)
                        value |= (byte & 0x7f) << shift;
                shift += 7;
        } while ((byte & 0x80) && !cursor->bad);

        if (is_signed && (byte & 0x40) && shift < 64)
                value |= ~(uint64_t)0 << shift;
        return value;
}

#endif
