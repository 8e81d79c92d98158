/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind, connect and listen, on a duplicate of the caller's socket. What remains different from the native
 * call: a peer that asks for SO_PEERCRED of a brokered connection, or of a connection to a socket that the
 * broker made listen, is told the broker's process id (user and group are the caller's); nothing lets one
 * process act in the name of another.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/block.h"
#include "broker/enforce/socket_address.h"
#include "broker/enforce/socket_wait.h"

int op_bind(struct operation *operation)
{
        const struct request *request = operation->request;
        struct caller_socket socket = {.fd = -1};
        struct judged_address address;
        int r = caller_socket_open(operation, request->fd, &socket);

        if (r < 0)
                return r;
        r = address_judge(operation, &socket, ADDRESS_BIND, &request->address, request->address_size,
                          &address);
        if (r == 0) {
                if (address.has_place)
                        r = bind_pathname(operation, &socket, &address);
                else if (bind(socket.fd, (struct sockaddr *)&address.address, address.size) < 0)
                        r = -errno;
                judged_address_finish(&address);
        }
        close(socket.fd);
        return r;
}

/* Can connecting wait? Datagram sockets have nothing to wait for. */
static bool connect_may_block(const struct caller_socket *socket, const struct judged_address *address)
{
        return !socket->nonblocking && socket->type != SOCK_DGRAM && address->address.ss_family != AF_UNSPEC;
}

static int connect_once(const struct caller_socket *socket, const struct judged_address *address)
{
        return connect(socket->fd, (const struct sockaddr *)&address->address, address->size) < 0 ? -errno
                                                                                                  : 0;
}

/* Is the other side on this machine? Then a connection stands at once, unless the other side is overwhelmed.
 */
