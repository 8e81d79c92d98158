/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What starts have worked out and the next one may use again: the seccomp program, the compiled policy. An
 * entry is used only where all that it was made from is equal byte for byte (the key, the very build of
 * flicker-run included), in a file of the user's own that nobody else may write, with its checksum right; no
 * sandbox may write where it lies (run_sandbox.c sees to that). Every trouble with the cache leads to working
 * it out anew.
 */
#ifndef FLICKER_CLI_RUN_CACHE_H
#define FLICKER_CLI_RUN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_CACHE_KEY_MAX   (64u << 10) /* bytes; more is not remembered */
#define RUN_CACHE_FILES_MAX 128         /* in one directory; then all are forgotten */

/* All that an entry is made from, as bytes. */
struct run_cache_key {
        size_t size;
        bool unusable;
        uint8_t data[RUN_CACHE_KEY_MAX];
};

struct run_cache_entry {
        const void *data; /* aligned to 16 bytes */
        size_t size;
        void *map;
        size_t map_size;
};

/* Begins with what stands for this build and the running kernel. */
void run_cache_key_init(struct run_cache_key *key);
void run_cache_key_add(struct run_cache_key *key, const void *data, size_t size);
void run_cache_key_add_text(struct run_cache_key *key, const char *text); /* or NULL */

/* The entry of directory under key, mapped read-only until it is released. */
bool run_cache_recall(const struct run_cache_key *key, const char *directory,
                      struct run_cache_entry *ret_entry);
void run_cache_release(struct run_cache_entry *entry);

/* Keeps data under key in directory, which is made where it is missing. */
void run_cache_remember(const struct run_cache_key *key, const char *directory, const void *data,
                        size_t size);

#endif
