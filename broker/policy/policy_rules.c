/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a policy: adding them, reading them off, and saying which one it was. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/policy/loader.h"
#include "broker/policy/pattern.h"

const char *rule_list_name(enum rule_list list)
{
        static const char *const names[RULE_LIST_COUNT] = {
                [RULE_FILES_READ] = "files.read",           [RULE_FILES_WRITE] = "files.write",
                [RULE_FILES_EXEC] = "files.exec",           [RULE_FILES_DENY] = "files.deny",
                [RULE_FILES_HIDE] = "files.hide",           [RULE_NETWORK_BIND] = "network.bind",
                [RULE_NETWORK_CONNECT] = "network.connect", [RULE_NETWORK_DENY] = "network.deny",
                [RULE_SYSCALLS_DENY] = "syscalls.deny",     [RULE_SYSCALLS_KILL] = "syscalls.kill",
                [RULE_SYSCALLS_ALLOW] = "syscalls.allow",   [RULE_SYSCALLS_DEFAULT] = "syscalls.default",
        };

        return names[list];
}

int rule_add(struct loader *loader, struct value at, enum rule_list list, unsigned index, const char *text,
             struct rule **ret_rule)
{
        struct policy *policy = loader->policy;
        struct rule *rule;

        if (policy->rule_count == POLICY_RULES_MAX)
                return value_error(loader, at, "more than %d rules in the policy; expected fewer",
                                   POLICY_RULES_MAX);
        if (policy->rule_count == policy->rule_room) {
                size_t room = policy->rule_room ? policy->rule_room * 2 : 256;
                struct rule *larger = reallocarray(policy->rules, room, sizeof *larger);

                if (!larger)
                        return err_set(loader->err, ENOMEM, "out of memory");
                policy->rules = larger;
                policy->rule_room = room;
        }
        rule = &policy->rules[policy->rule_count];
        *rule = (struct rule){.list = list, .index = index, .nr = -1};
        rule->text = arena_copy(&policy->arena, text, strlen(text));
        rule->file = at.source->name;
        if (!rule->text)
                return err_set(loader->err, ENOMEM, "out of memory");
        if (at.source->text.text)
                json_text_position(&at.source->text, at.source->text.nodes[at.node].offset, &rule->line,
                                   &rule->column);
        policy->rule_count++;
        policy->list_counts[list]++;
        *ret_rule = rule;
        return 0;
}

int rule_add_file(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                  const char *text)
{
        struct policy *policy = loader->policy;
        struct pattern_target target = {.automaton = policy->paths,
                                        .resolver = &loader->resolver,
                                        .arena = &policy->arena,
                                        .list = list,
                                        .rule = (uint32_t)policy->rule_count,
                                        .guard_name = LISTS_GUARDED & LIST_BIT(list)};
        const char *expanded;
        struct rule *rule;
        struct err err = {0};
        int r = rule_add(loader, at, list, index, text, &rule);

        if (r == 0)
                r = variables_expand(loader, at, text, &expanded);
        if (r < 0)
                return r;
        r = pattern_add(&target, expanded, &rule->pattern, &rule->wildcard, &err);
        if (r < 0)
                return value_error(loader, at, "%s", err.message);
        /* "$CWD" of someone who stands in the root directory is hardly meant. */
        if (list == RULE_FILES_WRITE && !strcmp(rule->pattern, "/") && strpbrk(text, "$~"))
                return value_error(
                        loader, at,
                        "\"%.200s\", which is \"/\" here and would open the whole system for writing; "
                        "expected a directory within it, or \"/\" itself where that is meant",
                        text);
        return 0;
}

int rule_read_files(struct loader *loader, struct value value, unsigned index, int list)
{
        const char *text;
        int r = value_string(loader, value, "a path", &text);

        return r < 0 ? r : rule_add_file(loader, value, (enum rule_list)list, index, text);
}

size_t policy_rule_count(const struct policy *policy)
{
        return policy->rule_count;
}

const struct rule *policy_rule(const struct policy *policy, size_t index)
{
        return &policy->rules[index];
}

const char *policy_name(const struct policy *policy)
{
        return policy->name;
}

bool policy_mediate_all(const struct policy *policy)
{
        return policy->mediate_all;
}

enum policy_on_deny policy_on_deny(const struct policy *policy)
{
        return policy->on_deny;
}

enum policy_audit policy_audit(const struct policy *policy)
{
        return policy->audit;
}

uint64_t policy_audit_limit(const struct policy *policy)
{
        return policy->audit_limit;
}

bool policy_uses_tmpdir(const struct policy *policy)
{
        return policy->uses_tmpdir;
}

bool policy_hides_anything(const struct policy *policy)
{
        return policy->list_counts[RULE_FILES_HIDE] > 0;
}

char *rule_describe(const struct rule *rule, char *out, size_t size)
{
        char file[256], index[16] = "", line[16] = "";

        if (!rule) {
                snprintf(out, size, "no rule grants it");
                return out;
        }
        escape_text(rule->file, strlen(rule->file), file, sizeof file);
        if (rule->list != RULE_SYSCALLS_DEFAULT)
                snprintf(index, sizeof index, "[%u]", rule->index);
        if (rule->line)
                snprintf(line, sizeof line, ":%u", rule->line);
        snprintf(out, size, "%s%s, %s%s", rule_list_name(rule->list), index, file, line);
        return out;
}
