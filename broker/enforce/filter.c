/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/base/kernel_call.h"
#include "broker/enforce/prologue.h"
#include "broker/enforce/scalar.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define COMPARISONS_MAX       6
#define CONDITIONAL_RULES_MAX 128 /* of the policy; with more of them each syscall concerned is notified */

/* The conditions of one rule as libseccomp takes them: at most one an argument, or it refuses the rule. */
struct comparisons {
        struct scmp_arg_cmp list[COMPARISONS_MAX];
        unsigned count;
        bool exact;      /* false: a condition was dropped or widened, so that the rule matches more */
        bool inequality; /* compares with something else than EQ and MASKED_EQ */
};

/* The policy's rules on registers, before any is added. */
struct census {
        unsigned conditional[SYSCALLS_LIMIT]; /* rules with conditions for each number */
        unsigned total;
};

static bool compares_argument(const struct comparisons *comparisons, unsigned index)
{
        for (unsigned i = 0; i < comparisons->count; i++)
                if (comparisons->list[i].arg == index)
                        return true;
        return false;
}

static void compare(struct comparisons *comparisons, unsigned index, enum scmp_compare op, uint64_t a,
                    uint64_t b)
{
        if (compares_argument(comparisons, index)) {
                comparisons->exact = false;
                return;
        }
        comparisons->inequality |= op != SCMP_CMP_EQ && op != SCMP_CMP_MASKED_EQ;
        comparisons->list[comparisons->count++] =
                (struct scmp_arg_cmp){.arg = index, .op = op, .datum_a = a, .datum_b = b};
}

/* An int compared as the whole register where libseccomp has no other way: more matches, never less. */
static void compare_scalar(struct comparisons *comparisons, const struct scalar_condition *condition)
{
        unsigned index = condition->index;

        switch (condition->op) {
        case SCALAR_INT_EQ:
                compare(comparisons, index, SCMP_CMP_MASKED_EQ, UINT32_MAX, condition->value);
                return;
        case SCALAR_INT_MASKED:
        case SCALAR_LONG_MASKED:
                if (condition->mask)
                        compare(comparisons, index, SCMP_CMP_MASKED_EQ, condition->mask, condition->value);
                return;
        case SCALAR_INT_NE:
                comparisons->exact = false;
                /* fall through */
        case SCALAR_LONG_NE:
                compare(comparisons, index, SCMP_CMP_NE, condition->value, 0);
                return;
        case SCALAR_INT_GT:
                comparisons->exact = false;
                compare(comparisons, index, SCMP_CMP_GT, condition->value, 0);
                return;
        case SCALAR_LONG_EQ:
                compare(comparisons, index, SCMP_CMP_EQ, condition->value, 0);
                return;
        case SCALAR_INT_ANY:
                comparisons->exact = false;
                return;
        }
}

/*
 * A condition of the policy holds of the register or, for values of 32 bits, of its lower half (see
 * argument_condition_holds). For EQ that is the lower half, for NE the register. GT and GE are implied by the
 * register for values without a sign; for the rest there is no comparison, and the condition is dropped.
 */
static void compare_policy(struct comparisons *comparisons, const struct argument_condition *condition)
{
        uint64_t value = condition->value;
        bool positive = value <= UINT32_MAX, negative = value >= (uint64_t)INT32_MIN;

        switch (condition->op) {
        case ARG_MASKED_EQ:
                compare(comparisons, condition->index, SCMP_CMP_MASKED_EQ, condition->mask, value);
                return;
        case ARG_EQ:
                if (positive || negative)
                        compare(comparisons, condition->index, SCMP_CMP_MASKED_EQ, UINT32_MAX,
                                (uint32_t)value);
                else
                        compare(comparisons, condition->index, SCMP_CMP_EQ, value, 0);
                return;
        case ARG_NE:
                compare(comparisons, condition->index, SCMP_CMP_NE, value, 0);
                return;
        case ARG_GT:
        case ARG_GE:
                if (negative)
                        break;
                compare(comparisons, condition->index, condition->op == ARG_GT ? SCMP_CMP_GT : SCMP_CMP_GE,
                        value, 0);
                return;
        case ARG_LT:
        case ARG_LE:
                if (positive || negative)
                        break;
                compare(comparisons, condition->index, condition->op == ARG_LT ? SCMP_CMP_LT : SCMP_CMP_LE,
                        value, 0);
                return;
        }
        comparisons->exact = false;
}

/* -EEXIST says that what is there already covers the rule. */
static int add_rule(scmp_filter_ctx context, uint32_t action, int nr, const struct comparisons *comparisons)
{
        int r = seccomp_rule_add_array(context, action, nr, comparisons->count, comparisons->list);

        return r == -EEXIST ? 0 : r;
}

static int notify_always(scmp_filter_ctx context, int nr)
{
        static const struct comparisons none;

        return add_rule(context, SCMP_ACT_NOTIFY, nr, &none);
}

