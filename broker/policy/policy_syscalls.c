/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls: rules by name, by group, and by conditions on scalar arguments. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/policy/loader.h"
#include "broker/policy/tiers.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A rule on its way from JSON. */
struct draft {
        const char *name;
        struct value name_at;
        unsigned condition_count;
        struct argument_condition conditions[6];
        int error;
        bool error_set;
};

static const struct {
        const char *text;
        enum argument_op op;
} operators[] = {
        {"==", ARG_EQ}, {"!=", ARG_NE}, {"<", ARG_LT},          {"<=", ARG_LE},
        {">", ARG_GT},  {">=", ARG_GE}, {"&==", ARG_MASKED_EQ}, {"masked_eq", ARG_MASKED_EQ},
};

static int constant_read(struct loader *loader, struct value value, const char *name, uint64_t *ret_number)
{
        char seen[80], meant[128];

        if (constant_value(name, ret_number) == 0)
                return 0;
        return value_error(loader, value,
                           "the unknown constant \"%s\"; expected a number or a C constant such as AF_INET%s",
                           escape_text(name, strlen(name), seen, sizeof seen),
                           did_you_mean(constant_nearest(name), meant, sizeof meant));
}

/* "A|B" */
static int constants_read(struct loader *loader, struct value value, const char *text, uint64_t *ret_number)
{
        uint64_t number = 0;

        for (;;) {
                size_t length = strcspn(text, "|");
                char name[80];
                uint64_t one;
                int r;

                if (!length || length >= sizeof name)
                        return value_error(loader, value,
                                           "\"%.200s\"; expected a number or C constants such as A|B", text);
                memcpy(name, text, length);
                name[length] = '\0';
                r = constant_read(loader, value, name, &one);
                if (r < 0)
                        return r;
                number |= one;
                if (!text[length])
                        break;
                text += length + 1;
        }
        *ret_number = number;
        return 0;
}

static int number_read(struct loader *loader, struct value value, uint64_t *ret_number)
{
        if (json_object_is_type(value.json, json_type_string))
                return constants_read(loader, value, json_object_get_string(value.json), ret_number);
        return value_unsigned(loader, value, "a number or the name of a constant", ret_number);
}

static int operator_read(struct loader *loader, struct value value, enum argument_op *ret_op)
{
        const char *names[COUNT(operators)];
        size_t chosen;
        int r;

        for (size_t i = 0; i < COUNT(operators); i++)
                names[i] = operators[i].text;
        r = value_choice(loader, value, names, COUNT(names), &chosen);
        if (r == 0)
                *ret_op = operators[chosen].op;
        return r;
}

/* Which keys of a condition were there. */
struct condition_draft {
        struct argument_condition condition;
        bool index, op, value, mask;
};

static int condition_key(struct loader *loader, const char *key, struct value value, void *context)
{
        struct condition_draft *draft = context;
        uint64_t number;
        int r;

        if (!strcmp(key, "index")) {
                draft->index = true;
                r = value_unsigned(loader, value, "the number of an argument, 0 to 5", &number);
                if (r == 0 && number > 5)
                        return value_error(loader, value, "the argument %llu; expected 0 to 5",
                                           (unsigned long long)number);
                if (r == 0)
                        draft->condition.index = (unsigned)number;
                return r;
        }
        if (!strcmp(key, "op")) {
                draft->op = true;
                return operator_read(loader, value, &draft->condition.op);
        }
        if (!strcmp(key, "value")) {
                draft->value = true;
                return number_read(loader, value, &draft->condition.value);
        }
        draft->mask = true;
        return number_read(loader, value, &draft->condition.mask);
}

static int condition_read(struct loader *loader, struct value value, struct draft *draft)
{
        /* For the keys' names only; condition_key() reads them. */
        static const struct key keys[] = {
                {.name = "index"}, {.name = "op"}, {.name = "value"}, {.name = "mask"}};
        struct condition_draft condition = {0};
        int r = object_read(loader, value, "an object such as { \"index\": 0, \"op\": \"==\", \"value\": 1 }",
                            keys, COUNT(keys));

        if (r == 0)
                r = object_each(loader, value, "an object", condition_key, &condition);
        if (r < 0)
                return r;
        if (!condition.index || !condition.op || !condition.value)
                return value_error(loader, value,
                                   "a condition without \"%s\"; expected \"index\", \"op\" and \"value\"",
                                   !condition.index ? "index"
                                   : !condition.op  ? "op"
                                                    : "value");
        if (condition.mask != (condition.condition.op == ARG_MASKED_EQ))
                return value_error(loader, value,
                                   condition.mask ? "a \"mask\" without the operator \"&==\"; expected both"
                                                  : "the operator \"&==\" without a \"mask\"; expected both");
        if (draft->condition_count == COUNT(draft->conditions))
                return value_error(loader, value, "a seventh condition; expected at most 6");
        draft->conditions[draft->condition_count++] = condition.condition;
        return 0;
}

