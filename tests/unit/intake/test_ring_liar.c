/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lying agent: threads write garbage into every word of the ring while the broker takes and answers. It
 * must come back from every step, in bounded time, with what it copied and nothing else, and keep to the
 * words that are its own. A program of its own, without the test framework: that does not run under TSan.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/intake/ring_view.h"

#define LIARS      2
#define SECONDS    2
#define WORDS      (FL_RING_SIZE_BYTES / sizeof(uint32_t))
#define TAKE_MAX_S 0.5 /* of this thread's own time */

#define CHECK(condition)                                                                                     \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
                        abort();                                                                             \
                }                                                                                            \
        } while (0)

static struct ring_view *view;
static atomic_bool done;

static double now(clockid_t clock)
{
        struct timespec time;

        clock_gettime(clock, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint32_t random_next(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

/* Mostly plausible requests, or the broker would condemn the ring at once each time. */
static void lie(uint32_t *random)
{
        struct fl_slot *slot = &view->shared->slots[random_next(random) % FL_RING_SLOTS];
        uint32_t value = random_next(random);

        switch (random_next(random) % 16) {
        case 0:
                fl_store_once_32((uint32_t *)view->shared + value % WORDS, random_next(random));
                break;
        case 1:
                fl_store_once_64(&view->shared->used, (uint64_t)value << 32 | random_next(random));
                break;
        case 2:
                fl_store_release(&slot->sleeping, value & 1);
                break;
        case 3:
                fl_store_release(&slot->reply_state, value);
                break;
        case 4:
                fl_store_release(&slot->nr, value);
                break;
        case 5:
                fl_store_release_64(&slot->args[value % 6], random_next(random));
                break;
        case 6:
                fl_store_release(&view->shared->texts[value % FL_RING_SLOTS].size, random_next(random) % 300);
                break;
        case 7:
                fl_store_release_64(
                        &view->shared->texts[value % FL_RING_SLOTS].bytes[random_next(random) % 30],
                        value % 3 ? 0x4141414141414141u : value);
                break;
        default:
                fl_store_seq_cst(&slot->request,
                                 FL_SLOT_WORD(value, value % 5 ? FL_SLOT_SUBMITTED : FL_SLOT_WITHDRAWN));
                break;
        }
}

static void *liar_run(void *seed)
{
        uint32_t random = (uint32_t)(uintptr_t)seed;

        while (!atomic_load_explicit(&done, memory_order_relaxed))
                lie(&random);
        return NULL;
}

/* What was copied stays as it is while the liars go on. */
static void check_request(const struct ring_request *request)
{
        CHECK(request->slot < FL_RING_SLOTS);
        CHECK((request->word & FL_SLOT_STATE_MASK) == FL_SLOT_SUBMITTED);
        CHECK(view->taken[request->slot] == request->word);
        CHECK(request->call.nr >= -1);
        if (request->call.text)
                CHECK(strnlen(request->text, sizeof request->text) == request->call.text_length);
}

int main(void)
{
        unsigned taken = 0, condemned = 0, none = 0, cursor = 0;
        double end = now(CLOCK_MONOTONIC) + SECONDS, before, longest = 0;
        pthread_t liars[LIARS];

        CHECK(ring_view_create(getpid(), &view) == 0);
        for (unsigned i = 0; i < LIARS; i++)
                pthread_create(&liars[i], NULL, liar_run, (void *)(uintptr_t)(i * 7919 + 1));
        while (now(CLOCK_MONOTONIC) < end) {
                struct ring_request request;
                int r;

                before = now(CLOCK_THREAD_CPUTIME_ID);
                r = ring_view_take(view, &cursor, &request);

                CHECK(cursor < FL_RING_SLOTS);
                if (r == 1) {
                        check_request(&request);
                        ring_view_answer(view, &request, FL_ANSWER_RESULT, -38);
                        taken++;
                } else if (r == 0) {
                        none++;
                } else {
                        condemned++;
                }
                if (taken % 64 == 0)
                        ring_view_set_polling(view, taken % 128);
                before = now(CLOCK_THREAD_CPUTIME_ID) - before;
                if (before > longest)
                        longest = before;
        }
        atomic_store(&done, true);
        for (unsigned i = 0; i < LIARS; i++)
                pthread_join(liars[i], NULL);
        printf("%u taken, %u none, %u times condemned, %.3f ms at most\n", taken, none, condemned,
               longest * 1e3);
        CHECK(taken > 0 && condemned > 0);
        CHECK(longest < TAKE_MAX_S);
        ring_view_destroy(view);
        return 0;
}
