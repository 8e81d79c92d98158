/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/policy/syscalls.h"
#include "cli/ctl.h"

static const char usage[] =
        "Usage: flickerctl policy show [--var NAME=VALUE]... FILE|NAME\n"
        "\n"
        "Prints all rules of a policy, what it extends included, with variables and symbolic links\n"
        "resolved, and where each comes from. Exit status: 0; 1 the policy is wrong; 2 wrong usage.\n";

static void print_conditions(const struct rule *rule)
{
        static const char *const operators[] = {
                [ARG_EQ] = "==", [ARG_NE] = "!=", [ARG_LT] = "<",        [ARG_LE] = "<=",
                [ARG_GT] = ">",  [ARG_GE] = ">=", [ARG_MASKED_EQ] = "=="};

        for (unsigned i = 0; i < rule->condition_count; i++) {
                const struct argument_condition *condition = &rule->conditions[i];

                if (condition->op == ARG_MASKED_EQ)
                        printf(" arg%u & %#llx", condition->index, (unsigned long long)condition->mask);
                else
                        printf(" arg%u", condition->index);
                printf(" %s %#llx", operators[condition->op], (unsigned long long)condition->value);
        }
}

static void print_rule(const struct rule *rule)
{
        char origin[512];

        printf("%-16s ", rule_list_name(rule->list));
        if (rule->list == RULE_SYSCALLS_DENY || rule->list == RULE_SYSCALLS_KILL ||
            rule->list == RULE_SYSCALLS_ALLOW) {
                printf("%s", syscall_name(rule->nr));
                print_conditions(rule);
                if (rule->list == RULE_SYSCALLS_DENY)
                        printf(" -> %s", errno_symbol(rule->error));
        } else {
                printf("%s", ctl_shown(rule->pattern ? rule->pattern : rule->text));
        }
        printf("    # %s: %s\n", rule_describe(rule, origin, sizeof origin), ctl_shown(rule->text));
}

static void print_policy(const struct policy *policy)
{
        static const char *const on_deny[] = {
                [ON_DENY_ERRNO] = "errno", [ON_DENY_KILL] = "kill", [ON_DENY_WARN] = "warn"};
        static const char *const audit[] = {
                [AUDIT_DENIED] = "denied", [AUDIT_ALL] = "all", [AUDIT_NONE] = "none"};

        printf("policy           %s\n", ctl_shown(policy_name(policy)));
        printf("on_deny          %s\n", on_deny[policy_on_deny(policy)]);
        printf("mediate          %s\n", policy_mediate_all(policy) ? "all" : "auto");
        printf("audit.log        %s\n", audit[policy_audit(policy)]);
        printf("audit.limit      %" PRIu64 " bytes\n", policy_audit_limit(policy));
        printf("process.ptrace   %s\n", policy_ptrace(policy) == PTRACE_SANDBOX ? "sandbox" : "none");
        printf("process.ipc      %s\n", policy_ipc_shared(policy) ? "host" : "sandbox");
        for (unsigned list = 0; list < RULE_LIST_COUNT; list++)
                for (size_t i = 0; i < policy_rule_count(policy); i++)
                        if (policy_rule(policy, i)->list == list)
                                print_rule(policy_rule(policy, i));
}

int ctl_policy_show(int argc, char **argv)
{
        struct ctl_command command = {.usage = usage, .words_min = 1, .words_max = 1};
        struct policy *policy = NULL;
        int status = ctl_command_parse(&command, argc, argv);

        if (status < 0)
                status = ctl_policy_load(&command, &policy);
        if (policy)
                print_policy(policy);
        policy_destroy(policy);
        ctl_command_finish(&command);
        return status;
}
