/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of the ring against each other: agent threads ask, one broker thread takes, answers, falls
 * asleep and wakes up at random. Every request is carried out exactly once where its answer is a result, and
 * never where it is to run natively; generations start just below their wrap-around. A program of its own,
 * without the test framework: that does not run under TSan.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/ring_client.c"
#include "broker/intake/ring_view.h"

#define AGENTS          2u
#define CALLS_PER_AGENT 20000u
#define CALLS           (AGENTS * CALLS_PER_AGENT)

#define CHECK(condition)                                                                                     \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
                        abort();                                                                             \
                }                                                                                            \
        } while (0)

static struct ring_view *view;
static struct ring_client client;
static atomic_uint executed[CALLS];
static atomic_uint waits, results, natives;
static atomic_bool agents_done;

void ring_client_wait(uint32_t *word, uint32_t expected)
{
        atomic_fetch_add(&waits, 1);
        syscall(SYS_futex, word, FUTEX_WAIT, expected, NULL, NULL, 0);
}

int64_t ring_client_deliver(uint64_t address, const uint64_t *bytes, uint32_t size)
{
        for (uint32_t i = 0; i < size / 8; i++)
                ((uint64_t *)(uintptr_t)address)[i] = fl_load_once_64(&bytes[i]);
        return 0;
}

static uint32_t random_next(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        return *state;
}

static int64_t answer_of(const struct ring_request *request)
{
        uint64_t sum = request->tid * 3u + (uint64_t)request->call.nr;

        for (unsigned i = 0; i < 6; i++)
                sum = sum * 31 + request->call.args[i];
        return (int64_t)sum;
}

/* As the agent's gate does it, holder a number of the calling thread's own. */
static enum ring_client_outcome call_over_ring(const struct ring_request *call,
                                               const struct ring_client_payload *payload, uint64_t holder,
                                               int64_t *ret_result)
{
        enum ring_client_outcome outcome;
        uint32_t generation;
        int slot;

        if (!ring_client_hot(&client) || (slot = ring_client_claim(&client, holder)) < 0)
                return RING_CLIENT_NATIVE;
        CHECK(ring_client_held(&client, holder) == slot);
        generation = ring_client_generation(&client, (unsigned)slot);
        CHECK(!ring_client_submitted(&client, (unsigned)slot, generation));
        ring_client_submit(&client, (unsigned)slot, generation, call->tid, (uint32_t)call->call.nr,
                           call->call.args, payload);
        CHECK(ring_client_submitted(&client, (unsigned)slot, generation));
        outcome = ring_client_await(&client, (unsigned)slot, generation);
        /* A handler may have come in between: asked again, nothing changes. */
        if (call->tid % 8 == 0)
                CHECK(ring_client_await(&client, (unsigned)slot, generation) == outcome);
        if (outcome == RING_CLIENT_RESULT)
                *ret_result = ring_client_take(&client, (unsigned)slot);
        ring_client_release(&client, (unsigned)slot);
        return outcome;
}

static void agent_call(uint32_t id, uint32_t *random)
{
        struct ring_request expected = {.tid = id ^ 0x5555u, .call.nr = (int)(id % 400)};
        struct ring_client_payload payload = {.takes_out = true};
        enum ring_client_outcome outcome;
        char text[32];
        uint64_t out[2] = {0};
        int64_t result = -1;

        payload.size = 1 + (uint32_t)snprintf(text, sizeof text, "/path/%u", id);
        payload.text = text;
        expected.call.args[0] = id;
        expected.call.args[1] = (uintptr_t)out;
        for (unsigned i = 2; i < 6; i++)
                expected.call.args[i] = random_next(random);
        outcome = call_over_ring(&expected, &payload, 1 + id, &result);
        if (outcome == RING_CLIENT_RESULT) {
                atomic_fetch_add(&results, 1);
                CHECK(result == answer_of(&expected));
                CHECK(atomic_load(&executed[id]) == 1);
                CHECK(out[0] == expected.call.args[2] && out[1] == expected.call.args[3]);
        } else {
                atomic_fetch_add(&natives, 1);
                CHECK(atomic_load(&executed[id]) == 0);
                atomic_store(&executed[id], 100); /* once more would show at the end */
        }
}

