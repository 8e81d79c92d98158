/* SPDX-License-Identifier: Apache-2.0 */
/* Threads cancelled while they wait in the kernel, at sites that are patched and sites that are not: their
 * frames are unwound from where the syscall stands, so every cleanup runs. Built with -fexceptions. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void leave(const char **name)
{
        printf("left %s\n", *name);
}

static void handler(void *name)
{
        printf("handler of %s\n", (const char *)name);
}

static void *wait_in_open(void *fifo)
{
        __attribute__((cleanup(leave))) const char *name = "open";

        pthread_cleanup_push(handler, "open");
        close(open(fifo, O_RDONLY));
        pthread_cleanup_pop(0);
        return (void *)name;
}

static void *wait_in_read(void *fifo)
{
        __attribute__((cleanup(leave))) const char *name = "read";
        int ends[2];
        char byte;

        (void)fifo;
        if (pipe(ends) < 0)
                return NULL;
        pthread_cleanup_push(handler, "read");
        if (read(ends[0], &byte, 1) < 0)
                perror("read");
        pthread_cleanup_pop(0);
        return (void *)name;
}

static void cancel_in(void *(*function)(void *), char *fifo)
{
        pthread_t thread;
        void *result;

        if (pthread_create(&thread, NULL, function, fifo) != 0)
                return;
        usleep(100000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        printf("cancelled: %s\n", result == PTHREAD_CANCELED ? "yes" : "no");
}

int main(void)
{
        char fifo[64];

        snprintf(fifo, sizeof fifo, "/tmp/flicker-cancel.%d", getpid());
        if (mkfifo(fifo, 0600) < 0)
                return 1;
        cancel_in(wait_in_open, fifo);
        cancel_in(wait_in_read, fifo);
        return unlink(fifo) < 0;
}
