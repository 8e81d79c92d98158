/* SPDX-License-Identifier: Apache-2.0 */
/* The cores that a program may run on are the same whenever it asks: right after a descriptor was handed to
 * it, and in a child that it makes then. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPENS 5000
#define FORKS 200

static cpu_set_t all;

static int differs(void)
{
        cpu_set_t now;

        return sched_getaffinity(0, sizeof now, &now) < 0 || !CPU_EQUAL(&now, &all);
}

static unsigned after_opens(void)
{
        unsigned wrong = 0;

        for (unsigned i = 0; i < OPENS; i++) {
                int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

                wrong += fd < 0 || differs();
                close(fd);
        }
        return wrong;
}

static unsigned in_children(void)
{
        unsigned wrong = 0;

        for (unsigned i = 0; i < FORKS; i++) {
                int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC), status = 0;
                pid_t child = fork();

                if (child == 0)
                        _exit(differs());
                wrong += fd < 0 || child < 0 || waitpid(child, &status, 0) != child || status != 0;
                close(fd);
        }
        return wrong;
}

int main(void)
{
        sched_getaffinity(0, sizeof all, &all);
        printf("%u opens, %u children with other cores\n", after_opens(), in_children());
        return 0;
}
