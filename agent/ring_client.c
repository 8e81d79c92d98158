/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ring_client.h"

#define GENERATION_MASK (0xffffffffu >> FL_SLOT_STATE_BITS)

void ring_client_attach(struct ring_client *client, struct fl_ring *ring, uint64_t spin_ticks)
{
        client->used = 0;
        client->spin_ticks = spin_ticks;
        for (unsigned slot = 0; slot < FL_RING_SLOTS; slot++)
                client->holder[slot] = 0;
        __atomic_store_n(&client->ring, ring, __ATOMIC_RELEASE);
}

int ring_client_claim(struct ring_client *client, uint64_t holder)
{
        for (unsigned slot = 0; slot < FL_RING_SLOTS; slot++) {
                uint64_t nobody = 0;

                /* Acquires what the last holder released: generation passes from one to the next. */
                if (fl_load_once_64(&client->holder[slot]) == 0 &&
                    __atomic_compare_exchange_n(&client->holder[slot], &nobody, holder, false,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        return (int)slot;
        }
        return -1;
}

int ring_client_held(const struct ring_client *client, uint64_t holder)
{
        for (unsigned slot = 0; slot < FL_RING_SLOTS; slot++) {
                if (fl_load_once_64(&client->holder[slot]) == holder)
                        return (int)slot;
        }
        return -1;
}

void ring_client_release(struct ring_client *client, unsigned slot)
{
        fl_store_release_64(&client->holder[slot], 0);
}

/* The slot's own word remembers the last one, and only its holder writes that. A fresh ring is all zero, so
 * generation 0 is the one no slot has to reach for. */
uint32_t ring_client_generation(const struct ring_client *client, unsigned slot)
{
        return ((fl_load_once_32(&client->ring->slots[slot].request) >> FL_SLOT_STATE_BITS) + 1) &
               GENERATION_MASK;
}

bool ring_client_submitted(const struct ring_client *client, unsigned slot, uint32_t generation)
{
        return fl_load_once_32(&client->ring->slots[slot].request) >> FL_SLOT_STATE_BITS == generation;
}

/* Whole words, so that the broker's copy is of words too; the rest of the last one is zero. */
static void copy_text(struct fl_slot_text *shared, const struct ring_client_payload *payload)
{
        for (uint32_t at = 0; at < payload->size; at += 8) {
                uint32_t n = payload->size - at < 8 ? payload->size - at : 8;
                uint64_t word = 0;

                for (uint32_t i = 0; i < n; i++)
                        word |= (uint64_t)(unsigned char)payload->text[at + i] << (8 * i);
                fl_store_release_64(&shared->bytes[at / 8], word);
        }
        fl_store_release_64(&shared->address, (uint64_t)(uintptr_t)payload->text);
        fl_store_release(&shared->size, payload->size);
        fl_store_release(&shared->takes_out, payload->takes_out);
}

void ring_client_submit(struct ring_client *client, unsigned slot, uint32_t generation, uint32_t tid,
                        uint32_t nr, const uint64_t args[6], const struct ring_client_payload *payload)
{
        struct fl_slot *shared = &client->ring->slots[slot];

        if (!(fl_load_once_64(&client->used) & (1ull << slot))) {
                fl_fetch_or_seq_cst_64(&client->ring->used, 1ull << slot);
                fl_fetch_or_64(&client->used, 1ull << slot);
        }
        fl_store_once_32(&shared->sleeping, 0);
        fl_store_release(&shared->tid, tid);
        fl_store_release(&shared->nr, nr);
        for (unsigned i = 0; i < 6; i++)
                fl_store_release_64(&shared->args[i], args[i]);
        copy_text(&client->ring->texts[slot], payload);
        /* Pairs with the broker's last scan after polling=0, see ring_client_await. */
        fl_store_seq_cst(&shared->request, FL_SLOT_WORD(generation, FL_SLOT_SUBMITTED));
}

/* The slot's state as the broker last told for this generation; FL_SLOT_FREE where it has not. */
static enum fl_slot_state reply_state(uint32_t word, uint32_t generation)
{
        if (word >> FL_SLOT_STATE_BITS != generation)
                return FL_SLOT_FREE;
        return (enum fl_slot_state)(word & FL_SLOT_STATE_MASK);
}

static bool is_final(enum fl_slot_state state)
{
        return state == FL_SLOT_DONE || state == FL_SLOT_CANCELLED;
}

/* A request in work is worth a longer spin: being woken across cores costs more than most operations. */
#define RING_CLIENT_TAKEN_FACTOR 4u

/* Spins until the broker is done or the budget is used up; returns the last state seen. */
static enum fl_slot_state spin(const struct ring_client *client, const struct fl_slot *shared,
                               uint32_t generation)
{
        uint64_t start = __builtin_ia32_rdtsc(), spent;
        enum fl_slot_state state;

        do {
                for (unsigned turn = 0; turn < 16; turn++) {
                        state = reply_state(fl_load_acquire(&shared->reply_state), generation);
                        if (is_final(state))
                                return state;
                        __builtin_ia32_pause();
                }
                /* Nobody polls any more and the request was not taken: no use in waiting on. */
                if (state != FL_SLOT_TAKEN && !fl_load_acquire(&client->ring->polling))
                        return state;
                spent = __builtin_ia32_rdtsc() - start;
        } while (spent < client->spin_ticks ||
                 (state == FL_SLOT_TAKEN && spent / RING_CLIENT_TAKEN_FACTOR < client->spin_ticks));
        return state;
}

/* The broker has the request, or may have it: waits for the end. */
static enum fl_slot_state sleep_until_final(struct fl_slot *shared, uint32_t generation)
{
        for (;;) {
                uint32_t word;
                enum fl_slot_state state;

                /* Dekker pair of the broker's "reply_state = DONE; reads sleeping". */
                fl_store_seq_cst(&shared->sleeping, 1);
                word = fl_load_seq_cst(&shared->reply_state);
                state = reply_state(word, generation);
                if (is_final(state))
                        return state;
                ring_client_wait(&shared->reply_state, word);
        }
}

/* Takes the request back. What is returned is the slot's state if the broker was faster, else FL_SLOT_FREE.
 */
static enum fl_slot_state withdraw(struct fl_slot *shared, uint32_t generation)
{
        /* Dekker pair of the broker's "reply_state = TAKEN; reads request again": at least one sees the
         * other. */
        fl_store_seq_cst(&shared->request, FL_SLOT_WORD(generation, FL_SLOT_WITHDRAWN));
        return reply_state(fl_load_seq_cst(&shared->reply_state), generation);
}

int64_t ring_client_take(const struct ring_client *client, unsigned slot)
{
        const struct fl_slot *shared = &client->ring->slots[slot];
        int64_t result = (int64_t)fl_load_once_64((const uint64_t *)&shared->result);
        uint32_t size = fl_load_once_32(&shared->out_size);
        int64_t r;

        if (size == 0 || size > FL_SLOT_OUT_MAX)
                return result;
        r = ring_client_deliver(fl_load_once_64(&shared->out_address), client->ring->outs[slot].bytes, size);
        return r < 0 ? r : result;
}

enum ring_client_outcome ring_client_await(struct ring_client *client, unsigned slot, uint32_t generation)
{
        struct fl_slot *shared = &client->ring->slots[slot];
        enum fl_slot_state state = reply_state(fl_load_seq_cst(&shared->reply_state), generation);

        /* Dekker pair of the broker's "polling = 0; scans once more": who reads non-zero here was seen there.
         */
        if (!is_final(state) && fl_load_seq_cst(&client->ring->polling))
                state = spin(client, shared, generation);
        if (!is_final(state) && state != FL_SLOT_TAKEN)
                state = withdraw(shared, generation);
        if (state == FL_SLOT_TAKEN)
                state = sleep_until_final(shared, generation);

        if (state != FL_SLOT_DONE || fl_load_once_32(&shared->answer) != FL_ANSWER_RESULT)
                return RING_CLIENT_NATIVE;
        return RING_CLIENT_RESULT;
}
