/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a brokered call points to, changed while it is looked at: by another thread, and by another
 * process through shared memory; and memory that goes away meanwhile. (Paths of open, links, directories and
 * addresses of connect: attack_races.c; of execve: attack_execs.c.)
 */
#include <arpa/inet.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "attack.h"

#define SECONDS 0.4

/* In memory that a second process changes, too. */
static struct shared {
        volatile bool stop;
        char path[4096];
        char other[4096];
        struct sockaddr_in address;
        struct sockaddr_un name;
        struct open_how how;
        struct msghdr message;
        struct iovec parts[2];
        char data[64];
} * shared;

static const char *allowed, *secret;
static char *place; /* of "public" or "secret" in shared->path */
static struct sockaddr_in good, bad;
static int one_socket, name_socket;
static char datagram[108];

static void pause_briefly(void)
{
        for (volatile int i = 0; i < 40; i++)
                ;
}

static void flip_path(bool on)
{
        memcpy(place, on ? "public" : "secret", 6);
}

static void flip_how(bool on)
{
        shared->how.flags = on ? O_RDONLY : O_RDWR;
        shared->how.resolve = on ? RESOLVE_BENEATH : 0;
}

static void flip_address(bool on)
{
        shared->address.sin_addr = on ? good.sin_addr : bad.sin_addr;
}

/* The name's pointer, its length and its family. */
static void flip_message(bool on)
{
        shared->message.msg_name = on ? &good : &bad;
        shared->message.msg_namelen = on ? sizeof(good) : 0;
        shared->message.msg_iovlen = on ? 1 : 2;
        shared->parts[0].iov_base = on ? shared->data : (char *)16;
        shared->parts[1].iov_len = on ? 4 : ~0ul >> 1;
}

static void flip_name(bool on)
{
        snprintf(shared->name.sun_path, sizeof(shared->name.sun_path), "%s", on ? in_dir("giver") : datagram);
}

