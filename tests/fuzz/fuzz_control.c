/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guardian says to the broker, and the broker to the guardian. Input: messages, each a byte that
 * says from which side, one for its length, and as many bytes.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/run_control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

static void check_taken(enum control_side sender, const struct control_message *message, const uint8_t *data,
                        size_t length)
{
        int from_broker = message->kind == CONTROL_SIGNAL || message->kind == CONTROL_CONTINUE ||
                          message->kind == CONTROL_END;

        require(length == sizeof *message && memcmp(message, data, length) == 0);
        require(from_broker == (sender == CONTROL_BROKER));
        require(from_broker || message->kind == CONTROL_ENDED || message->kind == CONTROL_STOPPED);
        if (message->kind == CONTROL_SIGNAL || message->kind == CONTROL_STOPPED)
                require(message->value >= 1 && message->value <= SIGRTMAX);
        require(!message->flags ||
                (message->kind == CONTROL_SIGNAL && message->flags == CONTROL_IF_ELSEWHERE));
}

static void exchange(const int pair[2], enum control_side sender, const uint8_t *data, size_t length)
{
        struct control_message message;
        int r;

        memset(&message, 0xa5, sizeof message);
        require(send(pair[0], data, length, MSG_NOSIGNAL) == (ssize_t)length);
        r = run_control_receive(pair[1], sender, &message);
        if (r == 1)
                check_taken(sender, &message, data, length);
        else
                require(r == (length ? -EPROTO : -EPIPE) && message.kind == 0xa5a5a5a5);
        require(run_control_receive(pair[1], sender, &message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static int pair[2] = {-1, -1};

        if (pair[0] < 0)
                require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        while (size >= 2) {
                size_t length = data[1] < size - 2 ? data[1] : size - 2;

                exchange(pair, data[0] & 1 ? CONTROL_GUARDIAN : CONTROL_BROKER, data + 2, length);
                data += 2 + length;
                size -= 2 + length;
        }
        return 0;
}
