/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that blocks, as a rule in a worker of the blocking pool. The caller waits for its answer deaf to all
 * signals but deadly ones, so the broker listens for it: a timer interrupts this thread's syscall now and
 * then (a signal whose handler does nothing and restarts nothing), and the worker looks whether the caller
 * has a signal to attend to. The longer the wait, the longer from look to look, so that hundreds that wait
 * cost little: TICKER_FIRST_MS at first, then up to TICKER_LAST_MS, but no more than a quarter of the time
 * waited already.
 */
#ifndef FLICKER_ENFORCE_BLOCK_H
#define FLICKER_ENFORCE_BLOCK_H

#include <sys/types.h>

#include "broker/enforce/operation.h"
#include "broker/enforce/worker.h"

#define TICKER_FIRST_MS 20
#define TICKER_LAST_MS  160
#define TICKER_BRIEF_US 200

/* For worker_init() and worker_finish(). */
int ticker_init(struct ticker *ticker);
void ticker_finish(struct ticker *ticker);

/* From start to stop, syscalls of this thread that block fail with EINTR now and then. */
void ticker_start(struct worker *worker);
void ticker_stop(struct worker *worker);

/* After such an EINTR: what caller_interrupted() says. 0: wait again. */
int ticker_interrupted(struct operation *operation);

/* As ticker_start(), once TICKER_BRIEF_US have passed, for a worker that must not block and tries what is
 * mostly done at once. */
void ticker_start_brief(struct worker *worker);

/* Tries again what the ticker interrupts (-EINTR), until ticker_interrupted() says to give up. What attempt
 * returned: a value or -errno. */
int block_retry(struct operation *operation, int (*attempt)(const void *), const void *what);

/* openat(2) that gives up when ticker_interrupted() says so. A descriptor or -errno. */
int block_open(struct operation *operation, int directory, const char *name, int flags, mode_t mode);

#endif
