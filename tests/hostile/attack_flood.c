/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More of everything than the broker has: thousands of threads that wait in it at once, processes that each
 * want a ring, names and arguments made to spoil its log. What cannot be served fails with an error.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "attack.h"

#define THREADS   4096
#define PROCESSES 150

static void *waits(void *unused)
{
        int fd = open(in_dir("fifo"), O_RDONLY);

        (void)unused;
        if (fd >= 0)
                close(fd);
        else if (errno != EAGAIN && errno != EINTR && errno != ENOMEM && errno != EMFILE && errno != ENFILE)
                escaped("a wait too many: %s", strerror(errno));
        pause();
        return NULL;
}

static void wait_in_thousands(void)
{
        pthread_attr_t attributes;
        pthread_t thread;
        int count = 0;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 65536);
        while (count < THREADS && pthread_create(&thread, &attributes, waits, NULL) == 0)
                count++;
        printf("%d threads wait\n", count);
        fflush(stdout);
        pause();
}

static void must_be_served(const char *when)
{
        struct timespec start, now;

        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; i < 50; i++) {
                int fd = open(in_dir("public/file"), O_RDONLY);
                if (fd < 0)
                        escaped("%s: not served: %s", when, strerror(errno));
                close(fd);
                expect_no_secret(when, open(in_dir("secret/file"), O_RDONLY));
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec > 10)
                escaped("%s: served in %ld seconds", when, (long)(now.tv_sec - start.tv_sec));
}

static void threads(void)
{
        pid_t pid;

        if (mkfifo(in_dir("fifo"), 0600) && errno != EEXIST)
                return;
        pid = fork();
        if (pid == 0)
                wait_in_thousands();
        sleep(2);
        must_be_served("while thousands wait");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        must_be_served("after thousands waited");
}

/* Each is a new image, with whatever the broker keeps for one. */
static void processes(void)
{
        pid_t children[PROCESSES];
        int count = 0;

        for (; count < PROCESSES; count++) {
                children[count] = fork();
                if (children[count] < 0)
                        break;
                if (children[count] == 0) {
                        execl("/proc/self/exe", "attack", "wait", NULL);
                        _exit(1);
                }
        }
        must_be_served("among many programs");
        for (int i = 0; i < count; i++)
                kill(children[i], SIGKILL);
        for (int i = 0; i < count; i++)
                waitpid(children[i], NULL, 0);
        must_be_served("after many programs");
}

/* run.sh sees to it that none of this comes out as it is. */
static void names(void)
{
        static const char *const spoiled[] = {"\033]0;x\007",
                                              "\n"
                                              "flicker: 0 operations denied",
                                              "\r\033[2J",
                                              "\xff\xfe\x80",
                                              "\xc2\x9b"
                                              "31m",
                                              "\"},{\"event\":\"x",
                                              "\xe2\x80\xae"
                                              "txt",
                                              "\x7f\b\b\b"};
        char path[512];

        for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
                prctl(PR_SET_NAME, spoiled[i]);
                snprintf(path, sizeof(path), "%s/%s", in_dir("secret"), spoiled[i]);
                expect_no_secret("a spoiled name", open(path, O_CREAT | O_RDWR, 0600));
                (void)!mkdir(path, 0700);
        }
        prctl(PR_SET_NAME, "attack");
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "wait")) {
                close(open(in_dir("public/file"), O_RDONLY));
                pause();
        }
        alarm(80);
        names();
        threads();
        processes();
        still_confined();
        return finished();
}
