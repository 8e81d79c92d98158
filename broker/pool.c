/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for requests that may block: made when none is idle, at most SESSION_BLOCKING_MAX. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/session_internal.h"
#include "proto/call.h"

#define IDLE_SECONDS 5 /* an idle thread ends after so long */

struct job {
        struct job *next;
        struct notification notification;
        struct caller caller;
        struct request *request;
};

struct pool {
        struct session *session;
        pthread_mutex_t lock;
        pthread_cond_t work, ended;
        struct job *head, **tail;
        unsigned threads, idle, waiting;
        bool stopping;
};

static void run(struct server *server, struct job *job)
{
        int r;

        request_finish(server->request);
        free(server->request);
        server->request = job->request;
        job->request = NULL;
        reply_finish(&server->reply);
        reply_init(&server->reply);

        if (job->notification.call.nr == FL_CALL_NR)
                r = agent_call(server, &job->caller, &job->notification.call);
        else
                r = operations_perform(&server->worker, &job->caller, server->request, &server->reply);
        if (r < 0)
                reply_result(&server->reply, r);
        listener_answer(server, &job->notification, &job->caller);
}

/* The next job, waiting for it; NULL when the thread should end. With the lock held. */
static struct job *next_job(struct pool *pool)
{
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += IDLE_SECONDS;
        while (!pool->head && !pool->stopping) {
                int r;

                pool->idle++;
                r = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
                pool->idle--;
                if (r == ETIMEDOUT && !pool->head)
                        return NULL;
        }
        if (pool->head && !pool->stopping) {
                struct job *job = pool->head;

                pool->head = job->next;
                if (!pool->head)
                        pool->tail = &pool->head;
                pool->waiting--;
                return job;
        }
        return NULL;
}

static void *pool_main(void *argument)
{
        struct pool *pool = argument;
        struct server server;
        bool ready = server_init_thread(&server, pool->session, true) == 0;
        struct job *job;

        pthread_mutex_lock(&pool->lock);
        while ((job = next_job(pool))) {
                pthread_mutex_unlock(&pool->lock);
                if (ready)
                        run(&server, job);
                else
                        notification_answer(pool->session->listener, job->notification.id, -ENOMEM);
                if (job->request) {
                        request_finish(job->request);
                        free(job->request);
                }
                free(job);
                pthread_mutex_lock(&pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
        if (ready)
                server_finish(&server);

        pthread_mutex_lock(&pool->lock);
        pool->threads--;
        pthread_cond_signal(&pool->ended);
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

int pool_create(struct session *session, struct pool **ret_pool)
{
        struct pool *pool = calloc(1, sizeof *pool);

        if (!pool)
                return -ENOMEM;
        pool->session = session;
        pool->tail = &pool->head;
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->work, NULL);
        pthread_cond_init(&pool->ended, NULL);
        *ret_pool = pool;
        return 0;
}

/* A thread more, if no idle one is left for the job just queued. With the lock held. */
static int ensure_thread(struct pool *pool)
{
        pthread_attr_t attributes;
        pthread_t thread;
        int r;

        if (pool->idle >= pool->waiting)
                return 0;
        if (pool->threads >= SESSION_BLOCKING_MAX)
                return -EAGAIN;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        r = pthread_create(&thread, &attributes, pool_main, pool);
        pthread_attr_destroy(&attributes);
        if (r)
                return -EAGAIN;
        pool->threads++;
        return 0;
}

static void append(struct pool *pool, struct job *job)
{
        job->next = NULL;
        *pool->tail = job;
        pool->tail = &job->next;
        pool->waiting++;
}

int pool_submit(struct pool *pool, struct server *server, const struct notification *notification,
                const struct caller *caller)
{
        struct job *job = calloc(1, sizeof *job);
        struct request *fresh = calloc(1, sizeof *fresh);
        int r;

        if (!job || !fresh) {
                free(job);
                free(fresh);
                return -ENOMEM;
        }
        job->notification = *notification;
        job->caller = *caller;

        pthread_mutex_lock(&pool->lock);
        pool->waiting++;
        r = pool->stopping ? -EAGAIN : ensure_thread(pool);
        pool->waiting--;
        if (r == 0) {
                request_init(fresh);
                job->request = server->request;
                server->request = fresh;
                append(pool, job);
                pthread_cond_signal(&pool->work);
        }
        pthread_mutex_unlock(&pool->lock);
        atomic_fetch_add_explicit(&pool->session->counters.blocking, 1, memory_order_relaxed);
        if (r < 0) {
                free(job);
                free(fresh);
        }
        return r;
}

void pool_destroy(struct pool *pool)
{
        if (!pool)
                return;
        pthread_mutex_lock(&pool->lock);
        pool->stopping = true;
        pthread_cond_broadcast(&pool->work);
        /* Blocked requests notice within a poll step that their caller is gone. */
        while (pool->threads)
                pthread_cond_wait(&pool->ended, &pool->lock);
        while (pool->head) {
                struct job *job = pool->head;

                pool->head = job->next;
                request_finish(job->request);
                free(job->request);
                free(job);
        }
        pthread_mutex_unlock(&pool->lock);
        free(pool);
}
