/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other ways to an address that is refused, or to one of a kind that nothing grants. The policy grants tcp to
 * 127.0.0.1 and refuses 127.0.0.3; it grants no bind, no udp, no unix socket but beneath DIR.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attack.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static unsigned short port;

static struct sockaddr_in ipv4(const char *host)
{
        return (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(host)};
}

static void tcp(void)
{
        struct sockaddr_in good = ipv4("127.0.0.1"), bad = ipv4("127.0.0.3");
        struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&good, sizeof(good)) < 0)
                printf("the granted address is not reached: %s\n", strerror(errno));
        close(fd);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&bad, sizeof(bad)) == 0)
                escaped("connect to a refused address");
        if (sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&bad, sizeof(bad)) >= 0)
                escaped("TCP fast open to a refused address");
        struct iovec part = {"x", 1};
        struct msghdr message = {
                .msg_name = &bad, .msg_namelen = sizeof(bad), .msg_iov = &part, .msg_iovlen = 1};
        if (sendmsg(fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL) >= 0)
                escaped("TCP fast open by sendmsg");
        struct mmsghdr many = {.msg_hdr = message};
        if (sendmmsg(fd, &many, 1, MSG_FASTOPEN | MSG_NOSIGNAL) > 0)
                escaped("TCP fast open by sendmmsg");
        close(fd);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one));
        if (connect(fd, (struct sockaddr *)&bad, sizeof(bad)) == 0)
                escaped("connect with TCP_FASTOPEN_CONNECT");
        close(fd);
        fd = socket(AF_INET6, SOCK_STREAM, 0);
        inet_pton(AF_INET6, "::ffff:127.0.0.3", &mapped.sin6_addr);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)) == 0)
                escaped("an IPv4 address in IPv6 clothes");
        close(fd);
        fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&bad, sizeof(bad)) == 0)
                escaped("MPTCP to a refused address");
        close(fd);
}

static void listening(void)
{
        struct sockaddr_in any = {.sin_family = AF_INET};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0)
                escaped("bind without a grant");
        if (listen(fd, 1) == 0)
                escaped("listen on a socket that was never bound takes a port of the kernel's choice");
        close(fd);
}

static void families(void)
{
        static const struct {
                int family, type, protocol;
                const char *name;
        } kinds[] = {{AF_INET, SOCK_DGRAM, 0, "udp"},        {AF_INET6, SOCK_DGRAM, 0, "udp, IPv6"},
                     {AF_INET, SOCK_RAW, 1, "raw"},          {AF_PACKET, SOCK_RAW, 0, "packet"},
                     {AF_INET, SOCK_DGRAM, 1, "ping"},       {38, SOCK_SEQPACKET, 0, "AF_ALG"},
                     {40, SOCK_STREAM, 0, "AF_VSOCK"},       {AF_INET, SOCK_STREAM, 132, "SCTP"},
                     {AF_INET, SOCK_SEQPACKET, 132, "SCTP"}, {44, SOCK_RAW, 0, "AF_XDP"},
                     {AF_INET, SOCK_DGRAM, 136, "udplite"},  {31, SOCK_RAW, 1, "bluetooth"}};

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                int fd = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
                if (fd >= 0)
                        escaped("a socket of kind %s", kinds[i].name);
                close(fd);
        }
}

static void unix_sockets(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct iovec part = {"x", 1};
        struct msghdr message = {
                .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
        int stream = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", setting("SOCKET"));
        if (stream >= 0 && connect(stream, (struct sockaddr *)&address, sizeof(address)) == 0)
                escaped("a Unix socket that nothing grants");
        (void)!symlink(setting("SOCKET"), in_dir("socket-link"));
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("socket-link"));
        if (stream >= 0 && connect(stream, (struct sockaddr *)&address, sizeof(address)) == 0)
                escaped("a Unix socket by a link from where it is granted");
        snprintf(address.sun_path, sizeof(address.sun_path), "%s.datagram", setting("SOCKET"));
        if (datagram >= 0 && sendto(datagram, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) >= 0)
                escaped("a datagram to a Unix socket that nothing grants");
        if (datagram >= 0 && sendmsg(datagram, &message, 0) >= 0)
                escaped("a message to a Unix socket that nothing grants");
        int length =
                snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "flicker-attack-%d", getpid());
        address.sun_path[0] = 0;
        if (stream >= 0 &&
            bind(stream, (struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
                escaped("an abstract socket is bound without a grant");
        close(stream);
        close(datagram);
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0) {
                snprintf(address.sun_path, sizeof(address.sun_path), "%s.datagram", setting("SOCKET"));
                if (sendto(pair[0], "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) >= 0)
                        escaped("a datagram out of a socket pair");
                if (sendmsg(pair[0], &message, 0) >= 0)
                        escaped("a message out of a socket pair");
                struct mmsghdr many = {.msg_hdr = message};
                if (sendmmsg(pair[0], &many, 1, 0) > 0)
                        escaped("messages out of a socket pair");
        }
}

int main(void)
{
        port = (unsigned short)atoi(setting("PORT"));
        tcp();
        listening();
        families();
        unix_sockets();
        still_confined();
        return finished();
}
