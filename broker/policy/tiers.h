/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tier enforces what: computed once per sandbox from the policy, the options and what the kernel can
 * do. The seccomp filter, the Landlock rules and the agent's masks are all read off this plan.
 */
#ifndef FLICKER_POLICY_TIERS_H
#define FLICKER_POLICY_TIERS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/policy/policy.h"
#include "broker/policy/syscalls.h"

struct tier_inputs {
        bool agent; /* the agent will be loaded where it helps */
        bool mediate_all;
        bool warn;        /* refuse nothing that the policy alone refuses */
        bool privileged;  /* the broker may act with other users' credentials */
        bool sockets;     /* the target inherits some: maybe of kinds that it could not make */
        int landlock_abi; /* what landlock_abi() says; below 3 opens never run natively (O_TRUNC) */
};

/* What the filter does with a syscall whose registers match no special rule. */
enum tier_action {
        TIER_NATIVE,
        TIER_NOTIFY,
        TIER_SCALAR, /* the filter's own argument rule: native where it passes, else notify */
        TIER_NOSYS,
        TIER_REFUSED, /* the filter answers EPERM by itself (or kills): what never notifies, and is not
                         allowed */
};

struct tiers {
        enum tier_action action[SYSCALLS_LIMIT];
        bool agent;           /* load it */
        bool files_in_kernel; /* opens run natively: Landlock expresses the whole file policy */
        bool landlock_files;  /* Landlock's file rules are installed (not under warn) */
        bool report;          /* native opens that fail with EACCES/EPERM are reported by the agent */
        bool unix_sockets, tcp_sockets, udp_sockets; /* families that may be created */
        bool ipv4_sockets, ipv6_sockets;             /* the same of AF_INET and AF_INET6 */
        bool listening;                              /* listen may be called: the policy grants some bind */
        bool sends_in_kernel; /* no datagram addresses to judge: sendmsg and sendmmsg run natively */
        bool plain_sends;     /* the agent may make a sendto of a sendmsg without an address */
        bool hides;           /* the policy hides names */
        bool privileged;      /* the target may hold capabilities */
        bool ipc_shared;      /* IPC objects of others may be reached */
        bool signals_scoped;  /* Landlock keeps signals inside the sandbox (Linux 6.12) */
        bool mediate_all;
        bool warn;
        uint64_t mediated[SYSCALLS_LIMIT / 64]; /* for struct fl_hello */
        uint64_t ring[SYSCALLS_LIMIT / 64];
        uint64_t reported[SYSCALLS_LIMIT / 64];
};

/* May a program for which the agent has nothing to do go without? */
static inline bool tiers_spare_agent(const struct tiers *tiers)
{
        return !tiers->mediate_all && !tiers->report;
}

/* Never notified, whatever the policy: a signal before the broker receives the notification makes them fail
 * with EINTR, which no program expects of them, or there is no coming back. */
bool tiers_never_notifies(int nr);

/* Pure. is_directory answers whether a rule's pattern names what Landlock can hold on to: an existing
 * directory or device node. (A regular file is lost to it when another is renamed into its place.) It is a
 * parameter so that tests decide. */
void tiers_plan(const struct policy *policy, const struct tier_inputs *inputs,
                bool (*is_directory)(const char *path), struct tiers *ret_tiers);

#endif
