/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/scalar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/enforce/filter.h"

bool scalar_condition_holds(const struct scalar_condition *condition, const uint64_t args[6])
{
        uint64_t whole = args[condition->index];
        uint64_t low = (uint32_t)whole;

        switch (condition->op) {
        case SCALAR_INT_EQ:
                return low == condition->value;
        case SCALAR_INT_NE:
                return low != condition->value;
        case SCALAR_INT_GT:
                return low > condition->value;
        case SCALAR_INT_MASKED:
                return (low & condition->mask) == condition->value;
        case SCALAR_INT_ANY:
                return (low & condition->mask) != 0;
        case SCALAR_LONG_EQ:
                return whole == condition->value;
        case SCALAR_LONG_NE:
                return whole != condition->value;
        case SCALAR_LONG_MASKED:
                return (whole & condition->mask) == condition->value;
        }
        return true;
}

static bool rule_matches(const struct scalar_rule *rule, const struct tiers *tiers, const uint64_t args[6])
{
        if (!scalar_rule_applies(rule, tiers))
                return false;
        for (unsigned i = 0; i < rule->condition_count; i++)
                if (!scalar_condition_holds(&rule->conditions[i], args))
                        return false;
        return true;
}

/*
 * Does the policy allow what this rule refuses? A name in syscalls.allow is not enough, or an exhaustive list
 * that has to name socket would open every family: the policy's rule has to test each argument that is
 * refused here.
 */
static bool is_lifted(const struct policy *policy, const struct scalar_rule *rule, const uint64_t args[6])
{
        unsigned tested = 0;

        for (unsigned i = 0; i < rule->condition_count; i++)
                tested |= 1u << rule->conditions[i].index;
        return rule->grantable && policy_find_allow(policy, rule->nr, args, tested);
}

static const struct scalar_rule *find_rule(const struct policy *policy, const struct tiers *tiers, int nr,
                                           const uint64_t args[6])
{
        for (size_t i = 0; i < scalar_rule_count; i++) {
                const struct scalar_rule *rule = &scalar_rules[i];

                if (rule->nr == nr && rule_matches(rule, tiers, args))
                        return is_lifted(policy, rule, args) ? NULL : rule;
        }
        return NULL;
}

static void describe(const struct scalar_rule *rule, const uint64_t args[6], struct verdict *verdict)
{
        const char *object = rule->object[0] ? rule->object : NULL;
        uint32_t value = (uint32_t)args[rule->conditions[0].index];
        int length;

        if (!object && rule->family[0])
                object = constant_symbol(rule->family, value);
        if (object)
                length = snprintf(verdict->object, sizeof verdict->object, "%s", object);
        else
                length = snprintf(verdict->object, sizeof verdict->object, "%#" PRIx32, value);
        verdict->operation = syscall_name(rule->nr);
        verdict->object_length = (size_t)length;
}

void scalar_check(const struct policy *policy, const struct tiers *tiers, int nr, const uint64_t args[6],
                  struct verdict *ret_verdict)
{
        const struct scalar_rule *rule = find_rule(policy, tiers, nr, args);

        ret_verdict->outcome = VERDICT_ALLOW;
        ret_verdict->error = 0;
        ret_verdict->rule = NULL;
        ret_verdict->baseline = false;
        if (!rule || (rule->outcome != SCALAR_REFUSE && rule->outcome != SCALAR_ANSWER))
                return;
        ret_verdict->outcome = VERDICT_DENY;
        ret_verdict->error = rule->error;
        ret_verdict->baseline = rule->baseline;
        describe(rule, args, ret_verdict);
}
