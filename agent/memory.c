/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiler may call on its own for copies and zeroing of structures (GCC manual, "Standards"). Only in
 * the freestanding build; the sources call ag_copy and ag_fill. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
        void *result = to;

        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
        return result;
}

void *memmove(void *to, const void *from, size_t size)
{
        char *out = to;
        const char *in = from;

        if (out <= in || out >= in + size)
                return memcpy(to, from, size);
        while (size--)
                out[size] = in[size];
        return to;
}

void *memset(void *to, int byte, size_t size)
{
        void *result = to;

        __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
        return result;
}
