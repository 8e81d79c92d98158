/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is let go all at once: for things that are loaded piece by piece and die together. */
#ifndef FLICKER_BASE_ARENA_H
#define FLICKER_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Zero-initialised is empty and ready. */
struct arena {
        struct arena_chunk *chunks;
};

/* size bytes, zeroed, aligned to 16; NULL where memory is out. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of length bytes. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

/* printf into the arena; NULL where memory is out. */
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

void arena_finish(struct arena *arena);

#endif
