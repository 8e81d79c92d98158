/* SPDX-License-Identifier: Apache-2.0 */
/* How long a blocking socket call of the caller may take: until it is interrupted, or its SO_SNDTIMEO is
 * over. */
#ifndef FLICKER_ENFORCE_SOCKET_WAIT_H
#define FLICKER_ENFORCE_SOCKET_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/enforce/operation.h"

struct socket_wait {
        bool limited;
        int64_t deadline_ns; /* CLOCK_MONOTONIC */
};

/* Starts waiting on the socket fd. */
void socket_wait_start(struct socket_wait *wait, int fd);

/* After the ticker interrupted a call: 0: call again. Else what the syscall returns, timeout_error (negative)
 * where the time is over. */
int socket_wait_again(struct operation *operation, struct socket_wait *wait, int timeout_error);

#endif
