/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sendto with an address, sendmsg and sendmmsg, on a duplicate of the caller's socket, with the broker's copy
 * of address, payload and ancillary data.
 *
 * A message longer than REQUEST_DATA_MAX is sent short on a stream, and is EMSGSIZE elsewhere. MSG_ZEROCOPY
 * answers ENOBUFS, upon which programs send without: the memory would be the broker's. A peer that wants
 * credentials with messages (SO_PASSCRED) is told the broker's process id, where that has no privileges.
 * (So the agent makes a sendto of what needs no broker: FL_HELLO_PLAIN_SENDS.)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/block.h"
#include "broker/enforce/socket_address.h"
#include "broker/enforce/socket_control.h"
#include "broker/enforce/socket_wait.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* Of a blocking stream: what is longer goes to a thread that may wait until all of it is sent. */
#define SEND_AT_ONCE_MAX 16384u

/* One message on its way. */
struct sending {
        struct operation *operation;
        struct caller_socket socket;
        const struct request_message *message;
        struct judged_address address;
        struct sendable_control control;
        bool has_address;
        bool blocking;
        size_t sent;
};

static bool is_stream(const struct sending *sending)
{
        return sending->socket.type == SOCK_STREAM;
}

/* One sendmsg(2) of what is left. Bytes, or -errno. */
static ssize_t send_rest(struct sending *sending, int flags)
{
        const struct request_message *message = sending->message;
        struct iovec piece = {message->data + sending->sent, message->data_size - sending->sent};
        struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
        ssize_t n;

        if (!message->data)
                piece.iov_base = NULL;
        if (sending->has_address) {
                header.msg_name = &sending->address.address;
                header.msg_namelen = sending->address.size;
        }
        /* Descriptors go with the first bytes. */
        if (sending->control.size && !sending->sent) {
                header.msg_control = sending->control.data;
                header.msg_controllen = sending->control.size;
        }
        n = sendmsg(sending->socket.fd, &header,
                    sending->operation->request->send_flags | MSG_NOSIGNAL | flags);
        return n < 0 ? -errno : n;
}

/* Waits as the caller would: until all of a stream's bytes, or the datagram, are gone. 0 or -errno. */
static int send_blocking(struct sending *sending)
{
        struct socket_wait wait;
        ssize_t n;

        socket_wait_start(&wait, sending->socket.fd);
        ticker_start(sending->operation->worker);
        for (;;) {
                n = send_rest(sending, 0);
                if (n >= 0) {
                        sending->sent += (size_t)n;
                        n = 0;
                        if (!is_stream(sending) || sending->sent == sending->message->data_size)
                                break;
                } else if (n != -EINTR) {
                        break;
                }
                n = socket_wait_again(sending->operation, &wait, -EAGAIN);
                if (n < 0)
                        break;
        }
        ticker_stop(sending->operation->worker);
        return n < 0 && !sending->sent ? (int)n : 0;
}

/* The signal that the kernel would have sent to the caller's thread. */
static void raise_pipe_signal(struct operation *operation)
{
        const struct caller_status *status;

        if (caller_status(operation, &status) == 0 && operation->caller->alive(operation->caller))
                syscall(SYS_tgkill, status->tgid, operation->caller->tid, SIGPIPE);
}

static int send_prepared(struct sending *sending)
{
        struct worker *worker = sending->operation->worker;
        ssize_t n;

        if (sending->blocking && worker->may_block)
                return send_blocking(sending);
        if (sending->blocking && is_stream(sending) && sending->message->data_size > SEND_AT_ONCE_MAX)
                return OPERATION_WOULD_BLOCK;
        n = send_rest(sending, MSG_DONTWAIT);
        if (n == -EAGAIN && sending->blocking)
                return OPERATION_WOULD_BLOCK;
        if (n < 0)
                return (int)n;
        sending->sent = (size_t)n;
        return 0;
}

/* Credentials of the caller can be sent by the broker itself only: it asks for the caller first. */
static int become_sender(struct sending *sending)
{
        struct operation *operation = sending->operation;
        char link[PLACE_LINK_MAX];

        if (!sending->control.credentials)
                return 0;
        if (sending->has_address && sending->address.has_place &&
            faccessat(AT_FDCWD, place_link(sending->address.place.fd, link), W_OK, AT_EACCESS) < 0)
                return -errno;
        credentials_restore(operation->worker);
        return 0;
}

