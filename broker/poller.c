/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that polls rings. It runs only while requests come fast enough to pay for the second core: a
 * process that asks often by notification has its ring polled, and when nothing came for a while polling
 * stops. Episodes that did not pay make the next one harder to start.
 * The poller's lock guards nothing but its inbox.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/proc.h"
#include "broker/session_internal.h"

#define HOT_CALLS      8u         /* notifications of one process ... */
#define HOT_WINDOW_NS  1000000ull /* ... within this time make its ring worth polling */
#define IDLE_SPIN_NS   60000ull   /* polling stops when nothing came for so long */
#define PAYING_CALLS   16u        /* calls served by an episode that paid */
#define BACKOFF_MIN_NS 1000000ull
#define BACKOFF_MAX_NS 16000000ull /* a wasted episode costs 60 us: less than one percent of a core */
#define CLOCK_EVERY    64u         /* empty scans between two looks at the clock */

struct polled {
        struct process_ring *ring;
        struct caller caller;
        unsigned cursor;
};

struct poller {
        struct session *session;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wanted;
        struct process_ring *inbox[SESSION_POLL_RINGS];
        atomic_uint inbox_count; /* written with the lock held */
        atomic_bool stopping;
        atomic_ullong not_before_ns;
        atomic_int tid;
        cpu_set_t cpus;  /* that the broker may use */
        int avoided_cpu; /* the listener's: where the thread must not poll; -1: none yet */
        /* The thread's own. */
        struct polled rings[SESSION_POLL_RINGS];
        unsigned count;
        uint64_t served; /* in this episode */
        uint64_t backoff_ns;
};

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static bool ring_caller_alive(const struct caller *caller)
{
        struct pollfd pollfd = {.fd = caller->pidfd, .events = POLLIN};

        /* A thread that ended may have left its number to a thread of another process. */
        return poll(&pollfd, 1, 0) == 0 &&
               (caller->tid == caller->process || proc_is_thread(caller->process, caller->tid));
}

/* A short result goes back with the answer, so that nothing need be written into the process. */
static void output_over_ring(struct server *server, const struct polled *polled,
                             const struct ring_request *request)
{
        struct reply *reply = &server->reply;

        if (!request->takes_out || reply->output_count != 1 || reply->outputs[0].size < FL_SLOT_OUT_MIN ||
            reply->outputs[0].size > FL_SLOT_OUT_MAX)
                return;
        ring_view_output(polled->ring->view, request, reply->outputs[0].address, reply->outputs[0].data,
                         reply->outputs[0].size);
        reply_drop_outputs(reply);
}

static int64_t ring_result(struct server *server, const struct polled *polled,
                           const struct ring_request *request, uint32_t *ret_answer)
{
        struct reply *reply = &server->reply;

        *ret_answer = FL_ANSWER_NATIVE;
        if (reply->kind != REPLY_RESULT)
                return 0;
        output_over_ring(server, polled, request);
        if (!serve_finish(server, &polled->caller, "ring"))
                return 0;
        *ret_answer = FL_ANSWER_RESULT;
        return reply->result;
}

/* True where the ring may decide this call at all, and the slot's thread is one of its process's. */
static bool acceptable(const struct session *session, const struct polled *polled,
                       const struct ring_request *request)
{
        int nr = request->call.nr;

        if (nr < 0 || nr >= SYSCALLS_LIMIT || !(session->options.tiers->ring[nr / 64] & 1ull << (nr % 64)))
                return false;
        return request->tid == (uint32_t)polled->ring->pid ||
               (request->tid <= INT32_MAX && proc_is_thread(polled->ring->pid, (pid_t)request->tid));
}

