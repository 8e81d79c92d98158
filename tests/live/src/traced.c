/* SPDX-License-Identifier: Apache-2.0 */
/* For a debugger: a function to stop in, a variable to change. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int counter;

__attribute__((noinline)) int step(int x)
{
        int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

        close(fd);
        counter += x;
        return counter;
}

int main(void)
{
        for (int i = 1; i <= 3; i++)
                printf("%d\n", step(i));
        return 7;
}
