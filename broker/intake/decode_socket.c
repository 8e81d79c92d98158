/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses and messages, as net/socket.c takes them. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "broker/intake/decode_internal.h"
#include "broker/intake/target_memory.h"

#define VECTOR_MAX        1024u                  /* UIO_MAXIOV */
#define MESSAGES_DATA_MAX (REQUEST_DATA_MAX * 4) /* of all messages of one sendmmsg */
#define COMPAT_FLAG       0x80000000u            /* MSG_CMSG_COMPAT: the kernel's own */

/* The target's struct msghdr and struct mmsghdr. */
struct target_message {
        uint64_t name;
        int32_t name_size;
        uint32_t pad;
        uint64_t vector;
        uint64_t vector_count;
        uint64_t control;
        uint64_t control_size;
        uint32_t flags;
        uint32_t pad_2;
};
struct target_messages {
        struct target_message message;
        uint32_t length;
        uint32_t pad;
};
_Static_assert(sizeof(struct target_message) == 56, "struct msghdr");
_Static_assert(sizeof(struct target_messages) == 64, "struct mmsghdr");

/* As move_addr_to_kernel(). */
static int read_address(struct decoding *decoding, uint64_t address, int size,
                        struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
        int r;

        if (size < 0 || (size_t)size > sizeof *ret_address)
                return -EINVAL;
        memset(ret_address, 0, sizeof *ret_address);
        r = decoding_read(decoding, address, ret_address, (size_t)size);
        if (r == 0)
                *ret_size = (socklen_t)size;
        return r;
}

int decode_socket_address(struct decoding *decoding)
{
        struct request *request = decoding->request;

        request->fd = arg_int(decoding, 0);
        return read_address(decoding, arg(decoding, 1), arg_int(decoding, 2), &request->address,
                            &request->address_size);
}

int decode_listen(struct decoding *decoding)
{
        decoding->request->fd = arg_int(decoding, 0);
        decoding->request->backlog = arg_int(decoding, 1);
        return 0;
}

static int messages_create(struct decoding *decoding, unsigned count)
{
        struct request *request = decoding->request;

        request->fd = arg_int(decoding, 0);
        request->messages = calloc(count ? count : 1, sizeof *request->messages);
        return request->messages ? 0 : -ENOMEM;
}

/* Payload of size bytes (at most limit of it) from the pieces of a vector. The rest is sent short, where the
 * socket's kind allows that. */
static int read_payload(struct decoding *decoding, const struct iovec *vector, unsigned count, size_t size,
                        size_t limit, struct request_message *message)
{
        int r;

        if (size > limit)
                size = limit;
        if (size == 0)
                return 0;
        message->data = malloc(size);
        if (!message->data)
                return -ENOMEM;
        decoding->touched = true;
        r = target_read_vector(decoding->caller->tid, vector, count, message->data, size);
        if (r == 0)
                message->data_size = size;
        return r;
}

int decode_sendto(struct decoding *decoding)
{
        struct request *request = decoding->request;
        struct iovec piece = {(void *)(uintptr_t)arg(decoding, 1), arg(decoding, 2)};
        struct request_message *message;
        uint64_t address = arg(decoding, 4);
        int r = messages_create(decoding, 1);

        if (r < 0)
                return r;
        request->send_flags = arg_int(decoding, 3);
        message = &request->messages[request->message_count++];
        if (address) {
                r = read_address(decoding, address, arg_int(decoding, 5), &message->address,
                                 &message->address_size);
                message->has_address = r == 0;
        }
        return r < 0 ? r : read_payload(decoding, &piece, 1, piece.iov_len, REQUEST_DATA_MAX, message);
}

static int read_vector(struct decoding *decoding, const struct target_message *from, size_t limit,
                       struct request_message *message)
{
        struct iovec vector[VECTOR_MAX];
        size_t size = 0;
        int r;

