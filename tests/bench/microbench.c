/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds per operation: microbench SECONDS OPERATION... prints "OPERATION MEDIAN" a line, the median of
 * batches, so that one preemption does not count. Before the first measurement each operation runs for a
 * while: plans load, pages come in, a poller wakes up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCHES_MAX 20000

static struct sockaddr_in peer;

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void must(int good, const char *what)
{
        if (!good) {
                fprintf(stderr, "microbench: %s: %s\n", what, strerror(errno));
                exit(1);
        }
}

static void do_getppid(void)
{
        syscall(SYS_getppid);
}

static void do_stat(void)
{
        struct stat st;

        must(stat("/usr/bin/env", &st) == 0, "stat");
}

static void do_open(void)
{
        int fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);

        must(fd >= 0, "open");
        close(fd);
}

static void do_absent(void)
{
        must(open("/usr/lib/no/such/file", O_RDONLY | O_CLOEXEC) < 0 && errno == ENOENT,
             "open of an absent file");
}

static void do_connect(void)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct linger reset = {.l_onoff = 1};

        must(fd >= 0, "socket");
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        must(connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0, "connect");
        close(fd);
}

static const struct {
        const char *name;
        void (*run)(void);
} operations[] = {
        {"getppid", do_getppid}, {"stat", do_stat},       {"open", do_open},
        {"absent", do_absent},   {"connect", do_connect},
};

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* One batch takes about 20 microseconds, or one operation where that is longer. */
static double median(void (*run)(void), double seconds)
{
        static double batches[BATCHES_MAX];
        double end = now() + seconds * 0.3e9, start = now();
        long warm = 0, count = 0, size;

        while (now() < end) {
                run();
                warm++;
        }
        size = (long)(20000.0 * (double)warm / (now() - start)) + 1;
        for (end = now() + seconds * 1e9; count < BATCHES_MAX && now() < end; count++) {
                double begin = now();
                for (long i = 0; i < size; i++)
                        run();
                batches[count] = (now() - begin) / (double)size;
        }
        qsort(batches, (size_t)count, sizeof(batches[0]), compare);
        return batches[count / 2];
}

/* connect goes to this port; whoever started us listens there. */
static void find_peer(void)
{
        const char *port = getenv("MICROBENCH_PORT");

        peer.sin_family = AF_INET;
        peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        peer.sin_port = htons((unsigned short)(port ? atoi(port) : 0));
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;
        find_peer();
        for (int i = 2; i < argc; i++)
                for (size_t j = 0; j < sizeof(operations) / sizeof(operations[0]); j++)
                        if (!strcmp(argv[i], operations[j].name)) {
                                printf("%s %.1f\n", argv[i], median(operations[j].run, atof(argv[1])));
                                fflush(stdout);
                        }
        return 0;
}
