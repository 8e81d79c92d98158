/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ctl.h"
#include "cli/run_message.h"

static const char usage[] =
        "Usage: flickerctl sites FILE\n"
        "\n"
        "Shows the syscall instructions that are found in the ELF file FILE, and how each would be\n"
        "redirected: its offset, the tactic, the system call's number where the code says it, and\n"
        "the bytes that change. Tactics:\n"
        "\n"
        "  before, after, both   instructions in front of it, or behind it, go to a trampoline with it\n"
        "  padding, neighbour    a short jump to a long one nearby, in padding or where others make room\n"
        "  punned, prefixed      a jump that ends in the bytes behind it, which stay as they are\n"
        "  successor             the same, but what follows is displaced, too\n"
        "  none                  left to the kernel's filter, and why\n";

/* The scanner is a program of its own, since it gives up every right before it reads the file. */
int ctl_sites(int argc, char **argv)
{
        static struct run_paths paths;
        struct ctl_command command = {.usage = usage, .words_min = 1, .words_max = 1};
        struct err err = {0};
        int status = ctl_command_parse(&command, argc, argv);
        char path[PATH_MAX + 2];

        ctl_command_finish(&command);
        if (status >= 0)
                return status;
        if (run_paths_find(&paths, &err) < 0) {
                run_say("%s", err.message);
                return CTL_FAILED;
        }
        /* A name in front of which the scanner sees no option. */
        snprintf(path, sizeof path, "%s%s", command.words[0][0] == '-' ? "./" : "", command.words[0]);
        execv(paths.scanner, (char *[]){paths.scanner, path, NULL});
        run_say("cannot execute %s: %s", paths.scanner, strerror(errno));
        return CTL_FAILED;
}
