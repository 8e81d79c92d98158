/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_filter.h"

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

static bool is_program(const struct run_cache_entry *entry)
{
        return entry->size && entry->size % sizeof(struct sock_filter) == 0 &&
               entry->size / sizeof(struct sock_filter) <= BPF_MAXINSNS;
}

/* The remembered program, or false. */
static bool recall(const struct run_cache_key *key, const char *directory, struct filter *ret_filter,
                   struct run_cache_entry *ret_entry)
{
        if (!run_cache_recall(key, directory, ret_entry))
                return false;
        if (!is_program(ret_entry)) {
                run_cache_release(ret_entry);
                return false;
        }
        ret_filter->program.len = (unsigned short)(ret_entry->size / sizeof(struct sock_filter));
        ret_filter->program.filter = (struct sock_filter *)ret_entry->data;
        return true;
}

int run_filter_get(const struct policy *policy, const struct tiers *tiers, const char *directory,
                   struct filter *ret_filter, struct run_cache_entry *ret_entry, struct err *err)
{
        static struct run_cache_key key; /* static: large */
        int r;

        *ret_entry = (struct run_cache_entry){0};
        if (!directory)
                return filter_build(policy, tiers, ret_filter, err);
        make_key(policy, tiers, &key);
        if (recall(&key, directory, ret_filter, ret_entry))
                return 0;
        r = filter_build(policy, tiers, ret_filter, err);
        if (r == 0)
                run_cache_remember(&key, directory, ret_filter->program.filter,
                                   ret_filter->program.len * sizeof *ret_filter->program.filter);
        return r;
}