static bool is_near(const struct judged_address *address)
{
        const struct sockaddr_in *four = (const struct sockaddr_in *)&address->address;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address->address;

        if (address->address.ss_family == AF_INET)
                return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        if (address->address.ss_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
                       (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
                        six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
        return address->address.ss_family == AF_UNIX;
}

/* For a worker that must not block: a connection that takes longer is waited for by another, which calls
 * again. */
static int connect_briefly(struct operation *operation, const struct caller_socket *socket,
                           const struct judged_address *address)
{
        int r;

        if (!is_near(address))
                return OPERATION_WOULD_BLOCK;
        ticker_start_brief(operation->worker);
        r = connect_once(socket, address);
        ticker_stop(operation->worker);
        return r == -EINTR ? OPERATION_WOULD_BLOCK : r;
}

/*
 * Waits in connect(2) itself, interrupted now and then to see whether the caller should be. An interrupted
 * connect goes on in the background and is waited for by calling again (connect(2), EALREADY and EINTR).
 */
static int connect_blocking(struct operation *operation, const struct caller_socket *socket,
                            const struct judged_address *address)
{
        struct socket_wait wait;
        int r;

        socket_wait_start(&wait, socket->fd);
        ticker_start(operation->worker);
        for (;;) {
                r = connect_once(socket, address);
                if (r != -EINTR)
                        break;
                r = socket_wait_again(operation, &wait, socket->family == AF_UNIX ? -EAGAIN : -EINPROGRESS);
                if (r < 0)
                        break;
        }
        ticker_stop(operation->worker);
        return r;
}

int op_connect(struct operation *operation)
{
        const struct request *request = operation->request;
        struct caller_socket socket = {.fd = -1};
        struct judged_address address;
        int r = caller_socket_open(operation, request->fd, &socket);

        if (r < 0)
                return r;
        r = address_judge(operation, &socket, ADDRESS_CONNECT, &request->address, request->address_size,
                          &address);
        if (r == 0) {
                if (!connect_may_block(&socket, &address))
                        r = connect_once(&socket, &address);
                else if (!operation->worker->may_block)
                        r = connect_briefly(operation, &socket, &address);
                else
                        r = connect_blocking(operation, &socket, &address);
                judged_address_finish(&address);
        }
        close(socket.fd);
        return r;
}

/* Where a socket listens, or would. */
struct bound {
        struct sockaddr_storage address;
        socklen_t size;
        int listening;
};

static int bound_get(const struct caller_socket *socket, struct bound *ret_bound)
{
        socklen_t size = sizeof ret_bound->listening;

        *ret_bound = (struct bound){.size = sizeof ret_bound->address};
        if (getsockname(socket->fd, (struct sockaddr *)&ret_bound->address, &ret_bound->size) < 0 ||
            getsockopt(socket->fd, SOL_SOCKET, SO_ACCEPTCONN, &ret_bound->listening, &size) < 0)
                return -errno;
        return 0;
}

/* What one binds to so that the kernel picks the port, or the abstract name. */
static struct bound bound_any(const struct bound *bound)
{
        struct bound any = *bound;

        if (any.address.ss_family == AF_UNIX)
                any.size = UNIX_PATH_OFFSET;
        else
                ((struct sockaddr_in *)&any.address)->sin_port = 0; /* at the same place in sockaddr_in6 */
        return any;
}

/* By a pathname nobody listens who was not bound to it, and without a name nobody at all. */
static bool bound_is_judged(const struct bound *bound)
{
        return bound->address.ss_family != AF_UNIX ||
               (bound->size > UNIX_PATH_OFFSET && !((struct sockaddr_un *)&bound->address)->sun_path[0]);
}

/* As if bound to it now; or, where no rule speaks of it, to any: who may do that may have what the kernel
 * picks. */
static int bound_judge(struct operation *operation, const struct caller_socket *socket,
                       const struct bound *bound)
{
        const struct bound any = bound_any(bound);
        struct judged_address judged;
        struct verdict exact, of_any;
        int r;

        if (!bound_is_judged(bound))
                return 0;
        address_check(operation, socket, ADDRESS_BIND, &bound->address, bound->size, &exact);
        address_check(operation, socket, ADDRESS_BIND, &any.address, any.size, &of_any);
        if (exact.outcome != VERDICT_ALLOW && !exact.rule && of_any.outcome == VERDICT_ALLOW)
                bound = &any;
        r = address_judge(operation, socket, ADDRESS_BIND, &bound->address, bound->size, &judged);
        if (r == 0)
                judged_address_finish(&judged);
        return r;
}

/*
 * Not every address has been bound to. A TCP socket without a port gets one by listening, and so does one
 * that got its port by connecting: that goes with the connection, though getsockname(2) goes on telling it. A
 * Unix socket with SO_PASSCRED gets an abstract name by connecting. So the address is judged whatever it is,
 * and again where it turns out to be another. Only who listens there already need not be asked.
 */
static int listen_judged(struct operation *operation, const struct caller_socket *socket)
{
        struct bound before, after;
        int r = bound_get(socket, &before);

        if (r == 0 && !before.listening)
                r = bound_judge(operation, socket, &before);
        if (r < 0)
                return r;
        if (listen(socket->fd, operation->request->backlog) < 0)
                return -errno;
        r = bound_get(socket, &after);
        if (r == 0 && memcmp(&before.address, &after.address, sizeof after.address) != 0)
                r = bound_judge(operation, socket, &after);
        if (r < 0)
                shutdown(socket->fd, SHUT_RDWR);
        return r;
}

static bool has_judged_family(const struct caller_socket *socket)
{
        return socket->family == AF_INET || socket->family == AF_INET6 || socket->family == AF_UNIX;
}

int op_listen(struct operation *operation)
{
        struct caller_socket socket = {.fd = -1};
        int r = caller_socket_open(operation, operation->request->fd, &socket);

        if (r < 0)
                return r;
        r = credentials_assume(operation); /* those that SO_PEERCRED tells */
        if (r == 0 && socket.type != SOCK_DGRAM && has_judged_family(&socket))
                r = listen_judged(operation, &socket);
        else if (r == 0 && listen(socket.fd, operation->request->backlog) < 0)
                r = -errno;
        close(socket.fd);
        return r;
}
