/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/differential/judge.h"

enum use { BIND, CONNECT, SEND };

static socklen_t internet_address(const char *host, const char *port, struct sockaddr_storage *ret_address)
{
        struct sockaddr_in *four = (struct sockaddr_in *)ret_address;
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret_address;

        memset(ret_address, 0, sizeof *ret_address);
        if (strchr(host, ':')) {
                six->sin6_family = AF_INET6;
                six->sin6_port = htons((uint16_t)atoi(port));
                inet_pton(AF_INET6, host, &six->sin6_addr);
                return sizeof *six;
        }
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)atoi(port));
        inet_pton(AF_INET, host, &four->sin_addr);
        return sizeof *four;
}

static int use_address(int fd, enum use use, const struct sockaddr *address, socklen_t size)
{
        switch (use) {
        case BIND:
                return bind(fd, address, size);
        case CONNECT:
                return connect(fd, address, size);
        default:
                return (int)sendto(fd, "x", 1, MSG_DONTWAIT, address, size);
        }
}

static int ask_internet(int type, enum use use, const char *host, const char *port)
{
        struct sockaddr_storage address;
        socklen_t size = internet_address(host, port, &address);
        int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0), error = 0;

        if (fd < 0)
                return errno == EACCES ? EACCES : 0;
        if (use_address(fd, use, (struct sockaddr *)&address, size) < 0)
                error = errno == EACCES ? EACCES : 0;
        close(fd);
        return error;
}

int ask_bind_tcp(const char *host, const char *port)
{
        return ask_internet(SOCK_STREAM, BIND, host, port);
}

int ask_bind_udp(const char *host, const char *port)
{
        return ask_internet(SOCK_DGRAM, BIND, host, port);
}

int ask_connect_tcp(const char *host, const char *port)
{
        return ask_internet(SOCK_STREAM, CONNECT, host, port);
}

int ask_connect_udp(const char *host, const char *port)
{
        return ask_internet(SOCK_DGRAM, CONNECT, host, port);
}

int ask_send_udp(const char *host, const char *port)
{
        return ask_internet(SOCK_DGRAM, SEND, host, port);
}

/* "@NAME" is an abstract one. What was bound may be no file that the policy lets us remove: then it is there
 * the next time. */
static int ask_unix(enum use use, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;
        size_t length = strlen(path);

        if (fd < 0)
                return errno;
        memcpy(address.sun_path, path, length < sizeof address.sun_path ? length : sizeof address.sun_path);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        if (use_address(fd, use, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + length)) < 0)
                error = errno == ECONNREFUSED || errno == EADDRINUSE ? 0 : errno;
        else if (use == BIND && path[0] != '@')
                unlink(path);
        close(fd);
        return error;
}

int ask_bind_unix(const char *path, const char *other)
{
        (void)other;
        return ask_unix(BIND, path);
}

int ask_connect_unix(const char *path, const char *other)
{
        (void)other;
        return ask_unix(CONNECT, path);
}
