/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm of signals (a timer, and SIGURG from another thread as Go sends it) on a thread that asks the
 * broker for what happens once: no call may get lost, be done twice, or never end. Handlers with SA_RESTART:
 * every call succeeds. Without it a call may be interrupted, and then it was not done.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "attack.h"

#define SECONDS 1.0

static volatile bool stop;
static volatile unsigned long handled;
static pthread_t target;
static bool restarts;
static unsigned long interrupted;
static const char *made, *moved, *original, *linked, *created, *logged; /* of in_dir, kept */

static void on_signal(int number)
{
        (void)number;
        handled++;
}

static void *urge(void *unused)
{
        const struct timespec pause = {.tv_nsec = 1000000};

        (void)unused;
        while (!stop) {
                pthread_kill(target, SIGURG);
                nanosleep(&pause, NULL);
        }
        return NULL;
}

static void handle(bool restart, long microseconds)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0};
        struct itimerval timer = {{0, microseconds}, {0, microseconds}};

        restarts = restart;
        sigaction(SIGURG, &action, NULL);
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &timer, NULL);
}

static void begin_storm(bool restart)
{
        handle(restart, 1000);
}

/* SIGURG goes on: what is asked from here on is restarted, where without the agent even a stat could be
 * interrupted. */
static void end_storm(void)
{
        handle(true, 0);
}

/* Until it is done. What fails with anything but EINTR, or with that though restarted, was lost or doubled.
 */
static void once(const char *what, int (*call)(const void *argument), const void *argument)
{
        while (call(argument) < 0) {
                if (errno != EINTR || restarts) {
                        escaped("%s: %s", what, strerror(errno));
                        return;
                }
                interrupted++;
        }
}

static int make(const void *path)
{
        return mkdir(path, 0700);
}

static int make_link(const void *path)
{
        return link(original, path);
}

static int move(const void *path)
{
        return renameat2(AT_FDCWD, path, AT_FDCWD, moved, RENAME_NOREPLACE);
}

static int move_back(const void *path)
{
        return renameat2(AT_FDCWD, moved, AT_FDCWD, path, RENAME_NOREPLACE);
}

static int remove_directory(const void *path)
{
        return rmdir(path);
}

static int remove_file(const void *path)
{
        return unlink(path);
}

static int create(const void *path)
{
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

        return fd < 0 ? -1 : close(fd);
}

static int append(const void *path)
{
        int fd = open(path, O_WRONLY | O_APPEND);
        ssize_t n;

        if (fd < 0)
                return -1;
        do
                n = write(fd, "x", 1);
        while (n < 0 && errno == EINTR);
        return close(fd);
}

/* Messages through the broker, with their numbers. */
static int pair[2];

static int send_number(const void *number)
{
        struct iovec part = {(void *)number, sizeof(unsigned)};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        return sendmsg(pair[0], &message, 0) == (ssize_t)sizeof(unsigned) ? 0 : -1;
}

static void expect_number(unsigned expected)
{
        unsigned number = ~expected;
        ssize_t n;

        do
                n = recv(pair[1], &number, sizeof(number), MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t)sizeof(number) || number != expected)
                escaped("message %u arrives as %u", expected, n < 0 ? 0 : number);
        if (recv(pair[1], &number, sizeof(number), MSG_DONTWAIT) >= 0)
                escaped("message %u arrives twice", expected);
}

static void round_of_calls(unsigned number)
{
        once("mkdir", make, made);
        once("rename", move, made);
        once("rename back", move_back, made);
        once("rmdir", remove_directory, made);
        once("link", make_link, linked);
        once("unlink", remove_file, linked);
        once("create", create, created);
        once("unlink", remove_file, created);
        once("append", append, logged);
        once("sendmsg", send_number, &number);
        expect_number(number);
}

/* Bytes of the file, or -1. */
static long size_of(const char *path)
{
        struct stat status;

        return stat(path, &status) < 0 ? -1 : (long)status.st_size;
}

static void make_empty(const char *path)
{
        close(open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600));
}

static bool time_is_up(const struct timespec *start, double seconds)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9 > seconds;
}

static void storm(bool restart)
{
        struct timespec start;
        unsigned rounds = 0;
        long size;

        make_empty(logged);
        interrupted = 0;
        begin_storm(restart);
        clock_gettime(CLOCK_MONOTONIC, &start);
        while (!time_is_up(&start, SECONDS) && !attack_escapes)
                round_of_calls(rounds++);
        end_storm();
        size = size_of(logged);
        if (size != (long)rounds)
                escaped("%u appended, %ld there", rounds, size);
        if (rounds < 5)
                escaped("%u rounds: does not get on", rounds);
        printf("%u rounds, %lu signals, %lu interrupted\n", rounds, handled, interrupted);
}

static void *read_fifo(void *path)
{
        int fd = open(path, O_RDONLY);
        char byte = 0;

        if (fd < 0 || read(fd, &byte, 1) != 1 || byte != 'x')
                escaped("a FIFO is opened, and empty: %s", strerror(errno));
        close(fd);
        return NULL;
}

/* Waiting opens meet while both sides are signalled: each is opened once, and what is written is read. */
static void fifos(void)
{
        const char *fifo = in_dir("fifo");
        pthread_t reader;

        if (mkfifo(fifo, 0600) < 0)
                escaped("mkfifo: %s", strerror(errno));
        begin_storm(true);
        for (int i = 0; i < 20 && !attack_escapes; i++) {
                pthread_create(&reader, NULL, read_fifo, (void *)fifo);
                int fd = open(fifo, O_WRONLY);
                if (fd < 0 || write(fd, "x", 1) != 1)
                        escaped("a FIFO cannot be opened for writing: %s", strerror(errno));
                pthread_join(reader, NULL);
                close(fd);
        }
        end_storm();
}

static const char *name_in_dir(const char *name)
{
        char *path = strdup(in_dir(name));

        if (!path)
                exit(2);
        return path;
}

int main(void)
{
        pthread_t urging;

        made = name_in_dir("made");
        moved = name_in_dir("moved");
        original = name_in_dir("public/file");
        linked = name_in_dir("linked");
        created = name_in_dir("created");
        logged = name_in_dir("log");

        target = pthread_self();
        signal(SIGURG, SIG_IGN);
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
                return 2;
        pthread_create(&urging, NULL, urge, NULL);
        storm(true);
        storm(false);
        fifos();
        stop = true;
        pthread_join(urging, NULL);
        still_confined();
        return finished();
}
