/* SPDX-License-Identifier: Apache-2.0 */
/* For a debugger: a function to stop in, a variable to change. With an argument it goes on until it is let
 * go. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int counter, keep;

__attribute__((noinline)) int step(int x)
{
        int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

        close(fd);
        counter += x;
        return counter;
}

int main(int argc, char **argv)
{
        (void)argv;
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* for those that are no parent, under Yama */
        alarm(60);
        for (keep = argc > 1; keep;) {
                usleep(10000);
                step(0);
        }
        for (int i = 1; i <= 3; i++)
                printf("%d\n", step(i));
        return 7;
}
