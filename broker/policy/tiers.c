/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/tiers.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define LANDLOCK_ABI_SCOPES   6 /* abstract sockets, signals */
#define LANDLOCK_ABI_TRUNCATE 3 /* before it, open(O_RDONLY | O_TRUNC) needs no right to write */

static void mask_set(uint64_t mask[SYSCALLS_LIMIT / 64], int nr)
{
        mask[nr / 64] |= 1ull << (nr % 64);
}

bool tiers_never_notifies(int nr)
{
        switch (nr) {
        case SYS_close:
        case SYS_fork:
        case SYS_vfork:
        case SYS_clone:
        case SYS_exit:
        case SYS_exit_group:
        case SYS_rt_sigreturn:
        case SYS_restart_syscall:
        case SYS_gettid: /* by which the agent tells, for every ring call, whose call it is */
        case SYS_getpid:
                return true;
        default:
                return false;
        }
}

/* What the agent cannot do without: where the policy might refuse it, the program runs without an agent, so
 * that it fares as it would without. */
static bool agent_needs(int nr)
{
        switch (nr) {
        case SYS_mmap:
        case SYS_munmap:
        case SYS_mprotect:
        case SYS_madvise:
        case SYS_openat:
        case SYS_pread64:
        case SYS_close:
        case SYS_prctl:
        case SYS_futex:
        case SYS_sched_yield:
        case SYS_rt_sigprocmask:
        case SYS_rt_sigaction:
        case SYS_execve:
        case SYS_exit_group:
        case SYS_getpid:
        case SYS_gettid:
                return true;
        default:
                return false;
        }
}

static bool agent_can_run(const struct policy *policy)
{
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if ((rule->list == RULE_SYSCALLS_DENY || rule->list == RULE_SYSCALLS_KILL) &&
                    agent_needs(rule->nr))
                        return false;
        }
        for (int nr = 0; nr < SYSCALLS_LIMIT && policy_syscalls_exhaustive(policy); nr++)
                if (agent_needs(nr) && policy_allow_extent(policy, nr) != ALLOW_WHOLE)
                        return false;
        return true;
}

/* Is /proc in the directory, or the directory in it? */
static bool reaches_proc(const char *directory)
{
        return !strcmp(directory, "/") ||
               (!strncmp(directory, "/proc", 5) && (directory[5] == '/' || !directory[5]));
}

/* Does Landlock say exactly what the file rules say? It knows hierarchies only, and would not keep a write
 * grant from settings of processes outside the sandbox. */
static bool files_are_hierarchies(const struct policy *policy, bool (*is_directory)(const char *path))
{
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if (rule->list == RULE_FILES_DENY || rule->list == RULE_FILES_HIDE)
                        return false;
                if (rule->list != RULE_FILES_READ && rule->list != RULE_FILES_WRITE &&
                    rule->list != RULE_FILES_EXEC)
                        continue;
                if (rule->wildcard || !is_directory(rule->pattern))
                        return false;
                if (rule->list == RULE_FILES_WRITE && reaches_proc(rule->pattern))
                        return false;
        }
        return true;
}

/* A refusal in the kernel can neither kill nor be let pass, and what it allows no one records. */
static bool files_could_be_in_kernel(const struct policy *policy, const struct tier_inputs *inputs,
                                     const struct tiers *tiers)
{
        return inputs->landlock_abi >= LANDLOCK_ABI_TRUNCATE && !tiers->warn && !tiers->mediate_all &&
               policy_on_deny(policy) == ON_DENY_ERRNO && policy_audit(policy) != AUDIT_ALL;
}

static void plan_files(const struct policy *policy, const struct tier_inputs *inputs,
                       bool (*is_directory)(const char *path), struct tiers *tiers)
{
        bool silent = policy_audit(policy) == AUDIT_NONE;

        bool agent = inputs->agent && agent_can_run(policy);

        tiers->hides = policy_hides_anything(policy);
        tiers->landlock_files = !tiers->warn;
        tiers->files_in_kernel = files_could_be_in_kernel(policy, inputs, tiers) && (agent || silent) &&
                                 files_are_hierarchies(policy, is_directory);
        tiers->agent = agent && !(tiers->files_in_kernel && silent);
        tiers->report = tiers->files_in_kernel && tiers->agent;
}

