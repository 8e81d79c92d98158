/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 16384u
#define ALIGNMENT  16u

struct arena_chunk {
        struct arena_chunk *next;
        size_t size, used;
        _Alignas(ALIGNMENT) unsigned char bytes[];
};

static struct arena_chunk *chunk_add(struct arena *arena, size_t least)
{
        size_t size = least > CHUNK_SIZE ? least : CHUNK_SIZE;
        struct arena_chunk *chunk = malloc(sizeof *chunk + size);

        if (!chunk)
                return NULL;
        chunk->size = size;
        chunk->used = 0;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
        return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        struct arena_chunk *chunk = arena->chunks;
        void *taken;

        if (size > SIZE_MAX / 2)
                return NULL;
        size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        if (!chunk || chunk->size - chunk->used < size)
                chunk = chunk_add(arena, size);
        if (!chunk)
                return NULL;
        taken = memset(chunk->bytes + chunk->used, 0, size); /* what nobody takes is not touched */
        chunk->used += size;
        return taken;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
        char *copy = arena_alloc(arena, length + 1);

        if (copy)
                memcpy(copy, text, length);
        return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
        va_list args;
        char *text;
        int length;

        va_start(args, format);
        length = vsnprintf(NULL, 0, format, args);
        va_end(args);
        text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
        if (!text)
                return NULL;
        va_start(args, format);
        vsnprintf(text, (size_t)length + 1, format, args);
        va_end(args);
        return text;
}

void arena_finish(struct arena *arena)
{
        struct arena_chunk *chunk = arena->chunks;

        while (chunk) {
                struct arena_chunk *next = chunk->next;

                free(chunk);
                chunk = next;
        }
        arena->chunks = NULL;
}
