/* SPDX-License-Identifier: Apache-2.0 */
/* sendmsg on sockets that have a peer: who is said to have sent, what is sent, what a signal does meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 50

static void say(const char *what, long result)
{
        printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}

static void pair(int type, int *ret_pair)
{
        if (socketpair(AF_UNIX, type, 0, ret_pair) < 0) {
                perror("socketpair");
                exit(1);
        }
}

static ssize_t send_pieces(int fd, struct iovec *pieces, size_t count, int flags)
{
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};

        return sendmsg(fd, &message, flags);
}

static ssize_t send_text(int fd, const char *text, int flags)
{
        struct iovec piece = {(void *)text, strlen(text)};

        return send_pieces(fd, &piece, 1, flags);
}

/* Who sent the next message, as the kernel says. */
static pid_t sender(int fd)
{
        char data[64], control[CMSG_SPACE(sizeof(struct ucred))];
        struct iovec piece = {data, sizeof data};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *header;
        struct ucred who;

        if (recvmsg(fd, &message, 0) < 0)
                return -1;
        header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_type != SCM_CREDENTIALS)
                return -2;
        memcpy(&who, CMSG_DATA(header), sizeof who);
        return who.uid == getuid() && who.gid == getgid() ? who.pid : -3;
}

static ssize_t send_descriptor(int fd, const char *text)
{
        struct iovec piece = {(void *)text, strlen(text)};
        char control[CMSG_SPACE(sizeof fd)] = {0};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
        return sendmsg(fd, &message, 0);
}

/* A message with a descriptor says, too, who sends it. */
static void descriptors(int type, const char *what)
{
        char data[64], control[256];
        struct iovec piece = {data, sizeof data};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        int ends[2], on = 1, own = 0, rights = 0;

        pair(type, ends);
        setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        say(what, send_descriptor(ends[1], "with a descriptor"));
        say(what, recvmsg(ends[0], &message, 0));
        for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
             header = CMSG_NXTHDR(&message, header)) {
                struct ucred who;

                rights += header->cmsg_type == SCM_RIGHTS;
                if (header->cmsg_type != SCM_CREDENTIALS)
                        continue;
                memcpy(&who, CMSG_DATA(header), sizeof who);
                own += who.pid == getpid() && who.uid == getuid() && who.gid == getgid();
        }
        printf("%s: %d from me, %d with descriptors\n", what, own, rights);
        close(ends[0]);
        close(ends[1]);
}

static void credentials(int type, const char *what)
{
        int ends[2], on = 1;
        pid_t child;

        pair(type, ends);
        setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        send_text(ends[1], "mine", 0);
        printf("%s: %s\n", what, sender(ends[0]) == getpid() ? "from me" : "from somebody else");
        child = fork();
        if (child == 0)
                _exit(send_text(ends[1], "a child's", MSG_NOSIGNAL) != 9);
        printf("%s: %s\n", what, sender(ends[0]) == child ? "from my child" : "from somebody else");
        waitpid(child, NULL, 0);
        close(ends[0]);
        close(ends[1]);
}

static void shapes(void)
{
        struct iovec two[2] = {{(void *)"ab", 2}, {(void *)"cde", 3}}, none = {NULL, 0},
                     huge = {NULL, SIZE_MAX};
        struct msghdr message = {.msg_iov = two, .msg_iovlen = 1},
                      unreadable = {.msg_iov = (void *)16, .msg_iovlen = 1};
        char got[16] = {0},
             *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int ends[2];

        pair(SOCK_STREAM, ends);
        say("one piece", send_pieces(ends[1], two, 1, 0));
        say("two pieces", send_pieces(ends[1], two, 2, 0));
        say("no piece", send_pieces(ends[1], NULL, 0, 0));
        say("an empty one", send_pieces(ends[1], &none, 1, 0));
        say("an impossible one", send_pieces(ends[1], &huge, 1, 0));
        say("read", read(ends[0], got, sizeof got));
        printf("%s\n", got);
        say("nowhere", sendmsg(ends[1], NULL, 0));
        say("unreadable pieces", sendmsg(ends[1], &unreadable, 0));
        two[0].iov_base = (void *)16;
        say("unreadable data", send_pieces(ends[1], two, 1, 0));
        two[0].iov_base = (void *)"ab";
        /* Half of the header is not there. */
        munmap(page + 4096, 4096);
        memcpy(page + 4096 - 24, &message, 24);
        say("half a header", sendmsg(ends[1], (void *)(page + 4096 - 24), 0));
        say("no socket", send_text(0, "x", 0));
        say("no descriptor", send_text(-1, "x", 0));
        close(ends[0]);
        say("no peer", send_text(ends[1], "x", MSG_NOSIGNAL));
        close(ends[1]);
        munmap(page, 4096);
}

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
        (void)number;
        caught++;
}