static bool grants_any_bind(const struct policy *policy)
{
        for (size_t i = 0; i < policy_rule_count(policy); i++)
                if (policy_rule(policy, i)->list == RULE_NETWORK_BIND)
                        return true;
        return false;
}

/* Under warn every family may be made: what is done with it is judged, and reported, at connect and bind. */
static void plan_sockets(const struct policy *policy, const struct tier_inputs *inputs, struct tiers *tiers)
{
        bool all = tiers->warn;

        tiers->unix_sockets = all || policy_grants_family(policy, AF_UNIX, 0);
        tiers->tcp_sockets = all || policy_grants_family(policy, AF_INET, IPPROTO_TCP) ||
                             policy_grants_family(policy, AF_INET6, IPPROTO_TCP);
        tiers->udp_sockets = all || policy_grants_family(policy, AF_INET, IPPROTO_UDP) ||
                             policy_grants_family(policy, AF_INET6, IPPROTO_UDP);
        tiers->ipv4_sockets = all || policy_grants_family(policy, AF_INET, 0);
        tiers->ipv6_sockets = all || policy_grants_family(policy, AF_INET6, 0);
        /* A kind of sockets that network rules do not speak of is granted by syscalls.allow. */
        tiers->listening =
                all || grants_any_bind(policy) || policy_allow_extent(policy, SYS_socket) == ALLOW_SOME;
        /* Over a Unix socket, others could be received. */
        tiers->sends_in_kernel = !tiers->unix_sockets && !tiers->udp_sockets && !inputs->sockets;
}

static enum tier_action meta_action(const struct tiers *tiers, int nr)
{
        /* "/proc/self/exe" is the agent to the kernel. */
        if (tiers->agent && (nr == SYS_readlink || nr == SYS_readlinkat))
                return TIER_NOTIFY;
        return tiers->hides ? TIER_NOTIFY : TIER_NATIVE;
}

static enum tier_action scalar_action(const struct tiers *tiers, int nr)
{
        switch (nr) {
        case SYS_sendmsg:
        case SYS_sendmmsg:
                return tiers->sends_in_kernel ? TIER_SCALAR : TIER_NOTIFY;
        case SYS_listen:
                return TIER_NOTIFY;
        case SYS_getdents:
                return tiers->hides ? TIER_NOSYS : TIER_NATIVE;
        case SYS_fcntl:
                return tiers->signals_scoped ? TIER_NATIVE : TIER_SCALAR;
        default:
                return TIER_SCALAR;
        }
}

static bool is_system_v_ipc(int nr)
{
        switch (nr) {
        case SYS_shmget:
        case SYS_shmat:
        case SYS_shmctl:
        case SYS_semget:
        case SYS_semop:
        case SYS_semtimedop:
        case SYS_semctl:
        case SYS_msgget:
        case SYS_msgsnd:
        case SYS_msgrcv:
        case SYS_msgctl:
                return true;
        default:
                return false;
        }
}

/* Without Landlock's scope for signals the broker looks at whom they are for. A descriptor's process it could
 * not tell for sure: programs fall back to kill. */
static enum tier_action guarded_action(const struct tiers *tiers, int nr)
{
        if (tiers->signals_scoped || nr == SYS_get_robust_list)
                return TIER_NATIVE;
        return nr == SYS_pidfd_send_signal ? TIER_NOSYS : TIER_NOTIFY;
}

static enum tier_action treatment_action(const struct tiers *tiers, int nr)
{
        switch (syscall_entry(nr)->treatment) {
        case TREAT_ALLOW:
                return TIER_NATIVE;
        case TREAT_GUARDED:
                return guarded_action(tiers, nr);
        case TREAT_SCALAR:
                return scalar_action(tiers, nr);
        case TREAT_OPEN:
                return tiers->files_in_kernel ? TIER_NATIVE : TIER_NOTIFY;
        case TREAT_META:
                return meta_action(tiers, nr);
        case TREAT_CREDENTIALS:
                return tiers->privileged ? TIER_NOTIFY : TIER_NATIVE;
        case TREAT_BROKER:
                return tiers->ipc_shared && is_system_v_ipc(nr) ? TIER_NATIVE : TIER_NOTIFY;
        case TREAT_REFUSE:
                return TIER_NOTIFY;
        case TREAT_NOSYS:
        case TREAT_UNKNOWN:
                break;
        }
        return TIER_NOSYS;
}

