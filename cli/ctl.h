/* SPDX-License-Identifier: Apache-2.0 */
/* flickerctl's verbs, a file each. A verb gets argv from its own name on and returns the exit status. */
#ifndef FLICKER_CLI_CTL_H
#define FLICKER_CLI_CTL_H

#include "broker/policy/policy.h"
#include "broker/policy/tiers.h"
#include "cli/run_paths.h"

enum ctl_status {
        CTL_OK = 0,
        CTL_NO = 1,     /* the answer is no: the policy is wrong, the operation is refused */
        CTL_FAILED = 2, /* wrong usage, or the question could not be answered */
};

int ctl_policy_check(int argc, char **argv);
int ctl_policy_explain(int argc, char **argv);
int ctl_policy_show(int argc, char **argv);
int ctl_sites(int argc, char **argv);

/* What the verbs on policies share: options --var NAME=VALUE, --no-agent, --mediate, and the verb's own
 * switches; the words that are no options. */
#define CTL_VARIABLES_MAX 64
#define CTL_WORDS_MAX     8

struct ctl_command {
        const char *usage; /* text of --help */
        unsigned words_min, words_max;
        const char *switches; /* letters of the verb's own switches among "wxc": --write, --exec, --create */

        struct policy_variable variables[CTL_VARIABLES_MAX]; /* names are allocated */
        size_t variable_count;
        bool no_agent, mediate_all, write, exec;
        const char *words[CTL_WORDS_MAX];
        unsigned word_count;
};

/* -1 to go on; else the exit status to leave with (--help, or wrong usage, which has been told). */
int ctl_command_parse(struct ctl_command *command, int argc, char **argv);
void ctl_command_finish(struct ctl_command *command);

/* Loads the policy named by the first word. CTL_OK, or CTL_NO after saying what is wrong with it. */
int ctl_policy_load(const struct ctl_command *command, struct policy **ret_policy);
void ctl_tiers_plan(const struct ctl_command *command, const struct policy *policy, struct tiers *ret_tiers);

/* For a person: escaped, in a buffer that lasts until the next call but three. */
const char *ctl_shown(const char *text);

#endif
