/* SPDX-License-Identifier: Apache-2.0 */
/* asks MILLISECONDS: opens a file that is not there, again and again. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

static long long now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
        long long end = now_ms() + (argc > 1 ? atoi(argv[1]) : 100);

        while (now_ms() < end)
                if (open("/usr/lib/no/such/file", O_RDONLY) >= 0 || errno != ENOENT)
                        return 1;
        return 0;
}
