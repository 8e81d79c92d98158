/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's sockets, and where an address that it gives leads. The address that is judged is the one that
 * the kernel gets, with what the kernel would read into it already written out (AF_UNSPEC, the address
 * "any"), so that nothing about the socket that changes meanwhile changes its meaning.
 */
#ifndef FLICKER_ENFORCE_SOCKET_ADDRESS_H
#define FLICKER_ENFORCE_SOCKET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "broker/enforce/operation.h"
#include "broker/enforce/place.h"

#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

/* A duplicate of the caller's socket, and what the kernel says of it. */
struct caller_socket {
        int fd; /* close it */
        int family, type, protocol;
        bool nonblocking;
};

/* -EBADF, -ENOTSOCK, -ESRCH. The broker's own credentials are restored by this. */
int caller_socket_open(struct operation *operation, int number, struct caller_socket *ret_socket);

enum address_use { ADDRESS_BIND, ADDRESS_CONNECT, ADDRESS_SEND };

/* An address that was judged, ready for the kernel. */
struct judged_address {
        struct sockaddr_storage address;
        socklen_t size;     /* 0: the kernel would take no notice of an address here */
        struct place place; /* a pathname socket: the object, or (bind) the directory and the name */
        bool has_place;
};

/*
 * Judges the address for use on the socket. 0 and *ret_address (judged_address_finish() it); or -errno:
 * refused by the policy, or as the kernel would. Assumes the caller's credentials, which stay assumed.
 */
int address_judge(struct operation *operation, const struct caller_socket *socket, enum address_use use,
                  const struct sockaddr_storage *address, socklen_t size, struct judged_address *ret_address);
/* What the policy says of it: outcome and rule. Of internet and abstract addresses; nothing is recorded. */
void address_check(struct operation *operation, const struct caller_socket *socket, enum address_use use,
                   const struct sockaddr_storage *address, socklen_t size, struct verdict *ret_verdict);
void judged_address_finish(struct judged_address *address);

/* Binds the socket to a pathname, exactly as the caller wrote it: other programs see that name. The thread
 * that does it can make sockets nowhere but beneath the directory that was judged. 0 or -errno. */
int bind_pathname(struct operation *operation, const struct caller_socket *socket,
                  const struct judged_address *address);

#endif
