/* SPDX-License-Identifier: Apache-2.0 */
/* Something for a sanitizer to watch: threads, allocations, files, handlers, a child. Prints what it
 * computed. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;
static int ticks;

static void tick(int number)
{
        (void)number;
        __atomic_fetch_add(&ticks, 1, __ATOMIC_RELAXED);
}

static void *work(void *unused)
{
        for (int i = 0; i < 200; i++) {
                char *text = malloc(100);
                struct stat found;
                int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
                ssize_t n = read(fd, text, 100);

                close(fd);
                pthread_mutex_lock(&lock);
                total += n + (stat("/no/such", &found) == 0) +
                         (stat("/etc/passwd", &found) == 0 && found.st_size > 0);
                pthread_mutex_unlock(&lock);
                free(text);
        }
        return unused;
}

int main(void)
{
        struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
        struct itimerval fast = {{0, 500}, {0, 500}};
        pthread_t thread[3];
        pid_t pid;
        int status = 0;

        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &fast, NULL);
        for (int i = 0; i < 3; i++)
                pthread_create(&thread[i], NULL, work, NULL);
        for (int i = 0; i < 3; i++)
                pthread_join(thread[i], NULL);
        memset(&fast, 0, sizeof fast);
        setitimer(ITIMER_REAL, &fast, NULL);
        pid = fork();
        if (pid == 0)
                _exit(open("/no/such", O_RDONLY) < 0 ? 5 : 6);
        waitpid(pid, &status, 0);
        printf("total %ld, child %d, ticks %d\n", total, WEXITSTATUS(status),
               __atomic_load_n(&ticks, __ATOMIC_RELAXED) > 0);
        return 0;
}
