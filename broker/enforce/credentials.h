/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acting as the caller. A worker thread of a privileged broker takes the caller's effective and file-system
 * ids, supplementary groups and effective capabilities, by raw syscalls for this one thread (libc's wrappers
 * would change all threads), and keeps them until somebody else's are needed. Real and saved ids and
 * permitted capabilities stay the broker's: they are the way back, and they keep targets from signalling or
 * tracing the broker. An unprivileged broker has its callers' credentials anyway, and nothing here does
 * anything.
 */
#ifndef FLICKER_ENFORCE_CREDENTIALS_H
#define FLICKER_ENFORCE_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct credentials;
struct operation;
struct worker;

/*
 * Has any process of the sandbox changed its credentials? Until then all have those the broker started with,
 * and nothing has to be read. One per sandbox, shared by all workers. The session calls
 * credentials_watch_note() before it lets a REQUEST_CREDENTIALS go on (and before anything else that can
 * change credentials, at that moment or at the next exec: PR_CAPBSET_DROP, PR_SET_SECUREBITS,
 * PR_CAP_AMBIENT). It never goes back. Every further
 * change is noted as well, and before it happens.
 */
struct credentials_watch {
        unsigned changed; /* atomic: how often */
        bool execs_alike; /* atomic: while nothing changes, no exec changes anything */
};

void credentials_watch_note(struct credentials_watch *watch);

/* From here on this thread's syscalls act with the caller's credentials. 0 or -errno; after an error the
 * thread has the broker's own, and the operation must not go on. */
int credentials_assume(struct operation *operation);

/* May they do what a file's owner may? As inode_owner_or_capable() of the kernel. */
bool credentials_are_owners(const struct worker *worker, uid_t owner);

/* For what the broker has to do as itself meanwhile: were others assumed? Resumed where was_assumed. */
bool credentials_pause(struct worker *worker);
int credentials_resume(struct worker *worker, bool was_assumed);

/* Before an exec, which may change capabilities: a bounding set that was cut down takes effect then. */
void credentials_check_exec(struct operation *operation);

/* Back to the broker's own. Failure is a broken invariant of the broker and ends it. */
void credentials_restore(struct worker *worker);

/* This thread's capabilities, bit n for number n (capget(2)). 0 or -errno. */
int capabilities_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable);

/* For worker_init() and worker_finish(). */
int credentials_create(struct credentials **ret_credentials);
void credentials_destroy(struct credentials *credentials);

#endif
