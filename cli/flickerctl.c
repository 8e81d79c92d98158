/* SPDX-License-Identifier: Apache-2.0 */
/* flickerctl: asks about policies and programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"
#include "cli/run_message.h"

static const char usage[] =
        "Usage: flickerctl policy check FILE|NAME           is this policy right?\n"
        "       flickerctl policy explain FILE|NAME OP OBJECT  what becomes of an operation, and why\n"
        "       flickerctl policy show FILE|NAME            all its rules, with their origin\n"
        "       flickerctl sites FILE                       the syscall instructions of a program\n"
        "       flickerctl --help | --version\n"
        "\n"
        "Each of them takes --help.\n";

static const struct {
        const char *first, *second; /* second NULL: one word */
        int (*run)(int argc, char **argv);
} verbs[] = {
        {"policy", "check", ctl_policy_check},
        {"policy", "explain", ctl_policy_explain},
        {"policy", "show", ctl_policy_show},
        {"sites", NULL, ctl_sites},
};

static int print(const char *text)
{
        return fputs(text, stdout) < 0 || fflush(stdout) < 0 ? CTL_FAILED : CTL_OK;
}

int main(int argc, char **argv)
{
        for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
                int words = verbs[i].second ? 2 : 1;

                if (strcmp(argv[1], verbs[i].first) != 0 ||
                    (verbs[i].second && (argc < 3 || strcmp(argv[2], verbs[i].second) != 0)))
                        continue;
                return verbs[i].run(argc - words, argv + words);
        }
        if (argc == 2 && strcmp(argv[1], "--version") == 0)
                return print("flickerctl " FLICKER_VERSION "\n");
        if (argc >= 2 && (strcmp(argv[argc - 1], "--help") == 0 || strcmp(argv[argc - 1], "-h") == 0))
                return print(usage);
        fputs(usage, stderr);
        return CTL_FAILED;
}
