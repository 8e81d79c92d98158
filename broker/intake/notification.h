/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp listener: receiving notifications, asking whether one still lives, answering it. */
#ifndef FLICKER_INTAKE_NOTIFICATION_H
#define FLICKER_INTAKE_NOTIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/intake/decode.h"

struct notification {
        uint64_t id;
        pid_t tid;
        struct raw_call call;
};

/* Asks the kernel to wake the broker on the caller's own core (Linux 6.6); best effort. */
void notification_listener_setup(int listener);

/* Blocks. 0; -ENOENT where the notifier died meanwhile (try again); -EINTR; other -errno when the listener is
 * done for (no task uses the filter any more). */
int notification_receive(int listener, struct notification *ret_notification);

bool notification_alive(int listener, uint64_t id);

/* All answers: 0, or -ENOENT where the notifier is gone. */
int notification_answer(int listener, uint64_t id, int64_t result); /* value, or -errno in [-4095, -1] */
int notification_continue(int listener, uint64_t id);
/* Gives fd to the notifier and answers with its number there, or with the errno of its side (EMFILE). Closes
 * fd before the notifier runs on: it may execute the file, or wait for an end-of-file or a lock. */
int notification_give(int listener, const struct caller *caller, int fd, bool cloexec);

/* A caller as a notification tells. */
void notification_caller(int listener, const struct notification *notification, struct caller *ret_caller);

#endif
