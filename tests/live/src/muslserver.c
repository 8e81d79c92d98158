/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server, linked statically with musl: a thread a connection, files beneath the directory
 * that is named. muslserver PORT DIRECTORY. Prints "ready", ends with 0 on SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root;

static void answer(int client, const char *path)
{
        char file[1024], head[256];
        struct stat st = {0};

        snprintf(file, sizeof(file), "%s%s", root, path);
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                const char *why = fd < 0 ? (errno == ENOENT   ? "404 absent"
                                            : errno == EACCES ? "403 refused"
                                                              : "500 broken")
                                         : "400 not a file";
                snprintf(head, sizeof(head), "HTTP/1.0 %s\r\nContent-Length: 0\r\n\r\n", why);
        } else {
                snprintf(head, sizeof(head), "HTTP/1.0 200 OK\r\nContent-Length: %lld\r\n\r\n",
                         (long long)st.st_size);
        }
        if (send(client, head, strlen(head), MSG_NOSIGNAL) > 0 && fd >= 0)
                while (sendfile(client, fd, NULL, 1 << 20) > 0)
                        ;
        if (fd >= 0)
                close(fd);
}

static void *serve(void *argument)
{
        int client = (int)(long)argument;
        char request[2048], path[512];
        ssize_t n = recv(client, request, sizeof(request) - 1, 0);

        if (n > 0) {
                request[n] = 0;
                if (sscanf(request, "GET %511s ", path) == 1)
                        answer(client, path);
        }
        shutdown(client, SHUT_WR);
        while (recv(client, request, sizeof(request), 0) > 0)
                ;
        close(client);
        return NULL;
}

static void end(int signal_number)
{
        (void)signal_number;
        _exit(0);
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (argc != 3)
                return 2;
        root = argv[2];
        address.sin_port = htons((unsigned short)atoi(argv[1]));
        signal(SIGTERM, end);
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 64) < 0) {
                perror("bind");
                return 1;
        }
        puts("ready");
        fflush(stdout);
        for (;;) {
                pthread_t thread;
                int client = accept(listener, NULL, NULL);
                if (client < 0)
                        continue;
                if (pthread_create(&thread, NULL, serve, (void *)(long)client) == 0)
                        pthread_detach(thread);
                else
                        close(client);
        }
}