static enum address_use address_use_of(const struct sending *sending)
{
        if (is_stream(sending) && (sending->operation->request->send_flags & MSG_FASTOPEN))
                return ADDRESS_CONNECT;
        return ADDRESS_SEND;
}

/* Is there an address to judge? Of Unix sockets, those with connections do not look at one, or say only that
 * they want none (net/unix/af_unix.c). */
static bool has_address_to_judge(struct sending *sending)
{
        static const struct judged_address any = {.address.ss_family = AF_UNIX, .size = sizeof(sa_family_t)};
        const struct request_message *message = sending->message;

        if (!message->has_address || sending->socket.family != AF_UNIX)
                return message->has_address;
        if (message->address_size > 0 && sending->socket.type == SOCK_STREAM) {
                sending->address = any;
                sending->has_address = true;
        }
        return message->address_size > 0 && sending->socket.type == SOCK_DGRAM;
}

/* Judges and sends one message. 0 and sending->sent; -errno; OPERATION_WOULD_BLOCK. */
static int send_one(struct sending *sending)
{
        struct operation *operation = sending->operation;
        const struct request_message *message = sending->message;
        int r;

        sending->has_address = false;
        sending->sent = 0;
        if (!is_stream(sending) && message->data_size >= REQUEST_DATA_MAX)
                return -EMSGSIZE;
        r = sendable_control_prepare(operation, &sending->socket, message, &sending->control);
        if (r == 0 && has_address_to_judge(sending)) {
                r = address_judge(operation, &sending->socket, address_use_of(sending), &message->address,
                                  message->address_size, &sending->address);
                sending->has_address = r == 0 && sending->address.size > 0;
        } else if (r == 0) {
                r = credentials_assume(operation);
        }
        if (r == 0)
                r = become_sender(sending);
        if (r == 0)
                r = send_prepared(sending);
        if (r == -EPIPE && is_stream(sending) && !(operation->request->send_flags & MSG_NOSIGNAL))
                raise_pipe_signal(operation);
        sendable_control_finish(&sending->control);
        if (sending->has_address)
                judged_address_finish(&sending->address);
        return r;
}

static void add_length(struct operation *operation, unsigned index, size_t length)
{
        uint32_t *output = malloc(sizeof *output);

        if (!output)
                return;
        *output = (uint32_t)length;
        reply_add_output(operation->reply, operation->request->lengths_address[index], output,
                         sizeof *output);
}

/* sendmmsg: as many as go; an error after the first is the next call's. */
static int send_all(struct sending *sending)
{
        struct operation *operation = sending->operation;
        const struct request *request = operation->request;

        for (unsigned i = 0; i < request->message_count; i++) {
                int r;

                sending->message = &request->messages[i];
                r = send_one(sending);
                if (r != 0 && i == 0)
                        return r;
                if (r != 0) {
                        operation_unjudge(operation, 0);
                        return 0;
                }
                add_length(operation, i, sending->sent);
                operation->reply->result = i + 1;
        }
        return 0;
}

int op_send(struct operation *operation)
{
        const struct request *request = operation->request;
        struct sending sending = {.operation = operation};
        int r;

        if (request->nr == SYS_sendto && !request->args[4]) {
                operation->reply->kind = REPLY_CONTINUE;
                operation->reply->why = "no address: the register says so";
                return 0;
        }
        if (request->send_flags & MSG_ZEROCOPY)
                return -ENOBUFS;
        r = caller_socket_open(operation, request->fd, &sending.socket);
        if (r < 0)
                return r;
        sending.blocking = !sending.socket.nonblocking && !(request->send_flags & MSG_DONTWAIT);
        if (request->is_sendmmsg) {
                r = send_all(&sending);
        } else {
                sending.message = &request->messages[0];
                r = send_one(&sending);
                operation->reply->result = (int64_t)sending.sent;
        }
        close(sending.socket.fd);
        return r;
}
