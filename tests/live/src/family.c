/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A family that is hard to end: children, grandchildren in sessions of their own, orphans, busy ones,
 * ones that ignore every signal they may. Writes each process id (as seen from outside: all run in the
 * same pid namespace) to the file that is named, then lives for two minutes.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int list;

static void enroll(void)
{
        char line[32];
        int n = snprintf(line, sizeof(line), "%d\n", getpid());

        if (write(list, line, (size_t)n) != n)
                abort();
}

static void live(int busy)
{
        time_t end = time(NULL) + 120;

        enroll();
        while (time(NULL) < end) {
                if (busy)
                        close(open("/etc/passwd", O_RDONLY));
                usleep(busy ? 1000 : 50000);
        }
        _exit(0);
}

static void deaf(void)
{
        for (int i = 1; i < 32; i++)
                signal(i, SIG_IGN);
}

int main(int argc, char **argv)
{
        if (argc != 2)
                return 2;
        list = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644);
        if (list < 0) {
                perror(argv[1]);
                return 1;
        }
        if (fork() == 0)
                live(0);
        if (fork() == 0)
                live(1);
        if (fork() == 0) {
                deaf();
                live(1);
        }
        if (fork() == 0) {
                setsid();
                if (fork() == 0) {
                        deaf();
                        live(1);
                }
                _exit(0);
        }
        if (fork() == 0) {
                setsid();
                prctl(PR_SET_PDEATHSIG, 0);
                if (fork() == 0) {
                        if (fork() == 0)
                                live(0);
                        _exit(0);
                }
                _exit(0);
        }
        live(0);
}
