/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a session share: session.c (life), serve.c (one call, whichever way it came), listener.c
 * (notifications), image.c (exec), agent_calls.c (what agents ask), poller.c (rings), pool.c (what may
 * block). */
#ifndef FLICKER_SESSION_INTERNAL_H
#define FLICKER_SESSION_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "broker/enforce/credentials.h"
#include "broker/enforce/ipc_objects.h"
#include "broker/enforce/operations.h"
#include "broker/images.h"
#include "broker/intake/decode.h"
#include "broker/intake/notification.h"
#include "broker/plan/plan_store.h"
#include "broker/process.h"
#include "broker/report.h"
#include "broker/session.h"

#define SESSION_BLOCKING_MAX 256 /* requests that wait at the same time; more fail with EAGAIN */
/* Served by session_serve, on the core that all was started on: no more calls than that, and no more execs
 * than starting a script with an agent takes. Who starts other programs gets on to other cores by that, and
 * whoever serves is to follow. */
#define SESSION_FIRST_CALLS 32
#define SESSION_FIRST_EXECS 3
#define SESSION_POLL_RINGS  64 /* rings polled at the same time */

struct poller;
struct pool;

/* One broker thread that serves calls. */
struct server {
        struct session *session;
        struct worker worker;
        struct request *request; /* allocated: handed on where it has to wait */
        struct reply reply;
        unsigned execs; /* judged by it */
};

struct session {
        struct session_options options;
        struct operations operations;
        struct credentials_watch credentials_watch;
        struct process_table processes;
        struct images images; /* under the table's lock */
        struct reporter *reporter;
        struct plan_store *plans;
        dev_t agent_device;
        ino_t agent_inode;
        int listener;
        int condemned_fd;
        char condemned_reason[256];
        atomic_bool condemned, stopping;
        struct server first; /* of session_serve */
        bool first_serves;
        unsigned first_calls;
        pthread_t listener_thread;
        bool listener_started;
        cpu_set_t cpus;
        bool cpus_given_back;  /* of who serves the listener */
        bool may_poll;         /* rings are of use: there is an agent, and more than one core */
        struct poller *poller; /* made by who serves the listener when the first process wants a ring */
        struct pool *pool;
        struct {
                atomic_ulong notified, ring, ring_native, blocking;
        } counters;
};

int server_init(struct server *server, struct session *session, bool may_block);
/* The same, at the start of a thread: which inherited the cores of who made it. */
int server_init_thread(struct server *server, struct session *session, bool may_block);
void server_finish(struct server *server);

/* serve.c */

/* Decides and does one call for caller; server->reply has the outcome. -EAGAIN: it may block and this server
 * must not; server->request is decoded then. */
int serve_call(struct server *server, const struct caller *caller, const struct raw_call *call);
/* syscalls.deny and syscalls.kill. True: refused, the reply is filled. */
bool serve_refused(struct server *server, const struct caller *caller, const struct raw_call *call);
/* Explains, kills where the policy wants that, writes outputs. After it, reply.kind and .result hold what the
 * caller gets. False: the caller's process was killed, there is no one to answer. */
bool serve_finish(struct server *server, const struct caller *caller, const char *way);
/* Kills the process of a caller that is still alive. */
void serve_kill(const struct caller *caller);

/* listener.c */
void *listener_main(void *session);
/* Waits for one notification and serves it. Negative: none can come any more. */
int listener_serve(struct server *server);
/* Finishes a notification whose reply stands in server->reply. */
void listener_answer(struct server *server, const struct notification *notification,
                     const struct caller *caller);

/* image.c */

/* Before anything else is done for a caller: is its image one that was approved? False: it was killed. */
bool image_verify(struct session *session, const struct caller *caller, const struct raw_call *call);
/* execve and execveat, as a notification. */
void image_exec(struct server *server, const struct caller *caller, const struct raw_call *call);
/* Where this is the one prctl by which an agent describes the program (agent/describe.h): true, answered. */
bool image_describe(struct server *server, const struct caller *caller, const struct raw_call *call);
/* The approval that waits for a new image of the agent, or NULL. With the table lock held. */
struct pending_exec *image_exec_by_agent(const struct process *process);
bool image_is_agent(const struct session *session, dev_t device, ino_t inode);
size_t image_exe_path(void *session, pid_t tid, char *out, size_t size);

/* agent_calls.c */

/* FL_CALL_NR. -EAGAIN as serve_call (a plan that has to be made first). */
int agent_call(struct server *server, const struct caller *caller, const struct raw_call *call);

/* pool.c */
int pool_create(struct session *session, struct pool **ret_pool);
void pool_destroy(struct pool *pool);
/* Takes over server->request (the server gets a new one). -EAGAIN where too many wait already. */
int pool_submit(struct pool *pool, struct server *server, const struct notification *notification,
                const struct caller *caller);

/* poller.c */
/* Only where there are two cores: on one, the agent that waits and the broker that answers would take turns.
 */
int poller_create(struct session *session, struct poller **ret_poller);
void poller_destroy(struct poller *poller);
/* A ring-eligible call of process came as a notification: worth polling its ring? Table lock held. */
void poller_note(struct poller *poller, struct process *process);

/* Ends the sandbox: the main program is told through condemned_fd. The first reason stays. */
void session_condemn(struct session *session, const char *reason, pid_t pid);

#endif
