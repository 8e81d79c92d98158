/* SPDX-License-Identifier: Apache-2.0 */
/* Executes a program by execve(2) itself, without the shell that execvp(3) falls back to. */
#include <errno.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
        if (argc < 2)
                return 125;
        execve(argv[1], argv + 1, environ);
        return errno == ENOENT ? 127 : 126;
}
