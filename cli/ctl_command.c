/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/escape.h"
#include "broker/enforce/landlock.h"
#include "cli/ctl.h"
#include "cli/run_message.h"
#include "cli/run_policy.h"
#include "cli/run_tmpdir.h"

#define SHOWN_BUFFERS 4
#define SHOWN_MAX     4400 /* bytes */

enum {
        OPTION_HELP = 'h',
        OPTION_WRITE = 'w',
        OPTION_EXEC = 'x',
        OPTION_VAR = 256,
        OPTION_NO_AGENT,
        OPTION_MEDIATE
};

static const struct option long_options[] = {
        {"help", no_argument, NULL, OPTION_HELP},
        {"write", no_argument, NULL, OPTION_WRITE},
        {"exec", no_argument, NULL, OPTION_EXEC},
        {"var", required_argument, NULL, OPTION_VAR},
        {"no-agent", no_argument, NULL, OPTION_NO_AGENT},
        {"mediate", required_argument, NULL, OPTION_MEDIATE},
        {NULL, 0, NULL, 0},
};

const char *ctl_shown(const char *text)
{
        static char buffers[SHOWN_BUFFERS][SHOWN_MAX];
        static unsigned next;

        next = (next + 1) % SHOWN_BUFFERS;
        return escape_text(text, strlen(text), buffers[next], sizeof buffers[next]);
}

static bool add_variable(struct ctl_command *command, const char *text)
{
        const char *equals = strchr(text, '=');
        struct policy_variable *variable = &command->variables[command->variable_count];

        if (!equals || equals == text || command->variable_count == CTL_VARIABLES_MAX)
                return false;
        variable->name = strndup(text, (size_t)(equals - text));
        variable->value = equals + 1;
        if (!variable->name)
                return false;
        command->variable_count++;
        return true;
}

/* False where the option is not understood, or not this verb's. */
static bool take_option(struct ctl_command *command, int option)
{
        bool own = option < 256 && command->switches && strchr(command->switches, option);

        switch (option) {
        case OPTION_WRITE:
                return command->write = own;
        case OPTION_EXEC:
                return command->exec = own;
        case OPTION_VAR:
                return add_variable(command, optarg);
        case OPTION_NO_AGENT:
                return command->no_agent = true;
        case OPTION_MEDIATE:
                command->mediate_all = strcmp(optarg, "all") == 0;
                return command->mediate_all || strcmp(optarg, "auto") == 0;
        default:
                return false;
        }
}

static int wrong_usage(const struct ctl_command *command)
{
        fprintf(stderr, "%s", command->usage);
        return CTL_FAILED;
}

int ctl_command_parse(struct ctl_command *command, int argc, char **argv)
{
        int option;

        optind = 0;
        opterr = 0;
        while ((option = getopt_long(argc, argv, ":hwx", long_options, NULL)) != -1) {
                if (option == OPTION_HELP) {
                        fputs(command->usage, stdout);
                        return fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
                }
                if (!take_option(command, option))
                        return wrong_usage(command);
        }
        if ((unsigned)(argc - optind) < command->words_min || (unsigned)(argc - optind) > command->words_max)
                return wrong_usage(command);
        while (optind < argc)
                command->words[command->word_count++] = argv[optind++];
        return -1;
}

void ctl_command_finish(struct ctl_command *command)
{
        for (size_t i = 0; i < command->variable_count; i++)
                free((char *)command->variables[i].name);
}

int ctl_policy_load(const struct ctl_command *command, struct policy **ret_policy)
{
        static struct run_paths paths;
        static char tmpdir[RUN_TMPDIR_MAX];
        struct run_policy_request request = {
                .reference = command->words[0],
                .variables = command->variables,
                .variable_count = command->variable_count,
                .tmpdir = tmpdir,
        };
        struct run_cache_entry none;
        struct err err = {0};

        if (run_tmpdir_name(tmpdir) < 0)
                snprintf(tmpdir, sizeof tmpdir, "/tmp/flicker");
        if (run_paths_find(&paths, &err) == 0 &&
            run_policy_load(&request, &paths, ret_policy, &none, &err) == 0)
                return CTL_OK;
        run_say("%s", err.message);
        return CTL_NO;
}

void ctl_tiers_plan(const struct ctl_command *command, const struct policy *policy, struct tiers *ret_tiers)
{
        const struct tier_inputs inputs = {
                .agent = !command->no_agent,
                .mediate_all = command->mediate_all || policy_mediate_all(policy),
                .warn = policy_on_deny(policy) == ON_DENY_WARN,
                .privileged = geteuid() == 0,
                .landlock_abi = landlock_abi(),
        };

        tiers_plan(policy, &inputs, run_policy_is_directory, ret_tiers);
}