static void serve_slot(struct poller *poller, struct server *server, struct polled *polled,
                       const struct ring_request *request)
{
        struct session *session = poller->session;
        uint32_t answer = FL_ANSWER_NATIVE;
        int64_t result = 0;

        if (acceptable(session, polled, request)) {
                polled->caller.tid = (pid_t)request->tid;
                /* What may block is the backstop's business. */
                if (!atomic_load(&polled->ring->suspended) &&
                    serve_call(server, &polled->caller, &request->call) == 0)
                        result = ring_result(server, polled, request, &answer);
        }
        atomic_fetch_add_explicit(answer == FL_ANSWER_RESULT ? &session->counters.ring
                                                             : &session->counters.ring_native,
                                  1, memory_order_relaxed);
        ring_view_answer(polled->ring->view, request, answer, result);
}

/* Serves what one ring has waiting; the number of calls. */
static unsigned serve_ring(struct poller *poller, struct server *server, struct polled *polled)
{
        struct ring_request request;
        unsigned served = 0;
        int r;

        while (served < FL_RING_SLOTS &&
               (r = ring_view_take(polled->ring->view, &polled->cursor, &request)) != 0) {
                if (r < 0) {
                        session_condemn(poller->session, "a process broke the ring's protocol",
                                        polled->ring->pid);
                        break;
                }
                serve_slot(poller, server, polled, &request);
                served++;
        }
        return served;
}

static void remove_ring(struct poller *poller, unsigned i)
{
        struct process_ring *ring = poller->rings[i].ring;

        poller->rings[i] = poller->rings[--poller->count];
        atomic_store(&ring->polled, false);
        process_ring_unref(ring);
}

static void stop_polling(struct poller *poller, struct server *server, unsigned i)
{
        struct polled *polled = &poller->rings[i];

        ring_view_set_polling(polled->ring->view, false);
        if (!atomic_load(&polled->ring->gone))
                serve_ring(poller, server, polled); /* Dekker partner of an agent that just submitted */
        remove_ring(poller, i);
}

static void end_episode(struct poller *poller, struct server *server)
{
        while (poller->count)
                stop_polling(poller, server, 0);
        if (poller->served >= PAYING_CALLS)
                poller->backoff_ns = 0;
        else
                poller->backoff_ns = poller->backoff_ns ? poller->backoff_ns * 2 : BACKOFF_MIN_NS;
        if (poller->backoff_ns > BACKOFF_MAX_NS)
                poller->backoff_ns = BACKOFF_MAX_NS;
        atomic_store(&poller->not_before_ns, now_ns() + poller->backoff_ns);
        poller->served = 0;
}

/* Starts polling what arrived. */
static void empty_inbox(struct poller *poller)
{
        pthread_mutex_lock(&poller->lock);
        for (unsigned i = 0; i < poller->inbox_count; i++) {
                struct process_ring *ring = poller->inbox[i];

                if (poller->count == SESSION_POLL_RINGS) {
                        atomic_store(&ring->polled, false);
                        process_ring_unref(ring);
                        continue;
                }
                poller->rings[poller->count++] = (struct polled){
                        .ring = ring,
                        .caller = {.tid = ring->pid,
                                   .via_ring = true,
                                   .pidfd = ring->pidfd,
                                   .process = ring->pid,
                                   .alive = ring_caller_alive},
                };
                ring_view_set_polling(ring->view, true);
        }
        poller->inbox_count = 0;
        pthread_mutex_unlock(&poller->lock);
}

/* One look at every ring; the number of calls served. */
static unsigned scan(struct poller *poller, struct server *server)
{
        unsigned served = 0;

        if (atomic_load_explicit(&poller->inbox_count, memory_order_relaxed))
                empty_inbox(poller);
        for (unsigned i = 0; i < poller->count; i++) {
                if (atomic_load_explicit(&poller->rings[i].ring->gone, memory_order_relaxed))
                        stop_polling(poller, server, i--);
                else
                        served += serve_ring(poller, server, &poller->rings[i]);
        }
        return served;
}