/* Notifies of what comparisons match, or of everything where libseccomp cannot tell. */
static int notify_where(scmp_filter_ctx context, int nr, const struct comparisons *comparisons)
{
        int r = add_rule(context, SCMP_ACT_NOTIFY, nr, comparisons);

        return r == -EINVAL || r == -EOPNOTSUPP ? notify_always(context, nr) : r;
}

/* Does a rule make the filter notify? */
static bool rule_notifies(const struct scalar_rule *rule, const struct tiers *tiers)
{
        return (rule->outcome == SCALAR_REFUSE || rule->outcome == SCALAR_ASK) &&
               tiers->action[rule->nr] == TIER_SCALAR && scalar_rule_applies(rule, tiers);
}

/* Does wide match wherever narrow does, since each of its conditions is one of narrow's? */
static bool rule_covers(const struct scalar_rule *wide, const struct scalar_rule *narrow)
{
        for (unsigned i = 0; i < wide->condition_count; i++) {
                unsigned j = 0;

                while (j < narrow->condition_count &&
                       memcmp(&wide->conditions[i], &narrow->conditions[j], sizeof wide->conditions[i]) != 0)
                        j++;
                if (j == narrow->condition_count)
                        return false;
        }
        return true;
}

/* libseccomp leaks where one rule's tree swallows another's. */
static bool is_covered(const struct scalar_rule *narrow, const struct tiers *tiers)
{
        for (size_t i = 0; i < scalar_rule_count; i++) {
                const struct scalar_rule *wide = &scalar_rules[i];

                if (wide->nr == narrow->nr && wide->condition_count < narrow->condition_count &&
                    rule_notifies(wide, tiers) && rule_covers(wide, narrow))
                        return true;
        }
        return false;
}

static int add_scalar_rules(scmp_filter_ctx context, const struct tiers *tiers)
{
        int r = 0;

        for (size_t i = 0; i < scalar_rule_count && r == 0; i++) {
                const struct scalar_rule *rule = &scalar_rules[i];
                struct comparisons comparisons = {.exact = true};

                if (!rule_notifies(rule, tiers) || is_covered(rule, tiers))
                        continue;
                for (unsigned j = 0; j < rule->condition_count; j++)
                        compare_scalar(&comparisons, &rule->conditions[j]);
                r = notify_where(context, rule->nr, &comparisons);
        }
        return r;
}

/* Of a syscall that no list allows, whatever its arguments. */
static uint32_t silent_refusal(const struct policy *policy, int nr)
{
        const uint64_t any[6] = {0};
        struct verdict verdict = {0};

        policy_check_syscall(policy, nr, any, &verdict);
        if (verdict.outcome == VERDICT_KILL || policy_on_deny(policy) == ON_DENY_KILL)
                return SCMP_ACT_KILL_PROCESS;
        return SCMP_ACT_ERRNO((uint32_t)verdict.error);
}

static int add_actions(scmp_filter_ctx context, const struct policy *policy, const struct tiers *tiers)
{
        static const struct comparisons none;
        int r = notify_always(context, FILTER_AGENT_CALL);

        for (int nr = 0; nr < SYSCALLS_LIMIT && r == 0; nr++) {
                if (tiers->action[nr] == TIER_NOTIFY)
                        r = notify_always(context, nr);
                else if (tiers->action[nr] == TIER_NOSYS && syscall_entry(nr)->name[0])
                        r = add_rule(context, SCMP_ACT_ERRNO(ENOSYS), nr, &none);
                else if (tiers->action[nr] == TIER_REFUSED)
                        r = add_rule(context, silent_refusal(policy, nr), nr, &none);
        }
        return r;
}

/* What never notifies is refused by the filter itself, so it has to say exactly what the rule says. */
static int add_silent_rule(scmp_filter_ctx context, const struct policy *policy, const struct rule *rule,
                           const struct comparisons *comparisons, struct err *err)
{
        bool kill = rule->list == RULE_SYSCALLS_KILL || policy_on_deny(policy) == ON_DENY_KILL;
        uint32_t action = kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO((uint32_t)rule->error);

        if (!comparisons->exact || add_rule(context, action, rule->nr, comparisons) < 0)
                return err_set(
                        err, EOPNOTSUPP,
                        "%s:%u: a rule for \"%s\" can test each argument only once, and two rules for it "
                        "must not overlap",
                        rule->file, rule->line, syscall_name(rule->nr));
        return 0;
}

/*
 * Several rules for one syscall become one tree, and libseccomp 2.5 loses matches where an inequality of one
 * rule meets another rule's test of the same argument. So an inequality stands alone, or the broker is asked
 * of every call. It is too where there are more rules than a program can hold.
 */