/* What the baseline refuses and the policy grants. Where that hangs on arguments, the broker looks at them.
 */
static enum tier_action granted_action(const struct policy *policy, int nr, enum tier_action refused)
{
        enum syscall_grant grant = syscall_entry(nr)->grant;
        enum allow_extent extent = grant == GRANT_NEVER ? ALLOW_NOT : policy_allow_extent(policy, nr);

        if (extent == ALLOW_NOT)
                return refused;
        if (extent == ALLOW_SOME)
                return TIER_NOTIFY;
        return grant == GRANT_ARGUMENTS ? TIER_SCALAR : TIER_NATIVE;
}

/* What an exhaustive list lacks is refused by the broker, which explains it, or by the filter, where it
 * cannot. */
static enum tier_action exhaustive_action(const struct policy *policy, const struct tiers *tiers, int nr,
                                          enum tier_action allowed)
{
        if (!policy_syscalls_exhaustive(policy) || allowed == TIER_NOSYS ||
            policy_allow_extent(policy, nr) == ALLOW_WHOLE)
                return allowed;
        if (!tiers_never_notifies(nr))
                return TIER_NOTIFY;
        return tiers->warn ? allowed : TIER_REFUSED;
}

static enum tier_action plan_action(const struct policy *policy, const struct tiers *tiers, int nr)
{
        enum tier_action action = granted_action(policy, nr, treatment_action(tiers, nr));

        action = exhaustive_action(policy, tiers, nr, action);
        if (tiers->mediate_all && action != TIER_NOSYS && !tiers_never_notifies(nr))
                return TIER_NOTIFY;
        return action;
}

/* Does the broker itself do or judge this one? The ring carries what returns values; what hands out a
 * descriptor, waits, or only the kernel can do goes as a notification (an open, where it would succeed). */
static void plan_masks(struct tiers *tiers, int nr)
{
        enum treatment treatment = syscall_entry(nr)->treatment;

        if (treatment == TREAT_OPEN && tiers->files_in_kernel && tiers->report)
                mask_set(tiers->reported, nr);
        if (tiers->action[nr] != TIER_NOTIFY)
                return;
        mask_set(tiers->mediated, nr);
        if ((treatment != TREAT_OPEN && treatment != TREAT_META && treatment != TREAT_BROKER) ||
            is_system_v_ipc(nr))
                return;
        switch (nr) {
        case SYS_bind:
        case SYS_connect:
        case SYS_chdir:
        case SYS_execve:
        case SYS_execveat:
        case SYS_getdents64:
        case SYS_mq_open:
                return;
        default:
                mask_set(tiers->ring, nr);
        }
}

/* What the broker sends, a peer that asks for credentials (SO_PASSCRED) gets as the broker's. Rules may tell
 * the two calls apart. */
static bool may_send_plainly(const struct policy *policy, const struct tiers *tiers)
{
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if (rule->list >= RULE_SYSCALLS_DENY && (rule->nr == SYS_sendmsg || rule->nr == SYS_sendto))
                        return false;
        }
        return tiers->action[SYS_sendmsg] == TIER_NOTIFY && !policy_syscalls_exhaustive(policy);
}

void tiers_plan(const struct policy *policy, const struct tier_inputs *inputs,
                bool (*is_directory)(const char *path), struct tiers *ret_tiers)
{
        memset(ret_tiers, 0, sizeof *ret_tiers);
        ret_tiers->mediate_all = inputs->mediate_all || policy_mediate_all(policy);
        ret_tiers->warn = inputs->warn || policy_on_deny(policy) == ON_DENY_WARN;
        ret_tiers->privileged = inputs->privileged;
        ret_tiers->ipc_shared = policy_ipc_shared(policy);
        ret_tiers->signals_scoped = inputs->landlock_abi >= LANDLOCK_ABI_SCOPES;
        plan_files(policy, inputs, is_directory, ret_tiers);
        plan_sockets(policy, inputs, ret_tiers);
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++) {
                ret_tiers->action[nr] = plan_action(policy, ret_tiers, nr);
                plan_masks(ret_tiers, nr);
        }
        ret_tiers->plain_sends = may_send_plainly(policy, ret_tiers);
}