/* Spins until nothing came for IDLE_SPIN_NS. */
static void poll_rings(struct poller *poller, struct server *server)
{
        uint64_t last_ns = now_ns();
        unsigned empty = 0;

        while (!atomic_load_explicit(&poller->stopping, memory_order_relaxed)) {
                unsigned served = scan(poller, server);

                poller->served += served;
                if (served) {
                        empty = 0;
                        last_ns = 0; /* read the clock only when idle */
                } else if (++empty % CLOCK_EVERY == 0) {
                        uint64_t now = now_ns();

                        if (!last_ns)
                                last_ns = now;
                        if (now - last_ns > IDLE_SPIN_NS || !poller->count)
                                break;
                }
                __builtin_ia32_pause();
        }
        end_episode(poller, server);
}

static void wait_for_work(struct poller *poller)
{
        pthread_mutex_lock(&poller->lock);
        while (!poller->inbox_count && !poller->stopping)
                pthread_cond_wait(&poller->wanted, &poller->lock);
        pthread_mutex_unlock(&poller->lock);
}

static void *poller_main(void *argument)
{
        struct poller *poller = argument;
        struct server server;

        atomic_store(&poller->tid, gettid());
        if (server_init_thread(&server, poller->session, false) < 0)
                return NULL; /* nothing is ever polled: all comes by notification */
        for (;;) {
                wait_for_work(poller);
                if (poller->stopping)
                        break;
                poll_rings(poller, &server);
        }
        server_finish(&server);
        return NULL;
}

/* The listener runs on its caller's core (it is woken there), and a poller on that core would keep the caller
 * from asking. The scheduler may well pack them together, so the poller is kept off. With the lock held. */
static void keep_off(struct poller *poller, int cpu)
{
        cpu_set_t others = poller->cpus;

        if (cpu == poller->avoided_cpu)
                return;
        CPU_CLR(cpu, &others);
        if (sched_setaffinity(poller->tid, sizeof others, &others) == 0)
                poller->avoided_cpu = cpu;
}

static void want_polling(struct poller *poller, struct process_ring *ring)
{
        pthread_mutex_lock(&poller->lock);
        keep_off(poller, sched_getcpu());
        if (poller->inbox_count < SESSION_POLL_RINGS && !atomic_exchange(&ring->polled, true)) {
                atomic_fetch_add(&ring->references, 1);
                poller->inbox[poller->inbox_count++] = ring;
                pthread_cond_signal(&poller->wanted);
        }
        pthread_mutex_unlock(&poller->lock);
}

void poller_note(struct poller *poller, struct process *process)
{
        uint64_t now = now_ns();

        if (now - process->window_start_ns > HOT_WINDOW_NS) {
                process->window_start_ns = now;
                process->window_count = 0;
        }
        if (++process->window_count < HOT_CALLS)
                return;
        process->window_count = 0;
        if (now >= atomic_load(&poller->not_before_ns) && atomic_load(&poller->tid) &&
            !atomic_load(&process->ring->polled))
                want_polling(poller, process->ring);
}

int poller_create(struct session *session, struct poller **ret_poller)
{
        struct poller *poller = calloc(1, sizeof *poller);

        if (!poller)
                return -ENOMEM;
        poller->session = session;
        poller->avoided_cpu = -1;
        pthread_mutex_init(&poller->lock, NULL);
        pthread_cond_init(&poller->wanted, NULL);
        poller->cpus = session->cpus;
        if (pthread_create(&poller->thread, NULL, poller_main, poller) != 0) {
                free(poller);
                return -EAGAIN;
        }
        *ret_poller = poller;
        return 0;
}

void poller_destroy(struct poller *poller)
{
        if (!poller)
                return;
        pthread_mutex_lock(&poller->lock);
        atomic_store(&poller->stopping, true);
        pthread_cond_signal(&poller->wanted);
        pthread_mutex_unlock(&poller->lock);
        pthread_join(poller->thread, NULL);
        for (unsigned i = 0; i < poller->inbox_count; i++)
                process_ring_unref(poller->inbox[i]);
        pthread_mutex_destroy(&poller->lock);
        free(poller);
}
