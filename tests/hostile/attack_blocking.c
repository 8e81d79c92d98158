/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hold the broker up: hundreds of threads open FIFOs that nobody writes to, while another process wants to be
 * served. Then all of them go away at once.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "attack.h"

#define THREADS 200

static void *blocked(void *unused)
{
        int fd = open(in_dir("fifo"), O_RDONLY);

        (void)unused;
        close(fd);
        return NULL;
}

static void block(int threads)
{
        pthread_attr_t attributes;
        pthread_t thread;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 65536);
        for (int i = 0; i < threads; i++)
                if (pthread_create(&thread, &attributes, blocked, NULL))
                        break;
        pause();
}

static double seconds_since(const struct timespec *start)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

int main(void)
{
        struct timespec start;

        if (mkfifo(in_dir("fifo"), 0600) && errno != EEXIST) {
                perror("mkfifo");
                return 2;
        }
        alarm(60);
        pid_t pid = fork();
        if (pid == 0)
                block(THREADS);
        usleep(300000);
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; i < 200; i++) {
                int fd = open(in_dir("public/file"), O_RDONLY);
                if (fd < 0)
                        escaped("not served: %s", strerror(errno));
                close(fd);
                expect_no_secret("while others block", open(in_dir("secret/file"), O_RDONLY));
        }
        if (seconds_since(&start) > 5)
                escaped("served, but in %.1f seconds", seconds_since(&start));
        clock_gettime(CLOCK_MONOTONIC, &start);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (seconds_since(&start) > 5)
                escaped("blocked threads took %.1f seconds to die", seconds_since(&start));
        /* The broker's threads are free again. */
        pid = fork();
        if (pid == 0)
                block(8);
        usleep(100000);
        int writer = open(in_dir("fifo"), O_WRONLY | O_NONBLOCK);
        if (writer < 0)
                escaped("no reader arrived: %s", strerror(errno));
        close(writer);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        still_confined();
        return finished();
}
