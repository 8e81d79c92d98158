/* SPDX-License-Identifier: Apache-2.0 */
/* Listens on a free loopback port, prints it, and closes what comes in, until standard input ends. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd wait[2] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};

        if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &size) < 0)
                return 1;
        printf("%d\n", ntohs(address.sin_port));
        fflush(stdout);
        while (poll(wait, 2, -1) > 0 && !wait[1].revents) {
                int client;
                while ((client = accept(listener, NULL, NULL)) >= 0)
                        close(client);
        }
        return 0;
}
