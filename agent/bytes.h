/* SPDX-License-Identifier: Apache-2.0 */
/* Memory without a libc. The build keeps loops from being turned into calls of memcpy. */
#ifndef FLICKER_AGENT_BYTES_H
#define FLICKER_AGENT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ascending: to may lie below from and overlap it. */
static inline void ag_copy(void *to, const void *from, size_t size)
{
        uint8_t *out = to;
        const uint8_t *in = from;

        if (size > 32) { /* below, the start of a string instruction costs more than the copy */
                __asm__ volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(size) : : "memory");
                return;
        }
        while (size--)
                *out++ = *in++;
}

static inline void ag_fill(void *to, uint8_t byte, size_t size)
{
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
}

/* Length of a string that ends within size bytes; size where it does not. */
static inline size_t ag_length(const char *text, size_t size)
{
        size_t length = 0;

        while (length < size && text[length])
                length++;
        return length;
}

static inline bool ag_equal(const char *left, const char *right)
{
        while (*left && *left == *right) {
                left++;
                right++;
        }
        return *left == *right;
}

#endif
