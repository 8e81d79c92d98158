/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attacks would like to reach: listens on a free port of every loopback address, on the Unix socket that
 * is named, and on a datagram socket of that name with ".datagram". Prints the port; lives until standard
 * input ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int unix_socket(const char *path, int type)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -1;
        if (type == SOCK_STREAM && listen(fd, 64) < 0)
                return -1;
        return fd;
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
        socklen_t size = sizeof(address);
        char datagram[4096];
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (argc != 2)
                return 2;
        snprintf(datagram, sizeof(datagram), "%s.datagram", argv[1]);
        int one = unix_socket(argv[1], SOCK_STREAM), two = unix_socket(datagram, SOCK_DGRAM);
        if (one < 0 || two < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
            listen(listener, 1024) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
                perror("listener");
                return 1;
        }
        printf("%d\n", ntohs(address.sin_port));
        fflush(stdout);
        struct pollfd wait[] = {{.fd = 0, .events = POLLIN},
                                {.fd = listener, .events = POLLIN},
                                {.fd = one, .events = POLLIN}};
        while (poll(wait, 3, -1) > 0 && !wait[0].revents)
                for (int i = 1; i < 3; i++) {
                        int client;
                        while ((client = accept(wait[i].fd, NULL, NULL)) >= 0)
                                close(client);
                }
        return 0;
}
