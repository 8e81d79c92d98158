/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled policy: what the loader fills and the matchers read. Constant once loaded, but for the
 * automaton's cache of states. */
#ifndef FLICKER_POLICY_COMPILED_H
#define FLICKER_POLICY_COMPILED_H

#include <netinet/in.h>

#include "broker/base/arena.h"
#include "broker/policy/automaton.h"
#include "broker/policy/policy.h"
#include "broker/policy/syscalls.h"

/* The lists of paths and of sockets are lists of one automaton, under the numbers of enum rule_list. */
_Static_assert(RULE_NETWORK_DENY < AUTOMATON_LISTS, "each list of paths has a bit");

#define LIST_BIT(list) (1u << (list))
/* Names that these lists match must not come out from under them. */
#define LISTS_GUARDED (LIST_BIT(RULE_FILES_DENY) | LIST_BIT(RULE_FILES_HIDE) | LIST_BIT(RULE_NETWORK_DENY))

enum address_family { ADDRESS_ANY, ADDRESS_IPV4, ADDRESS_IPV6 };

/* One tcp: or udp: rule. They are few and are tried one after the other. */
struct address_rule {
        uint32_t rule;
        enum rule_list list;
        int protocol; /* IPPROTO_TCP, IPPROTO_UDP */
        enum address_family family;
        unsigned prefix;           /* bits of address that count */
        unsigned char address[16]; /* IPv4: the first four */
        uint16_t port_low, port_high;
};

struct policy {
        struct arena arena; /* all strings, and the arrays below that are not noted otherwise */
        const char *name;
        bool mediate_all, uses_tmpdir;
        enum policy_on_deny on_deny;
        enum policy_audit audit;
        uint64_t audit_limit;
        enum policy_ptrace ptrace;
        bool ipc_shared;
        uint32_t exhaustive; /* the rule that says so, plus one */

        struct rule
                *rules; /* malloc'd; nearest file first, which is also the order in which they are named */
        size_t rule_count, rule_room;
        size_t list_counts[RULE_LIST_COUNT];

        struct automaton *paths; /* files, and unix: sockets ("@name" for abstract ones) */
        bool unix_grants;

        struct address_rule *addresses; /* malloc'd */
        size_t address_count, address_room;

        /* Rules of a syscall: kill before deny, then in order; and those of allow. Indices into rules plus
         * one. */
        uint32_t syscall_first[SYSCALLS_LIMIT];
        uint32_t allow_first[SYSCALLS_LIMIT];
        uint32_t *syscall_next; /* malloc'd, one for each rule */

        bool unpacked; /* the arrays and strings lie in an image, rules excepted */
};

#endif
