/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox from the broker's side: serves the seccomp listener and the rings of one sandbox until it ends.
 * Wiring only: intake decodes, enforce acts, policy decides.
 */
#ifndef FLICKER_SESSION_H
#define FLICKER_SESSION_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

#include "broker/base/err.h"
#include "broker/policy/policy.h"
#include "broker/policy/tiers.h"

struct ipc_objects;
struct session;

struct session_options {
        const struct policy *policy;
        const struct tiers *tiers;
        const char *agent_path;      /* the agent's executable; NULL without an agent */
        const char *scanner_path;    /* flicker-scan */
        const char *cache_directory; /* of patch plans; NULL: none */
        pid_t root;                  /* ancestor of every process of the sandbox (the guardian) */
        int audit_fd;                /* JSON lines, or -1 */
        struct ipc_objects *ipc;     /* shared with who clears them where this process is killed */
        bool quiet, verbose;         /* of refusals on standard error */
        bool warn;                   /* report, refuse nothing that the policy alone refuses */
        bool privileged;
        /* The cores that the program may use; session threads use them too. The first image that says hello
         * is set to them (it was started on one core). NULL: as this process. */
        const cpu_set_t *cpus;
};

int session_create(const struct session_options *options, struct session **ret_session, struct err *err);

/*
 * Serves listener (ownership passes). The first calls are served by the thread that polls session_calls_fd
 * (-1: it need not) and calls session_serve when it is readable or hung up: most programs make few, and a
 * thread for them would cost more than they do. Later ones are served by threads of the session's own.
 */
int session_start(struct session *session, int listener);
int session_calls_fd(const struct session *session);
void session_serve(struct session *session);

/* Ends service, prints the summary ("flicker: 2 operations denied"), frees. All processes of the sandbox
 * have to be gone, or be about to be killed: what is still asked fails. */
void session_destroy(struct session *session);

/* A broken invariant or protocol condemned the session (it must be ended by killing its processes): reason,
 * or NULL. condemned_fd becomes readable then. */
int session_condemned_fd(const struct session *session);
const char *session_condemned_reason(const struct session *session);

#endif
