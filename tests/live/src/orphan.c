/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon, forked twice and left by its parent, asks what it runs; then it runs that again. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *who, const char *program)
{
        char path[4096];
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
        struct stat by_link = {0}, by_descriptor = {0}, own = {0};
        int fd = open("/proc/self/exe", O_RDONLY);

        path[n < 0 ? 0 : n] = '\0';
        stat("/proc/self/exe", &by_link);
        fstat(fd, &by_descriptor);
        stat(program, &own);
        printf("%s: %s, stat %s, open %s\n", who, strrchr(path, '/') ? strrchr(path, '/') : "nothing",
               by_link.st_ino == own.st_ino ? "right" : "wrong",
               by_descriptor.st_ino == own.st_ino ? "right" : "wrong");
        fflush(stdout);
}

static void become_daemon(char *program)
{
        pid_t parent = getpid();

        setsid();
        if (fork() > 0)
                _exit(0);
        while (getppid() == parent)
                usleep(1000);
        tell("orphan", program);
        execv("/proc/self/exe", (char *[]){program, (char *)"again", NULL});
        perror("execv");
        _exit(1);
}

int main(int argc, char **argv)
{
        int ends[2];
        char byte;

        if (argc > 1) {
                tell("again", argv[0]);
                return 0;
        }
        if (pipe(ends) < 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0)
                return 1;
        if (fork() == 0)
                become_daemon(argv[0]);
        wait(NULL);
        close(ends[1]);
        return (int)read(ends[0], &byte, 1); /* until the daemon is gone */
}
