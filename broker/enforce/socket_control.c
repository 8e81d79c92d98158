/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over messages is that of __scm_send() of net/core/scm.c; cmsg(3), unix(7). */
#include "broker/enforce/socket_control.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sendable_control_finish(struct sendable_control *control)
{
        for (unsigned i = 0; i < control->descriptor_count; i++)
                close(control->descriptors[i]);
        control->descriptor_count = 0;
        free(control->data);
        control->data = NULL;
}

/* The numbers at data become the broker's. */
static int translate_rights(struct operation *operation, uint8_t *data, size_t size,
                            struct sendable_control *control)
{
        size_t count = size / sizeof(int);

        if (count > REQUEST_RIGHTS_MAX - control->descriptor_count)
                return -EINVAL;
        for (size_t i = 0; i < count; i++) {
                int number, copy;

                memcpy(&number, data + i * sizeof number, sizeof number);
                copy = number < 0 ? -EBADF : caller_descriptor(operation, number);
                if (copy < 0)
                        return copy;
                control->descriptors[control->descriptor_count++] = copy;
                memcpy(data + i * sizeof copy, &copy, sizeof copy);
        }
        return 0;
}

static int check_credentials(struct operation *operation, const uint8_t *data, size_t size,
                             struct sendable_control *control)
{
        static const char object[] = "credentials that name its process";
        const struct caller_status *status;
        struct ucred claimed;
        int r;

        if (size != sizeof claimed)
                return -EINVAL;
        memcpy(&claimed, data, sizeof claimed);
        r = caller_status(operation, &status);
        if (r < 0)
                return r;
        if (claimed.pid != status->tgid ||
            (claimed.uid != status->uid.real && claimed.uid != status->uid.effective &&
             claimed.uid != status->uid.saved) ||
            (claimed.gid != status->gid.real && claimed.gid != status->gid.effective &&
             claimed.gid != status->gid.saved))
                return -EPERM;
        if (!operation->worker->operations->privileged)
                return operation_refuse(operation, EPERM, "send unix", NULL, object, sizeof object - 1);
        control->credentials = true;
        return 0;
}

static int refuse_route(struct operation *operation)
{
        static const char object[] = "by a route of its own";

        return operation_refuse(operation, EPERM, "send", NULL, object, sizeof object - 1);
}

static int prepare_one(struct operation *operation, const struct caller_socket *socket,
                       const struct cmsghdr *header, uint8_t *data, struct sendable_control *control)
{
        size_t size = header->cmsg_len - sizeof *header;
        bool inet = socket->family == AF_INET || socket->family == AF_INET6;

        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
                return translate_rights(operation, data, size, control);
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS && !inet)
                return check_credentials(operation, data, size, control);
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RETOPTS)
                return refuse_route(operation);
        if (header->cmsg_level == IPPROTO_IPV6 &&
            (header->cmsg_type == IPV6_RTHDR || header->cmsg_type == IPV6_2292RTHDR))
                return refuse_route(operation);
        return 0;
}

/* The kernel would tell a peer that asks (SO_PASSCRED) who sends; of what the broker sends it has to be told.
 * Behind the messages, which end at end. Without privileges, or for a caller that is gone, the peer hears of
 * the broker. 0 or -ENOMEM. */
static int add_credentials(struct operation *operation, size_t end, struct sendable_control *control)
{
        const struct caller_status *status;
        struct cmsghdr header = {.cmsg_len = CMSG_LEN(sizeof(struct ucred)),
                                 .cmsg_level = SOL_SOCKET,
                                 .cmsg_type = SCM_CREDENTIALS};
        struct ucred caller;
        uint8_t *data;

        if (!operation->worker->operations->privileged || caller_status(operation, &status) < 0)
                return 0;
        data = calloc(1, end + CMSG_SPACE(sizeof caller));
        if (!data)
                return -ENOMEM;
        caller = (struct ucred){status->tgid, status->uid.real, status->gid.real};
        if (control->size)
                memcpy(data, control->data, end < control->size ? end : control->size);
        memcpy(data + end, &header, sizeof header);
        memcpy(data + end + sizeof header, &caller, sizeof caller);
        free(control->data);
        control->data = data;
        control->size = end + CMSG_SPACE(sizeof caller);
        control->credentials = true;
        return 0;
}

int sendable_control_prepare(struct operation *operation, const struct caller_socket *socket,
                             const struct request_message *message, struct sendable_control *control)
{
        size_t size = message->control_size, at = 0;

        control->data = NULL;
        control->size = size;
        control->descriptor_count = 0;
        control->credentials = false;
        control->data = size ? malloc(size) : NULL;
        if (size && !control->data)
                return -ENOMEM;
        if (size)
                memcpy(control->data, message->control, size);
        while (at < size && size - at >= sizeof(struct cmsghdr)) {
                struct cmsghdr header;
                int r;

                memcpy(&header, control->data + at, sizeof header);
                if (header.cmsg_len < sizeof header || header.cmsg_len > size - at)
                        return -EINVAL;
                r = prepare_one(operation, socket, &header, control->data + at + sizeof header, control);
                if (r < 0)
                        return r;
                at += CMSG_ALIGN(header.cmsg_len);
        }
        return socket->family == AF_UNIX && !control->credentials ? add_credentials(operation, at, control)
                                                                  : 0;
}
