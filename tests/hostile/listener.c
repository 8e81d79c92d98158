/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attacks would like to reach, outside the sandbox: listener SOCKET LEAKS. Listens on a free port of
 * every loopback address, on the Unix socket that is named, on an abstract one of the same name, and with
 * datagrams on SOCKET.datagram and on the port of 127.0.0.3. Whoever connects to SOCKET is handed descriptors
 * (see attack_received.c). It connects by itself to dir/bound/service beside SOCKET, where that is (see
 * attack_peers.c). What arrives although every policy refuses it, signals among it, is written to LEAKS.
 * Prints the port; lives until standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GIVEN 5

static const char *leaks;
static int given[GIVEN];

static void leak(const char *what)
{
        FILE *file = fopen(leaks, "a");

        if (!file)
                return;
        fprintf(file, "%s\n", what);
        fclose(file);
}

static void on_signal(int number)
{
        char text[] = "a signal: 00\n";
        int fd = open(leaks, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);

        text[10] += (char)(number / 10);
        text[11] += (char)(number % 10);
        (void)!write(fd, text, sizeof(text) - 1);
        close(fd);
}

/* All but those by which a terminal, or who started us, may speak to us. */
static void catch_signals(void)
{
        static const int others[] = {SIGTERM, SIGINT,  SIGHUP,  SIGQUIT, SIGPIPE, SIGCHLD,
                                     SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};
        struct sigaction action = {.sa_handler = on_signal};

        for (int number = 1; number <= SIGRTMAX; number++) {
                bool other = false;

                for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                        other = other || others[i] == number;
                if (!other)
                        sigaction(number, &action, NULL);
        }
        signal(SIGPIPE, SIG_IGN);
}

static int unix_socket(const char *path, int type)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t size = sizeof(address);
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (path[0] == '@') {
                size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
                address.sun_path[0] = 0;
        }
        if (bind(fd, (struct sockaddr *)&address, size) < 0)
                return -1;
        if (type == SOCK_STREAM && listen(fd, 64) < 0)
                return -1;
        return fd;
}

static int internet_socket(int type, const char *host, unsigned short *port)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = inet_addr(host)};
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
            (type == SOCK_STREAM && listen(fd, 1024) < 0) ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                return -1;
        *port = ntohs(address.sin_port);
        return fd;
}

/* The directory around SOCKET, the same as a path, a file that no policy grants, and sockets that can send to
 * any name. */
static void prepare_gifts(const char *path)
{
        char copy[4096], file[4200];

        snprintf(copy, sizeof(copy), "%s", path);
        dirname(copy);
        snprintf(file, sizeof(file), "%s/policy.json", copy);
        given[0] = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        given[1] = open(copy, O_PATH | O_CLOEXEC);
        given[2] = open(file, O_RDONLY | O_CLOEXEC);
        given[3] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        given[4] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void give(int client)
{
        union {
                char bytes[CMSG_SPACE(sizeof(given))];
                struct cmsghdr header;
        } control = {.bytes = {0}};
        struct iovec part = {"x", 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};

        control.header.cmsg_len = CMSG_LEN(sizeof(given));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), given, sizeof(given));
        sendmsg(client, &message, MSG_NOSIGNAL);
        close(client);
}

static void accept_internet(int listener)
{
        struct sockaddr_in address;
        socklen_t size = sizeof(address);
        int client = accept(listener, NULL, NULL);

        if (client < 0)
                return;
        if (getsockname(client, (struct sockaddr *)&address, &size) == 0 &&
            address.sin_addr.s_addr == inet_addr("127.0.0.3"))
                leak("a connection to a refused address");
        close(client);
}

static void serve(const struct pollfd *wait, int which)
{
        static const char *const what[] = {"",
                                           "",
                                           "",
                                           "a connection to an abstract name",
                                           "a datagram to a Unix socket",
                                           "a datagram to a refused address"};
        char bytes[64];
        int client;

        if (which == 1) {
                accept_internet(wait->fd);
        } else if (which <= 3) {
                client = accept(wait->fd, NULL, NULL);
                if (client >= 0 && which == 3)
                        leak(what[3]);
                if (client >= 0)
                        give(client);
        } else if (recv(wait->fd, bytes, sizeof(bytes), 0) >= 0) {
                leak(what[which]);
        }
}

/* Calls where the sandbox may listen; the connection stays until the next one. */
static void call(const char *socket_path)
{
        static int held = -1;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char copy[4096];

        snprintf(copy, sizeof(copy), "%s", socket_path);
        snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/dir/bound/service", dirname(copy));
        close(held);
        held = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(held, (struct sockaddr *)&address, sizeof(address)) == 0)
                (void)send(held, "x", 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
        char name[4096];
        unsigned short port = 0;

        if (argc != 3)
                return 2;
        leaks = argv[2];
        catch_signals();
        prepare_gifts(argv[1]);
        struct pollfd wait[] = {{.fd = 0},
                                {.fd = internet_socket(SOCK_STREAM, "0.0.0.0", &port)},
                                {.fd = unix_socket(argv[1], SOCK_STREAM)},
                                {.fd = -1},
                                {.fd = -1},
                                {.fd = internet_socket(SOCK_DGRAM, "127.0.0.3", &port)}};
        snprintf(name, sizeof(name), "@%s", argv[1]);
        wait[3].fd = unix_socket(name, SOCK_STREAM);
        snprintf(name, sizeof(name), "%s.datagram", argv[1]);
        wait[4].fd = unix_socket(name, SOCK_DGRAM);
        for (int i = 0; i < 6; i++) {
                wait[i].events = POLLIN;
                if (wait[i].fd < 0) {
                        perror("listener");
                        return 1;
                }
        }
        printf("%d\n", port);
        fflush(stdout);
        for (int n = 0; n >= 0 || errno == EINTR;) {
                n = poll(wait, 6, 200);
                if (n == 0)
                        call(argv[1]);
                if (n > 0 && wait[0].revents)
                        break;
                for (int i = 1; n > 0 && i < 6; i++)
                        if (wait[i].revents)
                                serve(&wait[i], i);
        }
        return 0;
}
