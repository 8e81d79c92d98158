/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled policy as an image. It begins with struct head; struct policy and the rules lie in it as they do
 * in memory, pointers replaced by distances. Arrays and strings are used where they lie; the rules, which
 * have pointers of their own, are copied when the policy is unpacked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/cleanup.h"
#include "broker/policy/compiled.h"

struct head {
        struct policy policy;
        size_t paths; /* where the automaton lies */
        size_t size;
};

/* Rules of one file follow one another and share its name. */
static void pack_rules(const struct policy *policy, struct rule *rules, struct image *image)
{
        for (size_t i = 0; i < policy->rule_count; i++) {
                const struct rule *rule = &policy->rules[i];

                rules[i] = *rule;
                rules[i].file = i && rule->file == policy->rules[i - 1].file
                                        ? rules[i - 1].file
                                        : image_add_text(image, rule->file);
                rules[i].text = image_add_text(image, rule->text);
                rules[i].pattern = image_add_text(image, rule->pattern);
                rules[i].conditions = NULL;
                if (rule->condition_count)
                        rules[i].conditions = image_add(image, rule->conditions,
                                                        rule->condition_count * sizeof *rule->conditions);
        }
}

int policy_pack(const struct policy *policy, void **ret_image, size_t *ret_size)
{
        _cleanup_free_ struct rule *rules = calloc(policy->rule_count + 1, sizeof *rules);
        struct head head = {.policy = *policy};
        struct image image = {0};

        if (!rules)
                return -ENOMEM;
        image_add(&image, &head, sizeof head);
        pack_rules(policy, rules, &image);
        head.policy.arena = (struct arena){0};
        head.policy.unpacked = true;
        head.policy.paths = NULL;
        head.policy.name = image_add_text(&image, policy->name);
        head.policy.rules = image_add(&image, rules, policy->rule_count * sizeof *rules);
        head.policy.rule_room = policy->rule_count;
        head.policy.addresses =
                image_add(&image, policy->addresses, policy->address_count * sizeof *policy->addresses);
        head.policy.syscall_next =
                image_add(&image, policy->syscall_next, policy->rule_count * sizeof *policy->syscall_next);
        head.paths = automaton_pack(policy->paths, &image);
        head.size = image.size;
        if (image.failed) {
                free(image.bytes);
                return -ENOMEM;
        }
        memcpy(image.bytes + IMAGE_ALIGNMENT, &head, sizeof head);
        *ret_image = image.bytes;
        *ret_size = image.size;
        return 0;
}

static int unpack_rules(const void *image, struct policy *policy)
{
        const struct rule *packed = image_at(image, policy->rules);

        policy->rules = malloc((policy->rule_count + 1) * sizeof *policy->rules);
        if (!policy->rules)
                return -ENOMEM;
        for (size_t i = 0; i < policy->rule_count; i++) {
                struct rule *rule = &policy->rules[i];

                *rule = packed[i];
                rule->file = image_at(image, rule->file);
                rule->text = image_at(image, rule->text);
                rule->pattern = image_at(image, rule->pattern);
                rule->conditions = image_at(image, rule->conditions);
        }
        return 0;
}

int policy_unpack(const void *image, struct policy **ret_policy)
{
        const struct head *head = image_at(image, (const void *)(size_t)IMAGE_ALIGNMENT);
        struct policy *policy = malloc(sizeof *policy);
        int r;

        if (!policy)
                return -ENOMEM;
        *policy = head->policy;
        policy->name = image_at(image, policy->name);
        policy->addresses = image_at(image, policy->addresses);
        policy->syscall_next = image_at(image, policy->syscall_next);
        r = unpack_rules(image, policy);
        if (r == 0)
                r = automaton_unpack(image, head->paths, &policy->paths);
        if (r < 0) {
                policy_destroy(policy);
                return r;
        }
        *ret_policy = policy;
        return 0;
}
