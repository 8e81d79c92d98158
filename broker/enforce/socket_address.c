/* SPDX-License-Identifier: Apache-2.0 */
/* Sources for what the kernel does with addresses: net/ipv4/{af_inet,tcp_ipv4,udp,datagram}.c, their
 * namesakes in net/ipv6, net/unix/af_unix.c; unix(7), ip(7), ipv6(7). */
#include "broker/enforce/socket_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/filter.h"
#include "broker/enforce/resolve.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define IN6_SIZE_MIN 24 /* SIN6_LEN_RFC2133: without a scope */

static int socket_option(int fd, int option, int *ret_value)
{
        socklen_t size = sizeof *ret_value;

        return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) < 0 ? -errno : 0;
}

int caller_socket_open(struct operation *operation, int number, struct caller_socket *ret_socket)
{
        struct caller_socket found;
        _cleanup_close_ int fd = -1;
        int r = 0, flags;

        if (number < 0)
                return -EBADF;
        fd = caller_descriptor(operation, number);
        if (fd < 0)
                return fd;
        r = socket_option(fd, SO_DOMAIN, &found.family);
        if (r == 0)
                r = socket_option(fd, SO_TYPE, &found.type);
        if (r == 0)
                r = socket_option(fd, SO_PROTOCOL, &found.protocol);
        if (r < 0)
                return r;
        flags = fcntl(fd, F_GETFL);
        if (flags < 0)
                return -errno;
        found.nonblocking = flags & O_NONBLOCK;
        found.fd = fd_take(&fd);
        *ret_socket = found;
        return 0;
}

void judged_address_finish(struct judged_address *address)
{
        if (address->has_place)
                place_finish(&address->place);
        address->has_place = false;
}

/* "bind tcp" and its kin, for explanations. protocol as policy_check_address() takes it. */
static const char *operation_name(enum address_use use, int protocol)
{
        static const char *const names[][3] = {
                [ADDRESS_BIND] = {"bind tcp", "bind udp", "bind unix"},
                [ADDRESS_CONNECT] = {"connect tcp", "connect udp", "connect unix"},
                [ADDRESS_SEND] = {"send tcp", "send udp", "send unix"},
        };

        return names[use][protocol == IPPROTO_TCP ? 0 : protocol == IPPROTO_UDP ? 1 : 2];
}

/* The protocols that policies speak of. -1: one that they do not. */
static int policy_protocol(const struct caller_socket *socket)
{
        if (socket->type == SOCK_STREAM &&
            (socket->protocol == IPPROTO_TCP || socket->protocol == IPPROTO_MPTCP))
                return IPPROTO_TCP;
        if (socket->type == SOCK_DGRAM &&
            (socket->protocol == IPPROTO_UDP || socket->protocol == IPPROTO_UDPLITE))
                return IPPROTO_UDP;
        return -1;
}

/* A kind of sockets that no network rule speaks of, and syscalls.allow grants: its addresses are not judged.
 */
static bool is_granted_kind(const struct operation *operation, const struct caller_socket *socket)
{
        const struct operations *operations = operation->worker->operations;
        const uint64_t args[6] = {(unsigned)socket->family, (unsigned)socket->type,
                                  (unsigned)socket->protocol};
        struct verdict verdict;

        scalar_check(operations->policy, operations->tiers, SYS_socket, args, &verdict);
        return verdict.outcome == VERDICT_ALLOW;
}

static struct sockaddr_in *as_in(struct judged_address *judged)
{
        return (struct sockaddr_in *)&judged->address;
}

static struct sockaddr_in6 *as_in6(struct judged_address *judged)
{
        return (struct sockaddr_in6 *)&judged->address;
}

static size_t describe_inet(struct judged_address *judged, char *text, size_t size)
{
        char host[INET6_ADDRSTRLEN] = "?";
        int length;

        if (judged->address.ss_family == AF_INET) {
                inet_ntop(AF_INET, &as_in(judged)->sin_addr, host, sizeof host);
                length = snprintf(text, size, "%s:%u", host, ntohs(as_in(judged)->sin_port));
        } else {
                inet_ntop(AF_INET6, &as_in6(judged)->sin6_addr, host, sizeof host);
                length = snprintf(text, size, "[%s]:%u", host, ntohs(as_in6(judged)->sin6_port));
        }
        return (size_t)length;
}

/* Asks the policy of an inet, or of an abstract, address. */
static int judge(struct operation *operation, enum address_use use, int protocol,
                 struct judged_address *judged, const char *unix_path, const char *object,
                 size_t object_length)
{
        struct verdict verdict;

        verdict.outcome = VERDICT_DENY;
        verdict.error = EACCES;
        verdict.rule = NULL;
        verdict.baseline = false;
        policy_check_address(operation->worker->operations->policy, use == ADDRESS_BIND, protocol,
                             &judged->address, judged->size, unix_path, &verdict);
        return operation_conclude(operation, &verdict, operation_name(use, protocol), NULL, object,
                                  object_length);
}

