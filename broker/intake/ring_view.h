/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process's ring, from the broker's side. The process may write anything into its mapping at any time:
 * every word is read once, checked here, and the broker's own words live in private memory too, so that a
 * forged one changes nothing.
 */
#ifndef FLICKER_INTAKE_RING_VIEW_H
#define FLICKER_INTAKE_RING_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/intake/decode.h"
#include "proto/ring.h"

struct ring_view {
        struct fl_ring *shared;
        int fd; /* the sealed memfd, to hand over */
        pid_t owner;
        uint32_t taken[FL_RING_SLOTS]; /* private: the request word last taken, slot by slot */
};

/* Creates the memfd (sealed against resizing), maps it, fills the header. 0 or -errno. */
int ring_view_create(pid_t owner, struct ring_view **ret_view);
void ring_view_destroy(struct ring_view *view);

/* A submitted request, copied. slot and word are for the answer. */
struct ring_request {
        unsigned slot;
        uint32_t word;
        uint32_t tid; /* as claimed */
        bool takes_out;
        struct raw_call call;            /* call.text is text below, where one came along */
        char text[FL_SLOT_TEXT_MAX + 1]; /* copied */
};

/* Takes the next submitted request in slot order after *cursor (any start value). 1 and *ret_request; 0 where
 * none waits; -EPROTO where the process broke the protocol (its session is condemned): a request word with a
 * state that no agent writes, however it was interrupted. Looks at each slot at most once. One broker thread
 * per ring takes; another may answer. call.nr is -1 where the slot's is no syscall number. */
int ring_view_take(struct ring_view *view, unsigned *cursor, struct ring_request *ret_request);

/* Lays size (1 to FL_SLOT_OUT_MAX) bytes ready for the agent to copy to address before it takes the answer
 * that follows. Only for a request that takes_out. */
void ring_view_output(struct ring_view *view, const struct ring_request *request, uint64_t address,
                      const void *data, size_t size);

/* Answers a request taken. answer is an enum fl_answer. Wakes the agent where it sleeps. */
void ring_view_answer(struct ring_view *view, const struct ring_request *request, uint32_t answer,
                      int64_t result);

/* polling on/off; after off, scan once more with ring_view_take until it returns 0, and at most FL_RING_SLOTS
 * times: a request submitted later is withdrawn by an agent that keeps the protocol, and one that does not is
 * owed nothing (Dekker pair of the agent's submission, proto/ring.h). */
void ring_view_set_polling(struct ring_view *view, bool polling);

#endif
