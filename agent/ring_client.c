/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ring_client.h"

#define GENERATION_MASK (0xffffffffu >> FL_SLOT_STATE_BITS)

void ring_client_attach(struct ring_client *client, struct fl_ring *ring, uint64_t spin_ticks)
{
        client->claimed = 0;
        client->used = 0;
        client->spin_ticks = spin_ticks;
        /* A fresh ring is all zero: generation 0 is the one no slot has to reach for. */
        for (unsigned slot = 0; slot < FL_RING_SLOTS; slot++)
                client->generation[slot] = 1;
        __atomic_store_n(&client->ring, ring, __ATOMIC_RELEASE);
}

int ring_client_claim(struct ring_client *client)
{
        uint64_t claimed = fl_load_once_64(&client->claimed);

        while (claimed != UINT64_MAX) {
                unsigned slot = (unsigned)__builtin_ctzll(~claimed);
                uint64_t before = fl_fetch_or_64(&client->claimed, 1ull << slot);

                if (!(before & (1ull << slot)))
                        return (int)slot;
                claimed = before;
        }
        return -1;
}

void ring_client_release(struct ring_client *client, unsigned slot)
{
        /* Released by fetch_and, acquired by the claimer's fetch_or: generation passes from one to the next.
         */
        fl_fetch_and_64(&client->claimed, ~(1ull << slot));
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

void ring_client_submit(struct ring_client *client, unsigned slot, uint32_t tid, uint32_t nr,
                        const uint64_t args[6], const struct ring_client_payload *payload)
{
        struct fl_slot *shared = &client->ring->slots[slot];
        uint32_t generation = client->generation[slot] & GENERATION_MASK;

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

static int64_t take_result(const struct fl_slot *shared, const uint64_t *bytes)
{
        int64_t result = (int64_t)fl_load_once_64((const uint64_t *)&shared->result);
        uint32_t size = fl_load_once_32(&shared->out_size);
        int64_t r;

        if (size == 0 || size > FL_SLOT_OUT_MAX)
                return result;
        r = ring_client_deliver(fl_load_once_64(&shared->out_address), bytes, size);
        return r < 0 ? r : result;
}

enum ring_client_outcome ring_client_await(struct ring_client *client, unsigned slot, int64_t *ret_result)
{
        struct fl_slot *shared = &client->ring->slots[slot];
        uint32_t generation = client->generation[slot] & GENERATION_MASK;
        enum fl_slot_state state = FL_SLOT_FREE;

        /* Dekker pair of the broker's "polling = 0; scans once more": who reads non-zero here was seen there.
         */
        if (fl_load_seq_cst(&client->ring->polling))
                state = spin(client, shared, generation);
        if (!is_final(state) && state != FL_SLOT_TAKEN)
                state = withdraw(shared, generation);
        if (state == FL_SLOT_TAKEN)
                state = sleep_until_final(shared, generation);

        client->generation[slot] = (generation + 1) & GENERATION_MASK;
        if (state != FL_SLOT_DONE || fl_load_once_32(&shared->answer) != FL_ANSWER_RESULT)
                return RING_CLIENT_NATIVE;
        *ret_result = take_result(shared, client->ring->outs[slot].bytes);
        return RING_CLIENT_RESULT;
}

enum ring_client_outcome ring_client_call(struct ring_client *client, uint32_t tid, uint32_t nr,
                                          const uint64_t args[6], const struct ring_client_payload *payload,
                                          int64_t *ret_result)
{
        enum ring_client_outcome outcome;
        int slot;

        if (!ring_client_hot(client))
                return RING_CLIENT_NATIVE;
        slot = ring_client_claim(client);
        if (slot < 0)
                return RING_CLIENT_NATIVE;
        ring_client_submit(client, (unsigned)slot, tid, nr, args, payload);
        outcome = ring_client_await(client, (unsigned)slot, ret_result);
        ring_client_release(client, (unsigned)slot);
        return outcome;
}