void address_check(struct operation *operation, const struct caller_socket *socket, enum address_use use,
                   const struct sockaddr_storage *address, socklen_t size, struct verdict *ret_verdict)
{
        ret_verdict->outcome = VERDICT_DENY;
        ret_verdict->rule = NULL;
        policy_check_address(operation->worker->operations->policy, use == ADDRESS_BIND,
                             socket->family == AF_UNIX ? 0 : policy_protocol(socket), address, size, NULL,
                             ret_verdict);
}

/* The address that the socket is bound to, where it is one of this family; else "any". */
static void bound_address(const struct caller_socket *socket, struct judged_address *ret_bound)
{
        struct judged_address bound = {.size = sizeof bound.address};

        if (getsockname(socket->fd, (struct sockaddr *)&bound.address, &bound.size) < 0)
                memset(&bound.address, 0, sizeof bound.address);
        ret_bound->address = bound.address;
}

/* 0.0.0.0 leads to the socket's own address, or to the loopback. */
static uint32_t any_leads_to(const struct caller_socket *socket)
{
        struct judged_address bound;
        const struct in6_addr *mapped;
        uint32_t address = 0;

        bound_address(socket, &bound);
        mapped = &as_in6(&bound)->sin6_addr;
        if (bound.address.ss_family == AF_INET)
                address = as_in(&bound)->sin_addr.s_addr;
        else if (bound.address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(mapped))
                memcpy(&address, &mapped->s6_addr[12], sizeof address);
        return address ? address : htonl(INADDR_LOOPBACK);
}

/* Writes out where "any" leads as a destination. */
static void settle_any(const struct caller_socket *socket, struct judged_address *judged)
{
        struct in6_addr *six = &as_in6(judged)->sin6_addr;
        struct judged_address bound;
        uint32_t four;

        if (judged->address.ss_family == AF_INET) {
                if (as_in(judged)->sin_addr.s_addr == htonl(INADDR_ANY))
                        as_in(judged)->sin_addr.s_addr = any_leads_to(socket);
                return;
        }
        bound_address(socket, &bound);
        if (IN6_IS_ADDR_UNSPECIFIED(six)) {
                *six = in6addr_loopback;
                if (bound.address.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&as_in6(&bound)->sin6_addr))
                        return;
                memset(six, 0, sizeof *six);
                six->s6_addr[10] = six->s6_addr[11] = 0xff;
        }
        memcpy(&four, &six->s6_addr[12], sizeof four);
        if (IN6_IS_ADDR_V4MAPPED(six) && four == htonl(INADDR_ANY)) {
                four = any_leads_to(socket);
                memcpy(&six->s6_addr[12], &four, sizeof four);
        }
}

/* AF_UNSPEC, which means something else in each place. 1: nothing is left to judge. */
static int settle_unspecified(const struct caller_socket *socket, enum address_use use,
                              struct judged_address *judged)
{
        if (use == ADDRESS_CONNECT)
                return 1; /* dissolves a connection */
        if (socket->family == AF_INET) {
                judged->address.ss_family = AF_INET;
                return use == ADDRESS_BIND && as_in(judged)->sin_addr.s_addr ? -EAFNOSUPPORT : 0;
        }
        if (use == ADDRESS_BIND)
                return -EAFNOSUPPORT;
        judged->size = 0; /* a connected socket's own peer */
        return 1;
}

static int judge_inet(struct operation *operation, const struct caller_socket *socket, enum address_use use,
                      struct judged_address *judged)
{
        int protocol = policy_protocol(socket);
        char text[INET6_ADDRSTRLEN + 16];
        int r = 0;

        if (judged->size < sizeof(sa_family_t))
                return -EINVAL;
        if (protocol < 0 && is_granted_kind(operation, socket))
                return 0;
        if (protocol == IPPROTO_TCP && use == ADDRESS_SEND &&
            !(operation->request->send_flags & MSG_FASTOPEN)) {
                judged->size = 0; /* a connected stream has one peer only */
                return 0;
        }
        if (judged->address.ss_family == AF_UNSPEC)
                r = settle_unspecified(socket, use, judged);
        if (r != 0)
                return r > 0 ? 0 : r;
        if (judged->address.ss_family != AF_INET && judged->address.ss_family != AF_INET6)
                return -EAFNOSUPPORT;
        if (judged->address.ss_family == AF_INET ? judged->size < sizeof(struct sockaddr_in)
                                                 : judged->size < IN6_SIZE_MIN)
                return -EINVAL;
        if (protocol < 0)
                return operation_refuse(operation, EACCES, "use of an address", NULL, "neither tcp nor udp",
                                        strlen("neither tcp nor udp"));
        if (use != ADDRESS_BIND)
                settle_any(socket, judged);
        return judge(operation, use, protocol, judged, NULL, text, describe_inet(judged, text, sizeof text));
}

