/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between the broker and the guardian (SOCK_SEQPACKET). Each side takes only what the other may
 * say: neither is to be a way into the other. */
#ifndef FLICKER_CLI_RUN_CONTROL_H
#define FLICKER_CLI_RUN_CONTROL_H

#include <stdint.h>

enum control_kind {
        CONTROL_ENDED = 1, /* guardian: the program ended; value is its wait status */
        CONTROL_STOPPED,   /* guardian: it was stopped by signal value */
        CONTROL_SIGNAL,    /* broker: send signal value to the program; flags, info */
        CONTROL_CONTINUE,  /* broker: wake the program should it be stopped still */
        CONTROL_END,       /* broker: end the sandbox now */
};

enum control_flags {
        CONTROL_IF_ELSEWHERE = 1u << 0, /* only if the program has left flicker-run's process group */
};

enum control_side { CONTROL_BROKER, CONTROL_GUARDIAN };

struct control_message {
        uint32_t kind;
        uint32_t flags;
        int32_t value;
        int32_t code;   /* si_code of the signal to forward */
        int64_t number; /* si_value of a queued one */
        int32_t pid, uid;
};

/* Where the other side is gone, its poll says so. */
void run_control_send(int socket, const struct control_message *message);

/* Without waiting. 1: *ret_message is one that sender may send; 0: none is there; -EPIPE where the other side
 * is gone, -EPROTO where it says what it may not, or another -errno of recv(2). */
int run_control_receive(int socket, enum control_side sender, struct control_message *ret_message);

#endif