static int error_read(struct loader *loader, struct value value, struct draft *draft)
{
        char seen[80];
        const char *name;
        int r = value_string(loader, value, "an errno such as \"EPERM\"", &name);

        if (r < 0)
                return r;
        draft->error_set = true;
        draft->error = errno_number(name);
        if (draft->error <= 0)
                return value_error(loader, value,
                                   "the unknown errno \"%s\"; expected a name such as \"EPERM\"",
                                   escape_text(name, strlen(name), seen, sizeof seen));
        return 0;
}

static int conditions_read(struct loader *loader, struct value value, struct draft *draft)
{
        struct value element = {.source = value.source};
        char seen[128];

        if (!json_object_is_type(value.json, json_type_array))
                return value_error(loader, value, "%s; expected a list of conditions",
                                   value_found(value, seen, sizeof seen));
        element.node = value.source->text.nodes[value.node].first_child;
        for (size_t i = 0; i < json_object_array_length(value.json); i++) {
                int r;

                element.json = json_object_array_get_idx(value.json, i);
                r = condition_read(loader, element, draft);
                if (r < 0)
                        return r;
                element.node = value.source->text.nodes[element.node].next;
        }
        return 0;
}

static int draft_key(struct loader *loader, const char *key, struct value value, void *context)
{
        struct draft *draft = context;

        if (!strcmp(key, "name")) {
                draft->name_at = value;
                return value_string(loader, value, "the name of a syscall or @group", &draft->name);
        }
        if (!strcmp(key, "args"))
                return conditions_read(loader, value, draft);
        return error_read(loader, value, draft);
}

static int rule_add_number(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                           const struct draft *draft, int nr)
{
        size_t size = draft->condition_count * sizeof *draft->conditions;
        struct argument_condition *conditions = arena_alloc(&loader->policy->arena, size);
        struct rule *rule;
        int r = rule_add(loader, at, list, index, draft->name, &rule);

        if (r < 0)
                return r;
        if (!conditions)
                return err_set(loader->err, ENOMEM, "out of memory");
        if (size)
                memcpy(conditions, draft->conditions, size);
        rule->nr = nr;
        rule->condition_count = draft->condition_count;
        rule->conditions = conditions;
        rule->error = list == RULE_SYSCALLS_DENY ? draft->error : 0;
        return 0;
}

/* What cannot be granted is not granted silently: a name of it is a mistake. */
static int grant_check(struct loader *loader, const struct draft *draft, int nr)
{
        struct value at = draft->name_at;
        const struct syscall_entry *entry = syscall_entry(nr);

        if (draft->condition_count > 0 && tiers_never_notifies(nr))
                return value_error(
                        loader, draft->name_at,
                        "conditions for \"%s\" in syscalls.allow; expected its name alone, since nothing "
                        "can look at its arguments in time",
                        entry->name);
        if (syscall_in_baseline(nr) || entry->grant == GRANT_ALLOW || entry->grant == GRANT_ARGUMENTS)
                return 0;
        if (entry->grant == GRANT_PTRACE)
                return value_error(loader, at,
                                   "the syscall \"%s\" in syscalls.allow; expected it as "
                                   "\"process\": { \"ptrace\": \"sandbox\" }",
                                   entry->name);
        return value_error(
                loader, at,
                "the syscall \"%s\", which no policy can grant (%s); expected one of the baseline, or "
                "one that docs/SYSCALLS.md calls grantable",
                entry->name, syscall_why(nr));
}

/* A group stands for those of its members that a policy can allow. */
static bool group_member_counts(enum rule_list list, const struct draft *draft, int nr)
{
        const struct syscall_entry *entry = syscall_entry(nr);

        if (list == RULE_SYSCALLS_ALLOW && draft->condition_count > 0 && tiers_never_notifies(nr))
                return false;
        return list != RULE_SYSCALLS_ALLOW || syscall_in_baseline(nr) || entry->grant == GRANT_ALLOW ||
               entry->grant == GRANT_ARGUMENTS;
}

static int group_add(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                     const struct draft *draft, const int *numbers, int count)
{
        int added = 0;

        for (int i = 0; i < count; i++) {
                int r = 0;

                if (group_member_counts(list, draft, numbers[i])) {
                        r = rule_add_number(loader, at, list, index, draft, numbers[i]);
                        added++;
                }
                if (r < 0)
                        return r;
        }
        if (added == 0)
                return value_error(
                        loader, draft->name_at,
                        "the group \"%s\", of which no policy can grant anything; expected another "
                        "(docs/SYSCALLS.md says why)",
                        draft->name);
        return 0;
}