static int judge_abstract(struct operation *operation, enum address_use use, struct judged_address *judged)
{
        const struct sockaddr_un *name = (const struct sockaddr_un *)&judged->address;
        size_t length = judged->size - UNIX_PATH_OFFSET;
        char text[sizeof name->sun_path];

        memcpy(text, name->sun_path, length);
        text[0] = '@';
        return judge(operation, use, 0, judged, NULL, text, length ? length : 1);
}

/* What is no socket has nobody behind it; the kernel says before that whether one may write to it. */
static int refuse_other(struct operation *operation, const struct place *place)
{
        char link[PLACE_LINK_MAX];
        int r = credentials_assume(operation);

        if (r < 0)
                return r;
        if (!place_is_own_fds(place) &&
            faccessat(AT_FDCWD, place_link(place->fd, link), W_OK, AT_EACCESS) < 0)
                return operation_unjudge(operation, errno);
        return operation_unjudge(operation, ECONNREFUSED);
}

/* Where a pathname leads, and whether it may. */
static int judge_pathname(struct operation *operation, enum address_use use, struct judged_address *judged)
{
        const struct sockaddr_un *name = (const struct sockaddr_un *)&judged->address;
        const char *operation_text = operation_name(use, 0);
        struct request_path path = {.fd = AT_FDCWD};
        struct place *place = &judged->place;
        char text[PLACE_PATH_MAX + 1];
        int r;

        path.length = strnlen(name->sun_path, judged->size - UNIX_PATH_OFFSET);
        memcpy(path.text, name->sun_path, path.length);
        path.text[path.length] = '\0';
        if (use == ADDRESS_BIND)
                r = resolve_name(operation, &path, place);
        else
                r = resolve_object(operation, &path, RESOLVE_FOLLOW, 0, place);
        if (r < 0)
                return r;
        judged->has_place = true;
        /* Hidden names are absent here, too; beyond that, sockets have rules of their own. */
        r = place_judge(operation, place, PATH_META, operation_text, NULL);
        if (r < 0)
                return r;
        if (use != ADDRESS_BIND && (place->anonymous || !S_ISSOCK(place->status.st_mode)))
                return refuse_other(operation, place);
        if (use == ADDRESS_BIND && place->dots)
                return operation_unjudge(operation, EADDRINUSE);
        memcpy(text, place->path, place->length);
        text[place->length] = '\0';
        return judge(operation, use, 0, judged, text, text, place->length);
}

/* The address of a pathname socket by the descriptor that was judged. */
static void set_link_address(struct judged_address *judged)
{
        struct sockaddr_un *name = (struct sockaddr_un *)&judged->address;
        char link[PLACE_LINK_MAX];

        memset(&judged->address, 0, sizeof judged->address);
        name->sun_family = AF_UNIX;
        snprintf(name->sun_path, sizeof name->sun_path, "%s", place_link(judged->place.fd, link));
        judged->size = (socklen_t)(UNIX_PATH_OFFSET + strlen(name->sun_path) + 1);
}

static int judge_unix(struct operation *operation, const struct caller_socket *socket, enum address_use use,
                      struct judged_address *judged)
{
        const struct sockaddr_un *name = (const struct sockaddr_un *)&judged->address;
        int r;

        if (use == ADDRESS_CONNECT && socket->type == SOCK_DGRAM && judged->size >= sizeof(sa_family_t) &&
            name->sun_family == AF_UNSPEC)
                return 0; /* dissolves a connection */
        if (judged->size < UNIX_PATH_OFFSET || judged->size > sizeof *name || name->sun_family != AF_UNIX)
                return -EINVAL;
        if (judged->size == UNIX_PATH_OFFSET && use != ADDRESS_BIND)
                return -EINVAL;
        /* Without a name the kernel picks an abstract one. */
        if (judged->size == UNIX_PATH_OFFSET || !name->sun_path[0])
                return judge_abstract(operation, use, judged);
        r = judge_pathname(operation, use, judged);
        if (r == 0 && use != ADDRESS_BIND)
                set_link_address(judged);
        return r;
}

int address_judge(struct operation *operation, const struct caller_socket *socket, enum address_use use,
                  const struct sockaddr_storage *address, socklen_t size, struct judged_address *ret_address)
{
        char family[32];
        int r;

        ret_address->address = *address;
        ret_address->size = size;
        ret_address->has_place = false;
        if (socket->family == AF_INET || socket->family == AF_INET6) {
                r = judge_inet(operation, socket, use, ret_address);
        } else if (socket->family == AF_UNIX) {
                r = judge_unix(operation, socket, use, ret_address);
        } else if (is_granted_kind(operation, socket)) {
                r = 0;
        } else {
                snprintf(family, sizeof family, "family %d", socket->family);
                r = operation_refuse(operation, EACCES, "use of an address", NULL, family, strlen(family));
        }
        if (r == 0)
                r = credentials_assume(operation);
        if (r < 0)
                judged_address_finish(ret_address);
        return r;
}
