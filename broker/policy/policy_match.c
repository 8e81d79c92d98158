/* SPDX-License-Identifier: Apache-2.0 */
/* Matching: what the policy says of a path, an address, a syscall. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "broker/policy/compiled.h"

static void decide(struct verdict *verdict, enum verdict_outcome outcome, int error, const struct rule *rule)
{
        verdict->outcome = outcome;
        verdict->error = error;
        verdict->rule = rule;
}

static const struct rule *rule_of(const struct policy *policy, const struct automaton_match *match,
                                  enum rule_list list)
{
        uint32_t index = match->rule[list];

        return index == AUTOMATON_NO_RULE ? NULL : &policy->rules[index];
}

/* The lists that grant access, the plainest first. */
static const struct rule *granted(const struct policy *policy, const struct automaton_match *match,
                                  enum path_access access)
{
        static const enum rule_list lists[] = {RULE_FILES_READ, RULE_FILES_WRITE, RULE_FILES_EXEC};

        if (access == PATH_WRITE)
                return rule_of(policy, match, RULE_FILES_WRITE);
        if (access == PATH_EXEC)
                return rule_of(policy, match, RULE_FILES_EXEC);
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                if (rule_of(policy, match, lists[i]))
                        return rule_of(policy, match, lists[i]);
        return NULL;
}

void policy_check_path(const struct policy *policy, const char *path, size_t length, enum path_access access,
                       struct verdict *ret_verdict)
{
        struct automaton_match match;
        const struct rule *rule;

        automaton_match(policy->paths, path, length, &match);
        rule = rule_of(policy, &match, RULE_FILES_HIDE);
        if (rule) {
                decide(ret_verdict, VERDICT_HIDE, ENOENT, rule);
                return;
        }
        if (access == PATH_META) {
                decide(ret_verdict, VERDICT_ALLOW, 0, granted(policy, &match, PATH_READ));
                return;
        }
        rule = rule_of(policy, &match, RULE_FILES_DENY);
        /* A socket that must not be reached keeps its name, or it could be reached under another. */
        if (!rule && access == PATH_WRITE)
                rule = rule_of(policy, &match, RULE_NETWORK_DENY);
        if (rule) {
                decide(ret_verdict, VERDICT_DENY, EACCES, rule);
                return;
        }
        rule = granted(policy, &match, access);
        decide(ret_verdict, rule ? VERDICT_ALLOW : VERDICT_DENY, rule ? 0 : EACCES, rule);
}

static bool address_matches(const struct address_rule *rule, const struct address_rule *address)
{
        unsigned whole = rule->prefix / 8, rest = rule->prefix % 8;

        if (rule->protocol != address->protocol || address->port_low < rule->port_low ||
            address->port_low > rule->port_high)
                return false;
        if (rule->family == ADDRESS_ANY)
                return true;
        if (rule->family != address->family || memcmp(rule->address, address->address, whole) != 0)
                return false;
        return !rest || !((rule->address[whole] ^ address->address[whole]) >> (8 - rest));
}

static const struct rule *address_find(const struct policy *policy, enum rule_list list,
                                       const struct address_rule *address)
{
        for (size_t i = 0; i < policy->address_count; i++)
                if (policy->addresses[i].list == list && address_matches(&policy->addresses[i], address))
                        return &policy->rules[policy->addresses[i].rule];
        return NULL;
}

/* The address as rules see it: IPv4-mapped is IPv4. Returns false where it is too short or of another family.
 */
static bool address_read(const struct sockaddr_storage *storage, socklen_t size,
                         struct address_rule *ret_address)
{
        static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

        if (storage->ss_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
                const struct sockaddr_in *in = (const struct sockaddr_in *)storage;

                ret_address->family = ADDRESS_IPV4;
                ret_address->port_low = ntohs(in->sin_port);
                memcpy(ret_address->address, &in->sin_addr, 4);
                return true;
        }
        /* ipv6(7): the kernel takes addresses without the scope, too (SIN6_LEN_RFC2133). */
        if (storage->ss_family == AF_INET6 && size >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
                const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
                const unsigned char *bytes = in6->sin6_addr.s6_addr;
                bool is_mapped = !memcmp(bytes, mapped, sizeof mapped);

                ret_address->family = is_mapped ? ADDRESS_IPV4 : ADDRESS_IPV6;
                ret_address->port_low = ntohs(in6->sin6_port);
                memcpy(ret_address->address, is_mapped ? bytes + 12 : bytes, is_mapped ? 4 : 16);
                return true;
        }
        return false;
}

/* Connecting to the unspecified address reaches loopback (ip(7), inet_csk_route and ip6_dst_lookup in Linux).
 */
