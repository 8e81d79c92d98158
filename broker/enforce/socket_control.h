/* SPDX-License-Identifier: Apache-2.0 */
/* Ancillary data of the caller's messages, made sendable by the broker. */
#ifndef FLICKER_ENFORCE_SOCKET_CONTROL_H
#define FLICKER_ENFORCE_SOCKET_CONTROL_H

#include "broker/enforce/socket_address.h"

struct sendable_control {
        uint8_t *data; /* allocated copy: descriptors are the broker's */
        size_t size;
        int descriptors[REQUEST_RIGHTS_MAX];
        unsigned descriptor_count;
        bool credentials; /* the caller's are in it: to be sent with the broker's rights */
};

/*
 * Descriptors that the caller names are duplicated. Credentials (SCM_CREDENTIALS) have to be the caller's
 * own; they name its process, so that only a broker with privileges can send them, EPERM otherwise. Routes
 * through hosts that nobody judged are refused. On a Unix socket the caller's are added where it sends none
 * and the broker may. 0 or -errno; sendable_control_finish() in every case. The broker's own credentials are
 * restored by this.
 */
int sendable_control_prepare(struct operation *operation, const struct caller_socket *socket,
                             const struct request_message *message, struct sendable_control *control);
void sendable_control_finish(struct sendable_control *control);

#endif
