/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_control.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>

void run_control_send(int socket, const struct control_message *message)
{
        send(socket, message, sizeof *message, MSG_NOSIGNAL);
}

static bool is_signal(int32_t value)
{
        return value > 0 && value < _NSIG;
}

/* Who may say what. */
static bool is_allowed(enum control_side sender, const struct control_message *message)
{
        switch (message->kind) {
        case CONTROL_ENDED:
                return sender == CONTROL_GUARDIAN && !message->flags;
        case CONTROL_STOPPED:
                return sender == CONTROL_GUARDIAN && !message->flags && is_signal(message->value);
        case CONTROL_SIGNAL:
                return sender == CONTROL_BROKER && is_signal(message->value) &&
                       !(message->flags & ~(uint32_t)CONTROL_IF_ELSEWHERE);
        case CONTROL_CONTINUE:
        case CONTROL_END:
                return sender == CONTROL_BROKER && !message->flags;
        default:
                return false;
        }
}

int run_control_receive(int socket, enum control_side sender, struct control_message *ret_message)
{
        struct control_message message;
        /* MSG_TRUNC: the length that was sent, should that be longer. */
        ssize_t n = recv(socket, &message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -EPIPE;
        if (n != (ssize_t)sizeof message || !is_allowed(sender, &message))
                return -EPROTO;
        *ret_message = message;
        return 1;
}
