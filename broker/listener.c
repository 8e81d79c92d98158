/* SPDX-License-Identifier: Apache-2.0 */
/* Receives every notification of a sandbox, on one thread. That never waits for anything but the next one:
 * what may block goes to the pool. */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/session_internal.h"
#include "proto/call.h"

void listener_answer(struct server *server, const struct notification *notification,
                     const struct caller *caller)
{
        int listener = server->session->listener;
        struct reply *reply = &server->reply;

        if (!serve_finish(server, caller, "notify"))
                return;
        switch (reply->kind) {
        case REPLY_RESULT:
                notification_answer(listener, notification->id, reply->result);
                return;
        case REPLY_DESCRIPTOR:
                notification_give(listener, caller, fd_take(&reply->fd), reply->fd_cloexec);
                return;
        case REPLY_CONTINUE:
                notification_continue(listener, notification->id);
                return;
        case REPLY_NATIVE: /* the ring's answer only; here it would be a way round the policy */
        case REPLY_KILL:
                break;
        }
        notification_answer(listener, notification->id, -EACCES);
}

static int serve_notification(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        if (call->nr == FL_CALL_NR)
                return agent_call(server, caller, call);
        if (call->nr == SYS_execve || call->nr == SYS_execveat) {
                server->execs++;
                image_exec(server, caller, call);
                return 0;
        }
        if (image_describe(server, caller, call))
                return 0;
        return serve_call(server, caller, call);
}

/* A call that could have come over the ring: tells the poller, which may start polling. */
static void note_for_ring(struct session *session, const struct caller *caller, int nr)
{
        const struct tiers *tiers = session->options.tiers;
        struct process *process;

        if (!session->poller || nr < 0 || nr >= SYSCALLS_LIMIT || !(tiers->ring[nr / 64] & 1ull << (nr % 64)))
                return;
        pthread_mutex_lock(&session->processes.lock);
        process = process_peek(&session->processes, caller->tid);
        if (process && process->ring)
                poller_note(session->poller, process);
        pthread_mutex_unlock(&session->processes.lock);
}

static void handle(struct server *server, const struct notification *notification)
{
        struct session *session = server->session;
        struct caller caller;

        atomic_fetch_add_explicit(&session->counters.notified, 1, memory_order_relaxed);
        notification_caller(session->listener, notification, &caller);
        if (!image_verify(session, &caller, &notification->call))
                return;
        if (serve_notification(server, &caller, &notification->call) == -EAGAIN) {
                if (pool_submit(session->pool, server, notification, &caller) == 0)
                        return;
                reply_finish(&server->reply);
                reply_init(&server->reply);
                reply_result(&server->reply, -EAGAIN);
        }
        listener_answer(server, notification, &caller);
        note_for_ring(session, &caller, notification->call.nr);
}

int listener_serve(struct server *server)
{
        struct notification notification;
        int r = notification_receive(server->session->listener, &notification);

        if (r == -ENOENT || r == -EINTR)
                return 0;
        if (r == 0)
                handle(server, &notification);
        return r;
}

void *listener_main(void *argument)
{
        struct session *session = argument;
        struct server server;

        if (server_init_thread(&server, session, false) < 0) {
                session_condemn(session, "the broker has no memory for its listener", 0);
                return NULL;
        }
        while (!session->stopping && listener_serve(&server) == 0)
                ;
        server_finish(&server);
        return NULL;
}