static bool is_beyond_libseccomp(const struct census *census, const struct tiers *tiers, int nr,
                                 const struct comparisons *comparisons)
{
        bool alone = census->conditional[nr] <= 1 && tiers->action[nr] != TIER_SCALAR;

        return census->total > CONDITIONAL_RULES_MAX || (comparisons->inequality && !alone);
}

static int add_policy_rule(scmp_filter_ctx context, const struct policy *policy, const struct tiers *tiers,
                           const struct census *census, const struct rule *rule, struct err *err)
{
        struct comparisons comparisons = {.exact = true};
        bool beyond;

        for (unsigned i = 0; i < rule->condition_count; i++)
                compare_policy(&comparisons, &rule->conditions[i]);
        if (tiers->action[rule->nr] == TIER_REFUSED)
                return 0;
        beyond = is_beyond_libseccomp(census, tiers, rule->nr, &comparisons);
        if (tiers_never_notifies(rule->nr)) {
                comparisons.exact &= !beyond;
                return tiers->warn ? 0 : add_silent_rule(context, policy, rule, &comparisons, err);
        }
        if (tiers->action[rule->nr] != TIER_NATIVE && tiers->action[rule->nr] != TIER_SCALAR)
                return 0;
        return beyond ? notify_always(context, rule->nr) : notify_where(context, rule->nr, &comparisons);
}

static bool is_syscall_rule(const struct rule *rule)
{
        return (rule->list == RULE_SYSCALLS_DENY || rule->list == RULE_SYSCALLS_KILL) && rule->nr >= 0 &&
               rule->nr < SYSCALLS_LIMIT;
}

static int add_policy_rules(scmp_filter_ctx context, const struct policy *policy, const struct tiers *tiers,
                            struct err *err)
{
        struct census census = {.total = 0};
        int r = 0;

        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if (is_syscall_rule(rule) && rule->condition_count > 0) {
                        census.conditional[rule->nr]++;
                        census.total++;
                }
        }
        for (size_t i = 0; i < policy_rule_count(policy) && r == 0; i++)
                if (is_syscall_rule(policy_rule(policy, i)))
                        r = add_policy_rule(context, policy, tiers, &census, policy_rule(policy, i), err);
        return r;
}

/* Prologue and what libseccomp wrote to the memory file fd, as one program. */
static int join(int fd, struct filter *ret_filter)
{
        struct stat status;
        size_t prologue_length, length;
        struct sock_filter *code;

        if (fstat(fd, &status) < 0)
                return -errno;
        length = (size_t)status.st_size / sizeof *code;
        if (length + PROLOGUE_MAX > BPF_MAXINSNS)
                return -E2BIG;
        code = malloc((length + PROLOGUE_MAX) * sizeof *code);
        if (!code)
                return -ENOMEM;
        prologue_length = prologue_build(code);
        if (pread(fd, code + prologue_length, length * sizeof *code, 0) != (ssize_t)(length * sizeof *code)) {
                free(code);
                return -EIO;
        }
        ret_filter->program.len = (unsigned short)(prologue_length + length);
        ret_filter->program.filter = code;
        return 0;
}

static int export_program(scmp_filter_ctx context, struct filter *ret_filter)
{
        _cleanup_close_ int fd = memfd_create("flicker-filter", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        r = seccomp_export_bpf(context, fd);
        return r < 0 ? r : join(fd, ret_filter);
}

/* Everything that no rule speaks of is in the table, since the prologue answers what is not, and native. */
static int fill(scmp_filter_ctx context, const struct policy *policy, const struct tiers *tiers,
                struct err *err)
{
        int r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));

        if (r == 0)
                r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r == 0)
                r = add_actions(context, policy, tiers);
        if (r == 0)
                r = add_scalar_rules(context, tiers);
        return r < 0 ? r : add_policy_rules(context, policy, tiers, err);
}

int filter_build(const struct policy *policy, const struct tiers *tiers, struct filter *ret_filter,
                 struct err *err)
{
        struct err reason = {0};
        scmp_filter_ctx context;
        int r;

        if (seccomp_api_get() < 5) /* user notification */
                seccomp_api_set(5);
        context = seccomp_init(SCMP_ACT_ALLOW);
        if (!context)
                return err_set(err, ENOMEM, "the seccomp filter cannot be built: out of memory");
        r = fill(context, policy, tiers, &reason);
        if (r == 0)
                r = export_program(context, ret_filter);
        seccomp_release(context);
        if (r < 0)
                return err_set(err, -r, "the seccomp filter cannot be built: %s",
                               reason.error ? reason.message : strerror(-r));
        return 0;
}

void filter_finish(struct filter *filter)
{
        free(filter->program.filter);
        filter->program.filter = NULL;
        filter->program.len = 0;
}

int filter_install(const struct filter *filter)
{
        const long program = kernel_argument(&filter->program);
        long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
        long r = kernel_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                             flags | (long)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program, 0);

        if (r == -EINVAL) /* before Linux 5.19 */
                r = kernel_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program, 0);
        return (int)r;
}
