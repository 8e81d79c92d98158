/* SPDX-License-Identifier: Apache-2.0 */
/* The policy grants a few ports to listen on. Ways to listen on another one, which no bind ever named. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attack.h"

#define PORT_LOW  47000
#define PORT_HIGH 47999

static volatile bool stop;

static unsigned port_of(int fd)
{
        struct sockaddr_in6 address = {0};
        socklen_t size = sizeof(address);

        return getsockname(fd, (struct sockaddr *)&address, &size) == 0 ? ntohs(address.sin6_port) : 0;
}

static bool is_listening(int fd)
{
        int value = 0;
        socklen_t size = sizeof(value);

        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value;
}

static void expect_granted(const char *what, int fd)
{
        unsigned port = port_of(fd);

        if (is_listening(fd) && (port < PORT_LOW || port > PORT_HIGH))
                escaped("%s: listens on port %u", what, port);
}

static int bind_granted(int fd, const char *host, unsigned port)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = inet_addr(host)};

        return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static void unbound(void)
{
        int four = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0), one = 1;

        (void)listen(four, 1);
        expect_granted("without a bind", four);
        if (six >= 0)
                (void)listen(six, 1);
        expect_granted("without a bind, IPv6", six);
        close(four);
        four = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(four, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof(one));
        (void)bind_granted(four, "127.0.0.1", 0);
        (void)listen(four, 1);
        expect_granted("bound without a port", four);
        close(four);
        close(six);
}

static int connect_granted(int fd)
{
        struct sockaddr_in peer = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(setting("PORT"))),
                                   .sin_addr.s_addr = inet_addr("127.0.0.1")};
        int r = connect(fd, (struct sockaddr *)&peer, sizeof(peer));

        if (r < 0)
                printf("the granted address is not reached: %s\n", strerror(errno));
        return r;
}

/* A socket loses the port that connecting gave it, with its connection. */
static void disconnected(void)
{
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        connect_granted(fd);
        (void)listen(fd, 1);
        expect_granted("while connected", fd);
        connect(fd, &none, sizeof(none));
        (void)listen(fd, 1);
        expect_granted("after a connection", fd);
        close(fd);
}

/* It goes on telling the lost port, and is given the same again where there is one only to be had. */
static void disconnected_and_back(void)
{
        struct sockaddr none = {.sa_family = AF_UNSPEC};

        for (uint32_t port = 50000; port < 50100; port++) {
                uint32_t range = port << 16 | port;
                int fd = socket(AF_INET, SOCK_STREAM, 0);

                setsockopt(fd, IPPROTO_IP, 51 /* IP_LOCAL_PORT_RANGE, Linux 6.3 */, &range, sizeof(range));
                if (connect_granted(fd) == 0) {
                        connect(fd, &none, sizeof(none));
                        (void)listen(fd, 1);
                        expect_granted("on the port of an earlier connection", fd);
                        close(fd);
                        return;
                }
                close(fd);
        }
}

/* Any port is granted but a few, and the kernel is left only those to pick from. */
static void picked_though_denied(void)
{
        for (uint32_t port = 50100; port < 50200; port++) {
                uint32_t range = port << 16 | port;
                int fd = socket(AF_INET, SOCK_STREAM, 0);

                setsockopt(fd, IPPROTO_IP, 51 /* IP_LOCAL_PORT_RANGE */, &range, sizeof(range));
                if (bind_granted(fd, "127.0.0.2", 0) == 0) {
                        (void)listen(fd, 1);
                        expect_granted("on a port that is denied", fd);
                        port = 50200;
                }
                close(fd);
        }
}

/* Who asks for credentials has a name from the moment of connecting, even where that fails. */
static void named_by_the_kernel(int type)
{
        struct sockaddr_un peer = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, type, 0), one = 1;

        snprintf(peer.sun_path, sizeof(peer.sun_path), "%s", in_dir("plain/datagram"));
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
        if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0 || errno != EPROTOTYPE)
                printf("not the connection that was to fail: %s\n", strerror(errno));
        (void)listen(fd, 1);
        if (is_listening(fd))
                escaped("listens by an abstract name");
        close(fd);
}

static void *exchange(void *sockets)
{
        const int *numbers = sockets;

        while (!stop) {
                dup2(numbers[0], numbers[2]);
                dup2(numbers[1], numbers[2]);
        }
        return NULL;
}

/* The descriptor means a bound socket when it is looked at, an unbound one when it is used. */
static void races(void)
{
        pthread_t thread;

        for (int i = 0; i < 50 && !attack_escapes; i++) {
                int numbers[] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0), 100};

                for (unsigned port = PORT_LOW; port < PORT_HIGH; port++)
                        if (bind_granted(numbers[0], "127.0.0.1", port) == 0)
                                break;
                dup2(numbers[0], numbers[2]);
                stop = false;
                pthread_create(&thread, NULL, exchange, numbers);
                for (int j = 0; j < 20; j++)
                        (void)listen(numbers[2], 1);
                stop = true;
                pthread_join(thread, NULL);
                expect_granted("a race on the descriptor", numbers[1]);
                for (int j = 0; j < 3; j++)
                        close(numbers[j]);
        }
}

static void granted(void)
{
        int fd = socket(AF_INET, SOCK_STREAM, 0), r = -1;

        for (unsigned port = PORT_LOW; r < 0 && port < PORT_HIGH; port++)
                r = bind_granted(fd, "127.0.0.1", port);
        if (r < 0 || listen(fd, 1) < 0 || !is_listening(fd)) {
                printf("ESCAPED? a granted port cannot be listened on: %s\n", strerror(errno));
                attack_escapes++;
        }
        close(fd);
}

int main(void)
{
        granted();
        unbound();
        disconnected();
        disconnected_and_back();
        picked_though_denied();
        named_by_the_kernel(SOCK_STREAM);
        named_by_the_kernel(SOCK_SEQPACKET);
        races();
        still_confined();
        return finished();
}
