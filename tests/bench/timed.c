/* SPDX-License-Identifier: Apache-2.0 */
/* timed N COMMAND...: runs the command N times with its output thrown away, prints the nanoseconds of each
 * run. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
        posix_spawn_file_actions_t actions;
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (argc < 3 || null < 0)
                return 2;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, null, 1);
        for (int n = atoi(argv[1]); n > 0; n--) {
                struct timespec start, end;
                pid_t pid;
                int status = 0;

                clock_gettime(CLOCK_MONOTONIC, &start);
                if (posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ) ||
                    waitpid(pid, &status, 0) < 0)
                        return 1;
                clock_gettime(CLOCK_MONOTONIC, &end);
                if (status) {
                        fprintf(stderr, "timed: %s ended with status %#x\n", argv[2], status);
                        return 1;
                }
                printf("%.0f\n",
                       (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec));
        }
        return 0;
}