/* Mostly asks while somebody polls: what runs natively anyway teaches little. */
static void await_polling(uint32_t *random)
{
        if (random_next(random) % 16 == 0)
                return;
        for (unsigned i = 0; i < 1000 && !ring_client_hot(&client); i++)
                sched_yield();
}

static void *agent_run(void *index)
{
        uint32_t first = (uint32_t)(uintptr_t)index * CALLS_PER_AGENT, random = 88172645u + first;

        for (uint32_t i = 0; i < CALLS_PER_AGENT; i++) {
                await_polling(&random);
                agent_call(first + i, &random);
                if (random_next(&random) % 64 == 0)
                        sched_yield();
        }
        return NULL;
}

static void broker_execute(const struct ring_request *request, uint32_t *random)
{
        char text[32];

        if (random_next(random) % 16 == 0) {
                ring_view_answer(view, request, FL_ANSWER_NATIVE, 0);
                return;
        }
        CHECK(request->call.args[0] < CALLS);
        snprintf(text, sizeof text, "/path/%u", (unsigned)request->call.args[0]);
        CHECK(request->takes_out && request->call.text && strcmp(request->call.text, text) == 0);
        atomic_fetch_add(&executed[request->call.args[0]], 1);
        if (random_next(random) % 32 == 0)
                usleep(random_next(random) % 200);
        ring_view_output(view, request, request->call.args[1], &request->call.args[2], 16);
        ring_view_answer(view, request, FL_ANSWER_RESULT, answer_of(request));
}

/* Serves up to most looks at the ring; 0 looks: what is there, as after polling was turned off. */
static void broker_serve(unsigned *cursor, unsigned looks, uint32_t *random)
{
        struct ring_request request;

        for (unsigned i = 0; i < looks; i++) {
                int r = ring_view_take(view, cursor, &request);

                CHECK(r >= 0);
                if (r > 0)
                        broker_execute(&request, random);
        }
}

static void broker_drain(unsigned *cursor, uint32_t *random)
{
        struct ring_request request;

        for (unsigned i = 0; i < FL_RING_SLOTS; i++) {
                if (ring_view_take(view, cursor, &request) <= 0)
                        return;
                broker_execute(&request, random);
        }
}

static void *broker_run(void *unused)
{
        uint32_t random = 2463534242u;
        unsigned cursor = 63;

        (void)unused;
        while (!atomic_load(&agents_done)) {
                ring_view_set_polling(view, true);
                broker_serve(&cursor, random_next(&random) % 3000, &random);
                ring_view_set_polling(view, false);
                broker_drain(&cursor, &random);
                if (random_next(&random) % 2)
                        sched_yield();
                else
                        usleep(random_next(&random) % 100);
        }
        return NULL;
}

int main(void)
{
        pthread_t agents[AGENTS], broker;

        CHECK(ring_view_create(getpid(), &view) == 0);
        ring_client_attach(&client, view->shared, 20000);
        for (unsigned i = 0; i < FL_RING_SLOTS; i++)
                client.ring->slots[i].request = FL_SLOT_WORD(GENERATION_MASK - 50, FL_SLOT_WITHDRAWN);
        pthread_create(&broker, NULL, broker_run, NULL);
        for (unsigned i = 0; i < AGENTS; i++)
                pthread_create(&agents[i], NULL, agent_run, (void *)(uintptr_t)i);
        for (unsigned i = 0; i < AGENTS; i++)
                pthread_join(agents[i], NULL);
        atomic_store(&agents_done, true);
        pthread_join(broker, NULL);

        for (unsigned i = 0; i < CALLS; i++)
                CHECK(atomic_load(&executed[i]) == 1 || atomic_load(&executed[i]) == 100);
        CHECK(atomic_load(&results) + atomic_load(&natives) == CALLS);
        CHECK(atomic_load(&results) > 0);
        printf("%u results, %u native, %u sleeps\n", results, natives, waits);
        ring_view_destroy(view);
        return 0;
}
