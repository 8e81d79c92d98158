/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hands: carries out one checked request for a caller, as the caller (its directory, descriptors, umask,
 * credentials), after asking the policy where the operation really leads. The only input is the request,
 * which intake has copied and checked; the filesystem and the caller's descriptors may change at any time.
 */
#ifndef FLICKER_ENFORCE_OPERATIONS_H
#define FLICKER_ENFORCE_OPERATIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "broker/policy/policy.h"
#include "broker/policy/request.h"
#include "broker/policy/tiers.h"

struct credentials_watch;
struct ipc_objects;

/* The program that a process runs by way of the agent, for /proc/self/exe; filled by the session. */
struct program_lookup {
        /* Writes the path of the program that thread tid's process runs (NUL-terminated) and returns its
         * length, or 0 where the process does not run by way of the agent. */
        size_t (*exe_path)(void *context, pid_t tid, char *out, size_t size);
        /* Is process pid one of this sandbox? */
        bool (*is_member)(void *context, pid_t pid);
        void *context;
};

/* What every operation may use. One per session, read-only after start. */
struct operations {
        const struct policy *policy;
        const struct tiers *tiers;
        struct program_lookup programs;
        bool privileged; /* assume callers' credentials */
        int proc_fd;     /* O_PATH of /proc */
        /* Shared with the session, which notes changes in it (credentials.h). NULL: a privileged broker reads
         * every caller's credentials for every request. */
        struct credentials_watch *watch;
        /* Shared likewise: what the sandbox made of System V IPC and message queues (ipc_objects.h). */
        struct ipc_objects *ipc;
};

/* One broker thread that carries out operations. Not shared between threads. */
struct worker {
        const struct operations *operations;
        bool may_block; /* a thread of the blocking pool; otherwise such requests ask for one */
        struct credentials *credentials; /* whose they are now; internal */
        struct worker_files *files;      /* descriptors that a worker keeps; internal */
};

int worker_init(struct worker *worker, const struct operations *operations, bool may_block);
void worker_finish(struct worker *worker);

/* Carries out request; fills *reply in every case. Returns 0, or -EAGAIN where the request might block and
 * worker.may_block is false: nothing has been done then and the caller of this function hands it to a thread
 * that may. */
int operations_perform(struct worker *worker, const struct caller *caller, struct request *request,
                       struct reply *reply);

/* Opens the file that path leads to, for executing it: resolved for the caller, judged with access (PATH_EXEC
 * for programs and "#!" interpreters; PATH_READ for an ELF interpreter, which is content with an exec grant
 * too), a regular file on a mount without noexec, executable with the caller's credentials. 0; *ret_fd is
 * O_RDONLY|O_CLOEXEC, real_path (REQUEST_PATH_MAX bytes) where it is. -errno as execve(2) has it, with
 * *ret_verdict filled where the policy was asked (ret_verdict may be NULL). */
int operations_open_program(struct worker *worker, const struct caller *caller,
                            const struct request_path *path, unsigned at_flags, enum path_access access,
                            int *ret_fd, char *real_path, struct verdict *ret_verdict);

/* -ETXTBSY where the file is open for writing somewhere, else 0. For what an agent maps, which does not tell.
 * The kernel (Linux 6.14) does, without executing; it sets up a process for that, so it is not asked in vain.
 */
int operations_check_busy(int fd);

#endif
