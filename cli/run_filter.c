/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_filter.h"

#include <stdlib.h>
#include <string.h>

#include "cli/run_cache.h"

static void add_rule(struct run_cache_key *key, const struct rule *rule)
{
        const int64_t numbers[] = {rule->list, rule->nr, rule->error, rule->condition_count};

        run_cache_key_add(key, numbers, sizeof numbers);
        for (unsigned i = 0; i < rule->condition_count; i++) {
                const struct argument_condition *condition = &rule->conditions[i];
                const uint64_t words[] = {condition->index, condition->op, condition->value, condition->mask};

                run_cache_key_add(key, words, sizeof words);
        }
}

static void make_key(const struct policy *policy, const struct tiers *tiers, struct run_cache_key *key)
{
        const uint64_t settings[] = {policy_on_deny(policy), policy_syscalls_exhaustive(policy)};

        run_cache_key_init(key);
        run_cache_key_add(key, settings, sizeof settings);
        run_cache_key_add(key, tiers, sizeof *tiers);
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if (rule->list >= RULE_SYSCALLS_DENY)
                        add_rule(key, rule);
        }
}

/* The remembered program, or false. */
static bool recall(const struct run_cache_key *key, const char *directory, struct filter *ret_filter)
{
        struct run_cache_entry entry;
        struct sock_filter *code = NULL;

        if (!run_cache_recall(key, directory, &entry))
                return false;
        if (entry.size && entry.size % sizeof *code == 0 && entry.size / sizeof *code <= BPF_MAXINSNS)
                code = malloc(entry.size);
        if (code) {
                memcpy(code, entry.data, entry.size);
                ret_filter->program.len = (unsigned short)(entry.size / sizeof *code);
                ret_filter->program.filter = code;
        }
        run_cache_release(&entry);
        return code != NULL;
}

int run_filter_get(const struct policy *policy, const struct tiers *tiers, const char *directory,
                   struct filter *ret_filter, struct err *err)
{
        static struct run_cache_key key; /* static: large */
        int r;

        if (!directory)
                return filter_build(policy, tiers, ret_filter, err);
        make_key(policy, tiers, &key);
        if (recall(&key, directory, ret_filter))
                return 0;
        r = filter_build(policy, tiers, ret_filter, err);
        if (r == 0)
                run_cache_remember(&key, directory, ret_filter->program.filter,
                                   ret_filter->program.len * sizeof *ret_filter->program.filter);
        return r;
}