static void broken(void)
{
        int ends[2];

        pair(SOCK_STREAM, ends);
        signal(SIGPIPE, on_signal);
        close(ends[0]);
        caught = 0;
        say("no peer", send_text(ends[1], "x", 0));
        printf("signals: %d\n", (int)caught);
        close(ends[1]);
}

/* A child that reads all there is, after a while. */
static pid_t drain(const int ends[2])
{
        static char data[65536];
        pid_t child = fork();

        if (child != 0)
                return child;
        close(ends[1]);
        usleep(300000);
        while (read(ends[0], data, sizeof data) > 0)
                ;
        _exit(0);
}

/* A send that waits, and signals meanwhile: with SA_RESTART all of it goes. */
static void waits(int flags, const char *what)
{
        static char data[65536];
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
        struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
        struct iovec piece = {data, sizeof data};
        pid_t child = 0;
        int ends[2];
        ssize_t n;

        pair(SOCK_SEQPACKET, ends);
        while (send_pieces(ends[1], &piece, 1, MSG_DONTWAIT) > 0)
                ;
        if (flags & SA_RESTART)
                child = drain(ends);
        sigaction(SIGALRM, &action, NULL);
        caught = 0;
        setitimer(ITIMER_REAL, &often, NULL);
        n = send_pieces(ends[1], &piece, 1, 0);
        setitimer(ITIMER_REAL, &never, NULL);
        say(what, n);
        printf("signals: %s\n", caught ? "yes" : "no");
        close(ends[0]);
        close(ends[1]);
        if (child)
                waitpid(child, NULL, 0);
}

/* Signals at any moment: each message goes once. */
static void storm(void)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
        int ends[2], lost = 0, number;

        pair(SOCK_STREAM, ends);
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        for (int i = 0; i < MANY; i++) {
                struct iovec piece = {&i, sizeof i};

                for (int turn = 0; turn < 20; turn++)
                        lost += send_pieces(ends[1], &piece, 1, 0) != sizeof i;
                for (int turn = 0; turn < 20; turn++)
                        lost += recv(ends[0], &number, sizeof number, 0) != sizeof number || number != i;
        }
        setitimer(ITIMER_REAL, &never, NULL);
        say("left over", recv(ends[0], &number, sizeof number, MSG_DONTWAIT));
        printf("storm: %d wrong\n", lost);
        close(ends[0]);
        close(ends[1]);
}

int main(int argc, char **argv)
{
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 1 && strcmp(argv[1], "senders") == 0) {
                credentials(SOCK_STREAM, "stream");
                credentials(SOCK_SEQPACKET, "packets");
                credentials(SOCK_DGRAM, "datagrams");
                return 0;
        }
        if (argc > 1) {
                descriptors(SOCK_STREAM, "stream");
                descriptors(SOCK_SEQPACKET, "packets");
                descriptors(SOCK_DGRAM, "datagrams");
                return 0;
        }
        shapes();
        broken();
        waits(SA_RESTART, "waiting, restarted");
        waits(0, "waiting, interrupted");
        storm();
        return 0;
}