static void address_to_loopback(struct address_rule *address)
{
        static const unsigned char zero[16];
        size_t size = address->family == ADDRESS_IPV4 ? 4 : 16;

        if (memcmp(address->address, zero, size) != 0)
                return;
        if (address->family == ADDRESS_IPV4)
                address->address[0] = 127;
        address->address[size - 1] = 1;
}

static void check_internet(const struct policy *policy, bool bind, int protocol,
                           const struct sockaddr_storage *storage, socklen_t size,
                           struct verdict *ret_verdict)
{
        struct address_rule address = {.protocol = protocol};
        const struct rule *rule;

        if (!address_read(storage, size, &address)) {
                decide(ret_verdict, VERDICT_DENY, EACCES, NULL);
                return;
        }
        if (!bind)
                address_to_loopback(&address);
        rule = address_find(policy, RULE_NETWORK_DENY, &address);
        if (rule) {
                decide(ret_verdict, VERDICT_DENY, EACCES, rule);
                return;
        }
        rule = address_find(policy, bind ? RULE_NETWORK_BIND : RULE_NETWORK_CONNECT, &address);
        decide(ret_verdict, rule ? VERDICT_ALLOW : VERDICT_DENY, rule ? 0 : EACCES, rule);
}

static void check_unix(const struct policy *policy, bool bind, const struct sockaddr_storage *storage,
                       socklen_t size, const char *path, struct verdict *ret_verdict)
{
        const struct sockaddr_un *address = (const struct sockaddr_un *)storage;
        size_t start = offsetof(struct sockaddr_un, sun_path);
        char name[1 + sizeof address->sun_path] = "@";
        struct automaton_match match;
        size_t length = 1;
        const struct rule *rule;

        if (path) {
                automaton_match(policy->paths, path, strlen(path), &match);
        } else {
                /* An unnamed address (bind chooses a name then) counts as the empty abstract name. A pathname
                 * without its resolved path never comes here. */
                if (size > start && size <= sizeof *address && !address->sun_path[0]) {
                        length += size - start - 1;
                        memcpy(name + 1, address->sun_path + 1, length - 1);
                } else if (size > start) {
                        decide(ret_verdict, VERDICT_DENY, EACCES, NULL);
                        return;
                }
                automaton_match(policy->paths, name, length, &match);
        }
        rule = rule_of(policy, &match, RULE_NETWORK_DENY);
        /* What is refused as a file is not granted as a socket. */
        if (!rule && path)
                rule = rule_of(policy, &match, RULE_FILES_DENY);
        if (rule) {
                decide(ret_verdict, VERDICT_DENY, EACCES, rule);
                return;
        }
        rule = rule_of(policy, &match, bind ? RULE_NETWORK_BIND : RULE_NETWORK_CONNECT);
        decide(ret_verdict, rule ? VERDICT_ALLOW : VERDICT_DENY, rule ? 0 : EACCES, rule);
}

void policy_check_address(const struct policy *policy, bool bind, int protocol,
                          const struct sockaddr_storage *address, socklen_t address_size,
                          const char *unix_path, struct verdict *ret_verdict)
{
        if (address_size > sizeof *address || address_size < sizeof address->ss_family)
                decide(ret_verdict, VERDICT_DENY, EACCES, NULL);
        else if (address->ss_family == AF_UNIX)
                check_unix(policy, bind, address, address_size, unix_path, ret_verdict);
        else
                check_internet(policy, bind, protocol, address, address_size, ret_verdict);
}

bool policy_grants_family(const struct policy *policy, int family, int protocol)
{
        if (family == AF_UNIX)
                return policy->unix_grants;
        if (family != AF_INET && family != AF_INET6)
                return false;
        for (size_t i = 0; i < policy->address_count; i++) {
                const struct address_rule *rule = &policy->addresses[i];

                if (rule->list == RULE_NETWORK_DENY || (protocol && rule->protocol != protocol))
                        continue;
                /* An IPv6 socket also reaches IPv4, by mapped addresses; many programs use no other. */
                if (family == AF_INET6 || rule->family != ADDRESS_IPV6)
                        return true;
        }
        return false;
}

static bool compare(enum argument_op op, uint64_t argument, uint64_t value, uint64_t mask)
{
        switch (op) {
        case ARG_EQ:
                return argument == value;
        case ARG_NE:
                return argument != value;
        case ARG_LT:
                return argument < value;
        case ARG_LE:
                return argument <= value;
        case ARG_GT:
                return argument > value;
        case ARG_GE:
                return argument >= value;
        case ARG_MASKED_EQ:
                return (argument & mask) == value;
        }
        return true;
}

