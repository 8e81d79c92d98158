/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that blocks, as a rule in a worker of the blocking pool. The caller waits for its answer deaf to all
 * signals but deadly ones, so the broker listens for it: a timer interrupts this thread's syscall every
 * CALLER_POLL_MS (a signal whose handler does nothing and restarts nothing), and the worker looks whether the
 * caller has a signal to attend to.
 */
#ifndef FLICKER_ENFORCE_BLOCK_H
#define FLICKER_ENFORCE_BLOCK_H

#include <sys/types.h>

#include "broker/enforce/operation.h"
#include "broker/enforce/worker.h"

/* For worker_init() and worker_finish(). */
int ticker_init(struct worker_files *files);
void ticker_finish(struct worker_files *files);

/* From start to stop, syscalls of this thread that block fail with EINTR now and then. */
void ticker_start(struct worker *worker);
void ticker_stop(struct worker *worker);

/* The same after TICKER_BRIEF_US, for a worker that must not block and tries what is mostly done at once. */
void ticker_start_brief(struct worker *worker);
#define TICKER_BRIEF_US 200

/* openat(2) that gives up when caller_interrupted() says so. A descriptor or -errno. */
int block_open(struct operation *operation, int directory, const char *name, int flags, mode_t mode);

#endif
