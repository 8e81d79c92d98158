/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program worth mutating: prints "ran" and tries to read what no policy grants. */
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        const char *forbidden = argc > 1 ? argv[1] : "/nonexistent";

        if (open(forbidden, O_RDONLY) >= 0) {
                (void)!write(1, "UNCONFINED\n", 11);
                return 3;
        }
        (void)!write(1, "ran\n", 4);
        return 0;
}