/* May the kernel take an argument that is compared with this value as 32 bits? */
static bool is_narrow(const struct argument_condition *condition)
{
        uint64_t value = condition->value;

        return condition->op != ARG_MASKED_EQ && (value <= UINT32_MAX || value >= (uint64_t)INT32_MIN);
}

static bool holds_whole(const struct argument_condition *condition, uint64_t argument)
{
        return compare(condition->op, argument, condition->value, condition->mask);
}

static bool holds_lower(const struct argument_condition *condition, uint64_t argument)
{
        return compare(condition->op, (uint32_t)argument, (uint32_t)condition->value, 0);
}

bool argument_condition_holds(const struct argument_condition *condition, uint64_t argument)
{
        return holds_whole(condition, argument) || (is_narrow(condition) && holds_lower(condition, argument));
}

bool argument_condition_grants(const struct argument_condition *condition, uint64_t argument)
{
        return holds_whole(condition, argument) &&
               (!is_narrow(condition) || holds_lower(condition, argument));
}

const struct rule *policy_find_allow(const struct policy *policy, int nr, const uint64_t args[6],
                                     unsigned tested)
{
        uint32_t next = nr >= 0 && nr < SYSCALLS_LIMIT ? policy->allow_first[nr] : 0;

        for (; next; next = policy->syscall_next[next - 1]) {
                const struct rule *rule = &policy->rules[next - 1];
                unsigned left = tested, i = 0;

                for (; i < rule->condition_count; i++) {
                        const struct argument_condition *condition = &rule->conditions[i];

                        if (!argument_condition_grants(condition, args[condition->index]))
                                break;
                        if (condition->op == ARG_EQ || condition->op == ARG_MASKED_EQ)
                                left &= ~(1u << condition->index);
                }
                if (i == rule->condition_count && !left)
                        return rule;
        }
        return NULL;
}

enum allow_extent policy_allow_extent(const struct policy *policy, int nr)
{
        enum allow_extent extent = ALLOW_NOT;

        if (nr < 0 || nr >= SYSCALLS_LIMIT)
                return ALLOW_NOT;
        if (policy->exhaustive && syscall_is_indispensable(nr))
                return ALLOW_WHOLE;
        if (policy->ptrace == PTRACE_SANDBOX && syscall_entry(nr)->grant == GRANT_PTRACE)
                return ALLOW_WHOLE;
        for (uint32_t next = policy->allow_first[nr]; next; next = policy->syscall_next[next - 1]) {
                if (!policy->rules[next - 1].condition_count)
                        return ALLOW_WHOLE;
                extent = ALLOW_SOME;
        }
        return extent;
}

bool policy_syscalls_exhaustive(const struct policy *policy)
{
        return policy->exhaustive;
}

enum policy_ptrace policy_ptrace(const struct policy *policy)
{
        return policy->ptrace;
}

bool policy_ipc_shared(const struct policy *policy)
{
        return policy->ipc_shared;
}

/* What an exhaustive list of allowed syscalls lacks. */
static void check_exhaustive(const struct policy *policy, int nr, const uint64_t args[6],
                             struct verdict *ret_verdict)
{
        enum allow_extent extent = policy_allow_extent(policy, nr);

        if (extent == ALLOW_WHOLE || (extent == ALLOW_SOME && policy_find_allow(policy, nr, args, 0)))
                decide(ret_verdict, VERDICT_ALLOW, 0, NULL);
        else
                decide(ret_verdict, VERDICT_DENY, EPERM, &policy->rules[policy->exhaustive - 1]);
}

void policy_check_syscall(const struct policy *policy, int nr, const uint64_t args[6],
                          struct verdict *ret_verdict)
{
        uint32_t next = nr >= 0 && nr < SYSCALLS_LIMIT ? policy->syscall_first[nr] : 0;

        for (; next; next = policy->syscall_next[next - 1]) {
                const struct rule *rule = &policy->rules[next - 1];
                unsigned i = 0;

                while (i < rule->condition_count &&
                       argument_condition_holds(&rule->conditions[i], args[rule->conditions[i].index]))
                        i++;
                if (i < rule->condition_count)
                        continue;
                if (rule->list == RULE_SYSCALLS_KILL)
                        decide(ret_verdict, VERDICT_KILL, EPERM, rule);
                else
                        decide(ret_verdict, VERDICT_DENY, rule->error, rule);
                return;
        }
        if (policy->exhaustive)
                check_exhaustive(policy, nr, args, ret_verdict);
        else
                decide(ret_verdict, VERDICT_ALLOW, 0, NULL);
}