static void flip_memory(bool on)
{
        if (on)
                (void)!mmap(shared->other, sizeof(shared->other), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        else
                munmap(shared->other, sizeof(shared->other));
}

static void flip_protection(bool on)
{
        mprotect(shared->other, sizeof(shared->other), on ? PROT_READ | PROT_WRITE : PROT_NONE);
}

static void try_openat2(void)
{
        int base = open(in_dir(""), O_RDONLY | O_DIRECTORY);
        int fd = (int)syscall(SYS_openat2, base, "public/../../outside", &shared->how, sizeof(shared->how));

        expect_no_secret("a race on open_how", fd);
        fd = (int)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &shared->how, sizeof(shared->how));
        if (fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
                escaped("a race on open_how opens for writing");
        close(fd);
        close(base);
}

static void try_paths(void)
{
        struct stat st;

        expect_no_secret("a race on a shared path", open(shared->path, O_RDONLY));
        expect_no_secret("the same, hidden from the agent",
                         (int)hidden_syscall(SYS_open, (long)shared->path, O_RDONLY, 0, 0, 0, 0));
        (void)!truncate(shared->path, 3); /* run.sh looks whether the secret is whole */
        if (stat(secret, &st) < 0)
                escaped("a race on a path: the secret is gone");
        if (link(shared->path, in_dir("linked")) == 0) {
                expect_no_secret("a race on the path of link", open(in_dir("linked"), O_RDONLY));
                unlink(in_dir("linked"));
        }
        if (rename(shared->path, in_dir("renamed")) == 0) {
                expect_no_secret("a race on the path of rename", open(in_dir("renamed"), O_RDONLY));
                rename(in_dir("renamed"), allowed);
        }
        chmod(shared->path, 0644);
}

static void try_send(void)
{
        struct mmsghdr many[2];

        (void)sendto(one_socket, "leak", 4, MSG_DONTWAIT, (struct sockaddr *)&shared->address, sizeof(good));
        (void)sendmsg(one_socket, &shared->message, MSG_DONTWAIT);
        memcpy(&many[0].msg_hdr, &shared->message, sizeof(shared->message));
        memcpy(&many[1].msg_hdr, &shared->message, sizeof(shared->message));
        (void)sendmmsg(one_socket, many, 2, MSG_DONTWAIT);
}

static void try_send_to(void)
{
        struct iovec part = {"leak", 4};
        struct msghdr message = {.msg_name = &shared->address,
                                 .msg_namelen = sizeof(shared->address),
                                 .msg_iov = &part,
                                 .msg_iovlen = 1};

        (void)sendmsg(one_socket, &message, MSG_DONTWAIT);
        hidden_syscall(SYS_sendto, one_socket, (long)"leak", 4, MSG_DONTWAIT, (long)&shared->address,
                       sizeof(good));
        hidden_syscall(SYS_connect, one_socket, (long)&shared->address, sizeof(good), 0, 0, 0);
        (void)send(one_socket, "leak", 4, MSG_DONTWAIT);
        connect(one_socket, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
}

/* What arrives at the datagram socket outside is noted there. */
static void try_name(void)
{
        (void)sendto(name_socket, "leak", 4, MSG_DONTWAIT, (struct sockaddr *)&shared->name,
                     sizeof(shared->name));
        hidden_syscall(SYS_connect, name_socket, (long)&shared->name, sizeof(shared->name), 0, 0, 0);
        (void)send(name_socket, "leak", 4, MSG_DONTWAIT);
}

/* Results go to memory, and paths come from it, that is there and is not. Any error will do, but the broker
 * has to go on, and what succeeds has to be right. */
static void try_memory(void)
{
        struct stat st;
        int fd;

        fd = (int)hidden_syscall(SYS_open, (long)shared->other, O_RDONLY, 0, 0, 0, 0);
        expect_no_secret("a path in memory that goes away", fd);
        (void)hidden_syscall(SYS_stat, (long)in_dir("public/file"), (long)shared->other, 0, 0, 0, 0);
        (void)hidden_syscall(SYS_readlink, (long)in_dir("link"), (long)shared->other, 4096, 0, 0, 0);
        (void)hidden_syscall(SYS_sendmsg, one_socket, (long)shared->other, 0, 0, 0, 0);
        (void)hidden_syscall(SYS_openat2, AT_FDCWD, (long)in_dir("public/file"), (long)shared->other, 24, 0,
                             0);
        (void)hidden_syscall(SYS_execve, (long)shared->other, (long)shared->other, (long)shared->other, 0, 0,
                             0);
        if (stat(in_dir("public/file"), &st) < 0)
                escaped("after memory that goes away: %s", strerror(errno));
}

static void (*flip)(bool on);

static void *flip_in_thread(void *unused)
{
        (void)unused;
        while (!shared->stop) {
                flip(true);
                pause_briefly();
                flip(false);
                pause_briefly();
        }
        return NULL;
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void try_for_a_while(void (*attempt)(void))
{
        double end = now() + SECONDS;

        while (now() < end && !attack_escapes)
                attempt();
}

static void by_thread(void (*attempt)(void))
{
        pthread_t thread;

        shared->stop = false;
        pthread_create(&thread, NULL, flip_in_thread, NULL);
        try_for_a_while(attempt);
        shared->stop = true;
        pthread_join(thread, NULL);
        flip(true);
}

static void by_process(void (*attempt)(void))
{
        pid_t pid;

        shared->stop = false;
        pid = fork();
        if (pid == 0) {
                flip_in_thread(NULL);
                _exit(0);
        }
        try_for_a_while(attempt);
        shared->stop = true;
        waitpid(pid, NULL, 0);
        flip(true);
}

static void race(void (*turn)(bool on), void (*attempt)(void))
{
        flip = turn;
        flip(true);
        by_thread(attempt);
        if (turn != flip_memory && turn != flip_protection)
                by_process(attempt);
}

static void prepare(void)
{
        unsigned short port = htons((unsigned short)atoi(setting("PORT")));

        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        allowed = strdup(in_dir("public/file"));
        secret = strdup(in_dir("secret/file"));
        strcpy(shared->path, allowed);
        place = strstr(shared->path, "public/file");
        good = (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = inet_addr("127.0.0.1")};
        bad = good;
        bad.sin_addr.s_addr = inet_addr("127.0.0.3");
        shared->address = good;
        shared->name.sun_family = AF_UNIX;
        memset(shared->data, 'x', sizeof(shared->data));
        shared->parts[0] = (struct iovec){shared->data, 4};
        shared->parts[1] = (struct iovec){shared->data, 4};
        shared->message.msg_iov = shared->parts;
        one_socket = socket(AF_INET, SOCK_DGRAM, 0);
        name_socket = socket(AF_UNIX, SOCK_DGRAM, 0);
        snprintf(datagram, sizeof(datagram), "%s.datagram", setting("SOCKET"));
        (void)!symlink("public", in_dir("link"));
}

int main(void)
{
        prepare();
        race(flip_path, try_paths);
        race(flip_how, try_openat2);
        race(flip_address, try_send_to);
        race(flip_message, try_send);
        race(flip_name, try_name);
        race(flip_memory, try_memory);
        race(flip_protection, try_memory);
        still_confined();
        return finished();
}
