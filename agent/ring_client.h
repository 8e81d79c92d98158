/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The asking side of the ring (proto/ring.h): claim a slot, submit registers, wait or withdraw, release.
 *
 * Freestanding, and compiled hosted for tests: it includes nothing but proto/, calls nothing but
 * ring_client_wait, keeps no thread-local state and may be entered by any number of threads and from
 * signal handlers. Every function may be started over after a signal at any instruction of it; the slot's
 * words say how far it is. A caller that never comes back costs its slot and nothing else.
 *
 * One struct ring_client a process, in the agent's own memory. Nothing here is trusted by the broker.
 */
#ifndef FLICKER_AGENT_RING_CLIENT_H
#define FLICKER_AGENT_RING_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ring.h"

struct ring_client {
        struct fl_ring *ring;           /* NULL: none, every call runs natively */
        uint64_t used;                  /* what was already set in ring->used */
        uint64_t spin_ticks;            /* of the time stamp counter, before the waiter gives up or sleeps */
        uint64_t holder[FL_RING_SLOTS]; /* who claimed the slot; 0: free */
};

enum ring_client_outcome {
        RING_CLIENT_RESULT = 1, /* the broker did it */
        RING_CLIENT_NATIVE = 2, /* run the syscall instruction */
};

#define RING_CLIENT_SPIN_US 20u /* what to give as spin_ticks: this many microseconds of the counter */

/* Supplied by whoever links this file: FUTEX_WAIT (shared, no timeout) on *word while it is expected. May
 * return at any time, for any reason. */
void ring_client_wait(uint32_t *word, uint32_t expected);

/* Supplied likewise: copies a result to where the program wants it. 0, or -EFAULT where that cannot be
 * written. */
int64_t ring_client_deliver(uint64_t address, const uint64_t *bytes, uint32_t size);

/* What one call brings along: a string of the program (readable, size bytes with its NUL, at most
 * FL_SLOT_TEXT_MAX), and whether results may come back the same way. */
struct ring_client_payload {
        const char *text;
        uint32_t size; /* 0: none */
        bool takes_out;
};

/* Starts on ring, which was mapped fresh for this process. No other thread may be inside. ring NULL: stands
 * down. */
void ring_client_attach(struct ring_client *client, struct fl_ring *ring, uint64_t spin_ticks);

/* Is it worth submitting? Reads one shared word. */
static inline bool ring_client_hot(const struct ring_client *client)
{
        return client->ring && fl_load_acquire(&client->ring->polling) != 0;
}

/* A free slot for holder (not 0), the lowest first so that the broker looks at few; -1 where all are taken.
 */
int ring_client_claim(struct ring_client *client, uint64_t holder);

/* The slot that holder claimed; -1: none. */
int ring_client_held(const struct ring_client *client, uint64_t holder);

/* Of the next use of a claimed slot. */
uint32_t ring_client_generation(const struct ring_client *client, unsigned slot);

/* Submits a claimed slot with its next generation. */
void ring_client_submit(struct ring_client *client, unsigned slot, uint32_t generation, uint32_t tid,
                        uint32_t nr, const uint64_t args[6], const struct ring_client_payload *payload);

/* Was the claimed slot submitted with this generation? */
bool ring_client_submitted(const struct ring_client *client, unsigned slot, uint32_t generation);

/* Waits for the answer to what was submitted in slot, or withdraws it where nobody polls or nobody took it
 * within the spin budget. The slot stays claimed; asked again, the answer is the same. */
enum ring_client_outcome ring_client_await(struct ring_client *client, unsigned slot, uint32_t generation);

/* After RING_CLIENT_RESULT, and before the release: what the syscall returns. */
int64_t ring_client_take(const struct ring_client *client, unsigned slot);

/* Lets go of a claimed slot, submitted and awaited or never submitted. */
void ring_client_release(struct ring_client *client, unsigned slot);

#endif