static int rules_add(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                     const struct draft *draft)
{
        char seen[80], meant[64];
        const int *numbers;
        int count, nr;

        escape_text(draft->name, strlen(draft->name), seen, sizeof seen);
        if (draft->name[0] != '@') {
                nr = syscall_number(draft->name);
                if (nr < 0 || nr >= SYSCALLS_LIMIT)
                        return value_error(
                                loader, draft->name_at,
                                "the unknown syscall \"%s\"; expected one of x86-64's, or @group%s", seen,
                                did_you_mean(syscall_nearest(draft->name), meant, sizeof meant));
                if (list == RULE_SYSCALLS_ALLOW) {
                        int r = grant_check(loader, draft, nr);

                        if (r < 0)
                                return r;
                }
                return rule_add_number(loader, at, list, index, draft, nr);
        }
        count = syscall_group(draft->name, &numbers);
        if (count < 0)
                return value_error(loader, draft->name_at,
                                   "the unknown syscall group \"%s\"; expected one of systemd's%s", seen,
                                   did_you_mean(syscall_group_nearest(draft->name), meant, sizeof meant));
        return group_add(loader, at, list, index, draft, numbers, count);
}

int rule_read_syscall(struct loader *loader, struct value value, unsigned index, int list)
{
        static const struct key keys[] = {{.name = "name"}, {.name = "args"}, {.name = "errno"}};
        struct draft draft = {.name_at = value, .error = EPERM};
        int r;

        if (json_object_is_type(value.json, json_type_object)) {
                r = object_read(loader, value, "a syscall", keys, COUNT(keys));
                if (r == 0)
                        r = object_each(loader, value, "a syscall", draft_key, &draft);
                if (r < 0)
                        return r;
                if (!draft.name)
                        return value_error(
                                loader, value,
                                "a rule without \"name\"; expected the name of a syscall or @group");
                if (draft.error_set && list != RULE_SYSCALLS_DENY)
                        return value_error(loader, value,
                                           "an \"errno\" in syscalls.%s; expected it in syscalls.deny only",
                                           list == RULE_SYSCALLS_KILL ? "kill" : "allow");
        } else {
                r = value_string(loader, value, "the name of a syscall, @group, or an object with conditions",
                                 &draft.name);
                if (r < 0)
                        return r;
        }
        return rules_add(loader, value, (enum rule_list)list, index, &draft);
}

/* In whatever file it stands, "deny" holds: it only takes away. */
int syscall_default_read(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {"baseline", "deny"};
        struct rule *rule;
        size_t chosen;
        int r = value_choice(loader, value, names, COUNT(names), &chosen);

        (void)argument;
        if (r < 0 || chosen == 0 || loader->policy->exhaustive)
                return r;
        r = rule_add(loader, value, RULE_SYSCALLS_DEFAULT, 0, names[chosen], &rule);
        if (r == 0)
                loader->policy->exhaustive = (uint32_t)loader->policy->rule_count;
        return r;
}

/* Which chain a rule is in; they are built one list after the other, the one that is tried first last. */
static uint32_t *chain_of(struct policy *policy, const struct rule *rule, enum rule_list list)
{
        if (rule->list != list || rule->nr < 0 || rule->nr >= SYSCALLS_LIMIT)
                return NULL;
        return list == RULE_SYSCALLS_ALLOW ? &policy->allow_first[rule->nr]
                                           : &policy->syscall_first[rule->nr];
}

/* Chains the rules of each syscall, kill before deny: built from the end, so that earlier rules come first.
 */
int syscall_rules_index(struct loader *loader)
{
        static const enum rule_list lists[] = {RULE_SYSCALLS_DENY, RULE_SYSCALLS_KILL, RULE_SYSCALLS_ALLOW};
        struct policy *policy = loader->policy;
        size_t count = 0;

        for (unsigned list = 0; list < COUNT(lists); list++)
                count += policy->list_counts[lists[list]];
        if (!count)
                return 0;
        policy->syscall_next = calloc(policy->rule_count, sizeof *policy->syscall_next);
        if (!policy->syscall_next)
                return err_set(loader->err, ENOMEM, "out of memory");
        for (unsigned list = 0; list < COUNT(lists); list++)
                for (size_t i = policy->rule_count; i-- > 0;) {
                        uint32_t *first = chain_of(policy, &policy->rules[i], lists[list]);

                        if (!first)
                                continue;
                        policy->syscall_next[i] = *first;
                        *first = (uint32_t)i + 1;
                }
        return 0;
}
