/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's side of the ring, word by word: what is taken, cancelled, ignored, and what condemns. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/ring_client.c"
#include "broker/intake/ring_view.h"

static struct ring_view *view;
static struct ring_client client;
static const uint64_t args[6] = {1, 2, 3, 4, 5, 6};

int64_t ring_client_deliver(uint64_t address, const uint64_t *bytes, uint32_t size)
{
        (void)address;
        (void)bytes;
        (void)size;
        return 0;
}

void ring_client_wait(uint32_t *word, uint32_t expected)
{
        (void)word;
        (void)expected;
        cr_assert_fail("nobody is there to wait for");
}

/* In the lowest slot that is free; its number. */
static unsigned submit(uint32_t tid, uint32_t nr)
{
        unsigned slot = (unsigned)ring_client_claim(&client, 1);

        ring_client_submit(&client, slot, ring_client_generation(&client, slot), tid, nr, args,
                           &(struct ring_client_payload){0});
        return slot;
}

static void setup(void)
{
        cr_assert_eq(ring_view_create(getpid(), &view), 0);
        ring_client_attach(&client, view->shared, 0);
}

static void teardown(void)
{
        ring_view_destroy(view);
}

TestSuite(ring_view, .init = setup, .fini = teardown);

Test(ring_view, memory_is_sealed_and_labelled)
{
        cr_assert_eq(fcntl(view->fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        cr_assert_eq(ftruncate(view->fd, 0), -1);
        cr_assert_eq(view->shared->magic, FL_RING_MAGIC);
        cr_assert_eq(view->shared->owner, (uint32_t)getpid());
        cr_assert(fcntl(view->fd, F_GETFD) & FD_CLOEXEC);
}

Test(ring_view, takes_each_request_once_and_answers_it)
{
        struct ring_request request;
        unsigned cursor = 12345;

        ring_view_set_polling(view, true);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 0);
        cr_assert_eq(submit(77, 42), 0);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 1);
        cr_assert_eq(cursor, 0);
        cr_assert_eq(request.tid, 77);
        cr_assert_eq(request.call.nr, 42);
        cr_assert_arr_eq(request.call.args, args, sizeof args);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 0);
        ring_view_answer(view, &request, FL_ANSWER_RESULT, -ENOENT);
        cr_assert_eq(ring_client_await(&client, 0, 1), RING_CLIENT_RESULT);
        cr_assert_eq(ring_client_take(&client, 0), -ENOENT);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 0);
}

Test(ring_view, serves_slots_in_turn)
{
        struct ring_request request;
        unsigned cursor = 1;

        for (unsigned i = 0; i < 4; i++)
                submit(i, i);
        for (unsigned i = 0; i < 4; i++) {
                cr_assert_eq(ring_view_take(view, &cursor, &request), 1);
                cr_assert_eq(request.slot, (2 + i) % 4);
        }
        cr_assert_eq(ring_view_take(view, &cursor, &request), 0);
}

Test(ring_view, withdrawn_is_not_taken)
{
        struct ring_request request;
        unsigned cursor = 0;

        submit(1, 1);
        /* polling is off: the agent withdraws */
        cr_assert(ring_client_submitted(&client, 0, 1));
        cr_assert_eq(ring_client_await(&client, 0, 1), RING_CLIENT_NATIVE);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 0);
        /* and stays so, whoever asks again */
        cr_assert_eq(ring_client_await(&client, 0, 1), RING_CLIENT_NATIVE);
        cr_assert_eq(ring_client_generation(&client, 0), 2);
        cr_assert(!ring_client_submitted(&client, 0, 2));
}

Test(ring_view, a_slot_has_one_holder)
{
        for (unsigned i = 0; i < FL_RING_SLOTS; i++)
                cr_assert_eq(ring_client_claim(&client, 100 + i), (int)i);
        cr_assert_eq(ring_client_claim(&client, 99), -1);
        cr_assert_eq(ring_client_held(&client, 99), -1);
        cr_assert_eq(ring_client_held(&client, 140), 40);
        ring_client_release(&client, 40);
        cr_assert_eq(ring_client_held(&client, 140), -1);
        cr_assert_eq(ring_client_claim(&client, 99), 40);
}

Test(ring_view, words_that_no_agent_writes_condemn)
{
        struct ring_request request;

        view->shared->used = UINT64_MAX;
        for (uint32_t state = 0; state <= FL_SLOT_STATE_MASK; state++) {
                unsigned cursor = 0;
                int r;

                view->shared->slots[7].request = FL_SLOT_WORD(5, state);
                r = ring_view_take(view, &cursor, &request);
                if (state == FL_SLOT_SUBMITTED)
                        cr_assert_eq(r, 1);
                else
                        cr_assert_eq(r, state <= FL_SLOT_WITHDRAWN ? 0 : -EPROTO, "state %u", state);
        }
}

Test(ring_view, numbers_that_are_none)
{
        struct ring_request request;
        unsigned cursor = 0;

        submit(1, 0xffffffffu);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 1);
        cr_assert_eq(request.call.nr, -1);
}

Test(ring_view, forged_broker_words_change_nothing)
{
        struct ring_request request;
        unsigned cursor = 0;

        submit(1, 2);
        cr_assert_eq(ring_view_take(view, &cursor, &request), 1);
        /* Everything of the slot is overwritten while the broker works, the request's own word excepted. */
        view->shared->slots[0].reply_state = 0;
        view->shared->slots[0].answer = 0xffffffffu;
        view->shared->slots[0].nr = 99;
        view->shared->polling = 0;
        view->shared->owner = 1;
        cr_assert_eq(ring_view_take(view, &cursor, &request), 0);
        cr_assert_eq(request.call.nr, 2);
        ring_view_answer(view, &request, FL_ANSWER_RESULT, 5);
        cr_assert_eq(view->shared->slots[0].reply_state, FL_SLOT_WORD(1, FL_SLOT_DONE));
        cr_assert_eq(view->shared->slots[0].result, 5);
}
