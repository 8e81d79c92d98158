/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/ctl.h"

static const char usage[] =
        "Usage: flickerctl policy check [--var NAME=VALUE]... FILE|NAME\n"
        "\n"
        "Loads a policy as flicker-run would and says whether it is right. Exit status: 0 it is; 1 it is\n"
        "not, and standard error says where and why; 2 wrong usage.\n";

int ctl_policy_check(int argc, char **argv)
{
        struct ctl_command command = {.usage = usage, .words_min = 1, .words_max = 1};
        struct policy *policy = NULL;
        int status = ctl_command_parse(&command, argc, argv);

        if (status < 0)
                status = ctl_policy_load(&command, &policy);
        if (policy)
                printf("%s: OK, %zu rules\n", ctl_shown(policy_name(policy)), policy_rule_count(policy));
        policy_destroy(policy);
        ctl_command_finish(&command);
        return status;
}
