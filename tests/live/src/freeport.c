/* SPDX-License-Identifier: Apache-2.0 */
/* Prints N TCP ports that are free on loopback, below the range that the kernel hands out by itself. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_free(unsigned port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

        if (fd >= 0)
                close(fd);
        return free;
}

int main(int argc, char **argv)
{
        int wanted = argc > 1 ? atoi(argv[1]) : 1;

        for (int tries = 0; wanted > 0 && tries < 10000; tries++) {
                unsigned short random;
                if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                        return 1;
                unsigned port = 10000u + random % 20000u;
                if (is_free(port)) {
                        printf("%u\n", port);
                        wanted--;
                }
        }
        return wanted ? 1 : 0;
}