        if (from->vector_count > VECTOR_MAX)
                return -EMSGSIZE;
        r = decoding_read(decoding, from->vector, vector, from->vector_count * sizeof vector[0]);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < from->vector_count; i++) {
                if (vector[i].iov_len > SSIZE_MAX)
                        return -EINVAL;
                size += vector[i].iov_len;
                if (size > SSIZE_MAX)
                        size = SSIZE_MAX; /* as many times as it takes: no wrap */
        }
        return read_payload(decoding, vector, (unsigned)from->vector_count, size, limit, message);
}

static int read_control(struct decoding *decoding, const struct target_message *from,
                        struct request_message *message)
{
        int r;

        if (from->control_size > REQUEST_CONTROL_MAX)
                return -ENOBUFS;
        if (from->control_size == 0 || !from->control)
                return 0;
        message->control = malloc(from->control_size);
        if (!message->control)
                return -ENOMEM;
        r = decoding_read(decoding, from->control, message->control, from->control_size);
        if (r == 0)
                message->control_size = from->control_size;
        return r;
}

/* As ___sys_sendmsg(), with limit for the payload. */
static int read_message(struct decoding *decoding, const struct target_message *from, size_t limit,
                        struct request_message *message)
{
        int name_size = from->name_size;
        int r = 0;

        if (name_size < 0)
                return -EINVAL;
        if ((size_t)name_size > sizeof message->address)
                name_size = sizeof message->address;
        if (from->name && name_size > 0) {
                r = read_address(decoding, from->name, name_size, &message->address, &message->address_size);
                message->has_address = r == 0;
        }
        if (r == 0)
                r = read_vector(decoding, from, limit, message);
        return r < 0 ? r : read_control(decoding, from, message);
}

int decode_sendmsg(struct decoding *decoding)
{
        struct request *request = decoding->request;
        struct target_message from;
        uint32_t flags = arg_unsigned(decoding, 2);
        int r;

        if (flags & COMPAT_FLAG)
                return -EINVAL;
        request->send_flags = (int)flags;
        r = messages_create(decoding, 1);
        if (r == 0)
                r = decoding_read(decoding, arg(decoding, 1), &from, sizeof from);
        if (r < 0)
                return r;
        return read_message(decoding, &from, REQUEST_DATA_MAX, &request->messages[request->message_count++]);
}

/* One of several messages: a fault ends the series, and is an error only for the first. */
static int read_messages(struct decoding *decoding, unsigned count)
{
        struct request *request = decoding->request;
        size_t total = 0;

        for (unsigned i = 0; i < count && total < MESSAGES_DATA_MAX; i++) {
                uint64_t address = arg(decoding, 1) + i * sizeof(struct target_messages);
                struct request_message *message = &request->messages[request->message_count];
                struct target_messages from;
                int r = decoding_read(decoding, address, &from, sizeof from);

                if (r == 0) {
                        request->message_count++; /* from here on request_finish() frees it */
                        r = read_message(decoding, &from.message, REQUEST_DATA_MAX, message);
                }
                if (r < 0 && i == 0)
                        return r;
                if (r < 0) {
                        if (request->message_count > i) {
                                free(message->data);
                                free(message->control);
                                request->message_count = i;
                        }
                        return 0;
                }
                request->lengths_address[i] = address + offsetof(struct target_messages, length);
                total += message->data_size;
        }
        return 0;
}

int decode_sendmmsg(struct decoding *decoding)
{
        struct request *request = decoding->request;
        uint32_t count = arg_unsigned(decoding, 2), flags = arg_unsigned(decoding, 3);
        int r;

        if (flags & COMPAT_FLAG)
                return -EINVAL;
        if (count > REQUEST_MESSAGES_MAX)
                count = REQUEST_MESSAGES_MAX;
        request->send_flags = (int)flags;
        request->is_sendmmsg = true;
        r = messages_create(decoding, count);
        return r < 0 ? r : read_messages(decoding, count);
}
