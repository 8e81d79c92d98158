/* SPDX-License-Identifier: Apache-2.0 */
/*
 * differential SEED FIRST COUNT SKIP DIRECTORY [PROGRAM ARGUMENT...]: makes the tree of each round in
 * DIRECTORY, lets an actor act in it (run by PROGRAM, if given: flicker-run and its options), and prints what
 * the actor saw and what the tree was afterwards. SKIP: cases that are left out, a bit each.
 */
#include "tests/differential/keeper.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/differential/actor.h"
#include "tests/differential/tree.h"

#define DONE '\f'

struct begin {
        uint64_t number;
};

int keeper_next(int socket, uint64_t *ret_number)
{
        struct begin begin;

        if (recv(socket, &begin, sizeof begin, MSG_WAITALL) != sizeof begin)
                return -1;
        *ret_number = begin.number;
        return 0;
}

union ancillary {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * (FD_END - FD_FIRST))];
};

int keeper_receive(int socket, int *fds, unsigned count)
{
        union ancillary ancillary;
        char byte;
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = &ancillary,
                                 .msg_controllen = sizeof ancillary};

        if (recvmsg(socket, &message, 0) != 1 || message.msg_controllen < CMSG_LEN(sizeof *fds * count))
                return -1;
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof *fds * count);
        return 0;
}

static int send_descriptors(int socket, const int *fds, unsigned count)
{
        union ancillary ancillary;
        char byte = 0;
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = &ancillary,
                                 .msg_controllen = sizeof ancillary};

        memset(&ancillary, 0, sizeof ancillary);
        ancillary.header = (struct cmsghdr){
                .cmsg_len = CMSG_LEN(sizeof *fds * count), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&ancillary.header), fds, sizeof *fds * count);
        return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

void keeper_done(FILE *log)
{
        fputc(DONE, log);
        fflush(log);
}

/* Prints what the actor says until it is done. -1: it ended. */
static int listen_to(FILE *actor)
{
        int c;

        while ((c = getc(actor)) != EOF && c != DONE)
                putchar(c);
        return c == DONE ? 0 : -1;
}

static int play(int socket, FILE *actor, const char *root, uint64_t number)
{
        int fds[FD_END - FD_FIRST], fifo, r;
        struct begin begin = {number};

        tree_make(root);
        tree_open(root, fds);
        /* So that nobody has to wait for its other end (round.lonely). */
        fifo = number % 8 == 7 ? -1 : open("fifo", O_RDWR | O_NONBLOCK);
        r = send(socket, &begin, sizeof begin, MSG_NOSIGNAL) == sizeof begin &&
                            send_descriptors(socket, fds, FD_END - FD_FIRST) == 0
                    ? listen_to(actor)
                    : -1;
        for (unsigned i = 0; i < FD_END - FD_FIRST; i++)
                close(fds[i]);
        close(fifo);
        printf("%lu tree\n", number);
        tree_describe(root, stdout);
        return r;
}

static pid_t start_actor(int socket, char **words, char **command)
{
        pid_t pid = fork();
        char **line = calloc(64, sizeof *line);
        unsigned count = 0;

        if (pid)
                return pid;
        for (; *command && count < 32; command++)
                line[count++] = *command;
        for (unsigned i = 0; i < 5; i++)
                line[count++] = words[i];
        dup2(socket, FD_CONTROL);
        execvp(line[0], line);
        err(127, "%s", line[0]);
}

int main(int argc, char **argv)
{
        char root[PATH_MAX], self[PATH_MAX] = "";
        int sockets[2], status;
        uint64_t seed, first, count;
        FILE *actor;
        pid_t pid;

        if (argc == 5 && !strcmp(argv[1], "act"))
                return actor_main(strtoull(argv[2], NULL, 0), argv[3], strtoull(argv[4], NULL, 0));
        if (argc < 6 || strlen(argv[5]) > 1000)
                errx(2, "usage: %s SEED FIRST COUNT SKIP DIRECTORY [PROGRAM ARGUMENT...]", argv[0]);
        signal(SIGPIPE, SIG_IGN);
        seed = strtoull(argv[1], NULL, 0), first = strtoull(argv[2], NULL, 0),
        count = strtoull(argv[3], NULL, 0);
        tree_place(argv[5], root);
        if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
                err(1, "socketpair");
        pid = start_actor(sockets[1], (char *[]){self, "act", argv[1], root, argv[4]}, argv + 6);
        close(sockets[1]);
        actor = fdopen(dup(sockets[0]), "r");
        for (uint64_t i = first; i < first + count; i++)
                if (play(sockets[0], actor, root, i) < 0)
                        errx(1, "the actor ended in round %lu of seed %lu", i, seed);
        shutdown(sockets[0], SHUT_WR);
        waitpid(pid, &status, 0);
        tree_remove(root);
        return status ? 1 : 0;
}
