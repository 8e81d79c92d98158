/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/socket_wait.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "broker/enforce/block.h"

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void socket_wait_start(struct socket_wait *wait, int fd)
{
        struct timeval timeout;
        socklen_t size = sizeof timeout;

        *wait = (struct socket_wait){0};
        if (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size) < 0 ||
            (!timeout.tv_sec && !timeout.tv_usec))
                return;
        if (timeout.tv_sec > INT32_MAX) /* not in this life */
                return;
        wait->limited = true;
        wait->deadline_ns = now_ns() + timeout.tv_sec * INT64_C(1000000000) + timeout.tv_usec * 1000;
}

int socket_wait_again(struct operation *operation, struct socket_wait *wait, int timeout_error)
{
        int r = ticker_interrupted(operation);

        /* A call with a time limit is not restarted (signal(7)). */
        if (r == -CALLER_ERESTARTSYS && wait->limited)
                return -EINTR;
        if (r < 0)
                return r;
        return wait->limited && now_ns() >= wait->deadline_ns ? timeout_error : 0;
}
