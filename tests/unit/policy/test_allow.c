/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls.allow, syscalls.default, process. */
#include <sys/socket.h>
#include <sys/syscall.h>

#include "broker/policy/tiers.h"
#include "tests/unit/policy/fixture.h"

static const char *word(const struct policy *policy, int nr, uint64_t first)
{
        const uint64_t args[6] = {first};
        struct verdict verdict = {0};

        policy_check_syscall(policy, nr, args, &verdict);
        return verdict_word(&verdict);
}

#define expect(verdict, nr, first)                                                                           \
        cr_expect_str_eq(word(policy, nr, first), verdict, "%s(%lld)", #nr, (long long)(first))

Test(allow, names_groups_and_objects_say_how_much_they_allow)
{
        struct policy *policy = policy_of("\"syscalls\": {\"allow\": [\"keyctl\", \"@clock\", \"@debug\", "
                                          "{\"name\": \"reboot\", \"args\": [{\"index\": 2, \"op\": \"==\", "
                                          "\"value\": 3}]}]}");

        cr_expect_eq(policy_allow_extent(policy, SYS_keyctl), ALLOW_WHOLE);
        cr_expect_eq(policy_allow_extent(policy, SYS_adjtimex), ALLOW_WHOLE);
        cr_expect_eq(policy_allow_extent(policy, SYS_perf_event_open), ALLOW_WHOLE);
        cr_expect_eq(policy_allow_extent(policy, SYS_reboot), ALLOW_SOME);
        cr_expect_eq(policy_allow_extent(policy, SYS_ptrace), ALLOW_NOT,
                     "a group leaves out what it cannot grant");
        cr_expect_eq(policy_allow_extent(policy, SYS_mount), ALLOW_NOT);
        cr_expect_eq(policy_allow_extent(policy, SYS_read), ALLOW_NOT, "nothing is exhaustive here");
        cr_expect_eq(policy_allow_extent(policy, -1), ALLOW_NOT);
        cr_expect_eq(policy_allow_extent(policy, 100000), ALLOW_NOT);
        cr_expect_not(policy_syscalls_exhaustive(policy));
        expect("allow", SYS_read, 0);
        policy_destroy(policy);
}

Test(allow, exhaustive)
{
        struct policy *policy =
                policy_of("\"syscalls\": {\"default\": \"deny\", \"kill\": [\"write\"], "
                          "\"deny\": [\"close\"], \"allow\": [\"read\", \"write\", \"close\", "
                          "{\"name\": \"lseek\", \"args\": [{\"index\": 0, \"op\": \"==\", "
                          "\"value\": 3}]}]}");
        struct verdict verdict = {0};
        char text[64];

        expect("allow", SYS_read, 0);
        expect("kill", SYS_write, 0);
        expect("deny", SYS_close, 0);
        expect("allow", SYS_lseek, 3);
        expect("deny", SYS_lseek, 4);
        expect("deny", SYS_lseek, 3 | 1ull << 32);
        expect("deny", SYS_pread64, 0);
        expect("deny", SYS_openat, 0);
        expect("allow", SYS_mmap, 0);
        expect("allow", SYS_exit_group, 0);
        expect("allow", SYS_execve, 0);
        policy_check_syscall(policy, SYS_openat, (const uint64_t[6]){0}, &verdict);
        cr_expect_eq(verdict.error, EPERM);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "syscalls.default, test.json:1");
        policy_destroy(policy);
}

Test(allow, what_is_granted_has_to_hold_for_register_and_lower_half)
{
        struct argument_condition equal = {.op = ARG_EQ, .value = 16};
        struct argument_condition not_equal = {.op = ARG_NE, .value = 16};
        struct argument_condition masked = {.op = ARG_MASKED_EQ, .mask = 0xf, .value = 3};

        cr_expect(argument_condition_grants(&equal, 16));
        cr_expect_not(argument_condition_grants(&equal, 16 | 1ull << 32));
        cr_expect(argument_condition_grants(&not_equal, 17));
        cr_expect_not(argument_condition_grants(&not_equal, 16 | 1ull << 32), "an int to the kernel: 16");
        cr_expect(argument_condition_grants(&masked, 0x80803));
        cr_expect_not(argument_condition_grants(&masked, 0x80802));
}

Test(allow, a_rule_counts_only_where_it_tests_what_is_asked)
{
        struct policy *policy = policy_of(
                "\"syscalls\": {\"allow\": [\"socket\", {\"name\": \"socket\", \"args\": [{\"index\": 0, "
                "\"op\": \"==\", \"value\": \"AF_NETLINK\"}]}, {\"name\": \"socket\", \"args\": "
                "[{\"index\": 0, \"op\": \">\", \"value\": 20}]}]}");
        const uint64_t netlink[6] = {AF_NETLINK}, vsock[6] = {AF_VSOCK};

        cr_expect(policy_find_allow(policy, SYS_socket, vsock, 0));
        cr_expect(policy_find_allow(policy, SYS_socket, netlink, 1));
        cr_expect_not(policy_find_allow(policy, SYS_socket, netlink, 3), "its type is not tested");
        cr_expect_not(policy_find_allow(policy, SYS_socket, vsock, 1), "an inequality opens too much");
        policy_destroy(policy);
}

Test(process, keys)
{
        struct policy *policy = policy_of("\"process\": {\"namespaces\": false, \"signal\": \"sandbox\"}");

        cr_expect_eq(policy_ptrace(policy), PTRACE_NONE);
        cr_expect_not(policy_ipc_shared(policy));
        policy_destroy(policy);
        policy = policy_of("\"process\": {\"ptrace\": \"sandbox\", \"ipc\": \"host\"}");
        cr_expect_eq(policy_ptrace(policy), PTRACE_SANDBOX);
        cr_expect(policy_ipc_shared(policy));
        cr_expect_eq(policy_allow_extent(policy, SYS_ptrace), ALLOW_WHOLE);
        cr_expect_eq(policy_allow_extent(policy, SYS_process_vm_readv), ALLOW_WHOLE);
        policy_destroy(policy);
}

static bool no_directory(const char *path)
{
        (void)path;
        return false;
}

static struct tiers tiers_of(const char *members, struct tier_inputs inputs)
{
        struct policy *policy = policy_of(members);
        struct tiers tiers;

        tiers_plan(policy, &inputs, no_directory, &tiers);
        policy_destroy(policy);
        return tiers;
}

Test(allow, tiers)
{
        const struct tier_inputs agent = {.agent = true, .landlock_abi = 7};
        struct tiers tiers =
                tiers_of("\"syscalls\": {\"allow\": [\"keyctl\", \"userfaultfd\", {\"name\": "
                         "\"reboot\", \"args\": [{\"index\": 2, \"op\": \"==\", \"value\": 3}]}]}",
                         agent);

        cr_expect_eq(tiers.action[SYS_keyctl], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_userfaultfd], TIER_SCALAR);
        cr_expect_eq(tiers.action[SYS_reboot], TIER_NOTIFY);
        cr_expect_eq(tiers.action[SYS_add_key], TIER_NOTIFY);
        cr_expect_eq(tiers.action[SYS_ptrace], TIER_NOTIFY);
        cr_expect(tiers.agent && !tiers.listening);
        tiers = tiers_of("\"process\": {\"ptrace\": \"sandbox\"}", agent);
        cr_expect_eq(tiers.action[SYS_ptrace], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_pidfd_getfd], TIER_NATIVE);
}

Test(allow, tiers_of_an_exhaustive_list)
{
        const struct tier_inputs agent = {.agent = true, .landlock_abi = 7};
        const struct tier_inputs warn = {.agent = true, .landlock_abi = 7, .warn = true};
        const char *small =
                "\"syscalls\": {\"default\": \"deny\", \"allow\": [\"read\", \"write\", \"fork\"]}";
        struct tiers tiers = tiers_of(small, agent);

        cr_expect_eq(tiers.action[SYS_read], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_mmap], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_pread64], TIER_NOTIFY);
        cr_expect_eq(tiers.action[SYS_io_uring_setup], TIER_NOSYS);
        cr_expect_eq(tiers.action[SYS_fork], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_clone], TIER_REFUSED);
        cr_expect_eq(tiers.action[SYS_close], TIER_NATIVE);
        cr_expect_not(tiers.agent, "it could not run");
        tiers = tiers_of(small, warn);
        cr_expect_eq(tiers.action[SYS_clone], TIER_SCALAR, "it can only be reported, and is not");
        tiers = tiers_of("\"syscalls\": {\"default\": \"deny\", \"allow\": [\"@system-service\"]}", agent);
        cr_expect(tiers.agent);
        cr_expect_eq(tiers.action[SYS_mkdir], TIER_NOTIFY, "the files' rules still hold");
        cr_expect_eq(tiers.action[SYS_clone], TIER_SCALAR);
}

Test(allow, an_agent_that_the_policy_would_break_stays_away)
{
        const struct tier_inputs agent = {.agent = true, .landlock_abi = 7};

        cr_expect_not(tiers_of("\"syscalls\": {\"deny\": [\"mprotect\"]}", agent).agent);
        cr_expect_not(tiers_of("\"syscalls\": {\"kill\": [{\"name\": \"mmap\", \"args\": [{\"index\": 2, "
                               "\"op\": \"&==\", \"mask\": 6, \"value\": 6}]}]}",
                               agent)
                              .agent);
        cr_expect(tiers_of("\"syscalls\": {\"deny\": [\"dup\"]}", agent).agent);
}

Test(signals, without_landlocks_scope_they_are_looked_at)
{
        const struct tier_inputs scoped = {.landlock_abi = 6}, unscoped = {.landlock_abi = 5};
        struct tiers tiers = tiers_of("\"files\": {\"read\": [\"/\"]}", scoped);

        cr_expect_eq(tiers.action[SYS_kill], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_fcntl], TIER_NATIVE);
        tiers = tiers_of("\"files\": {\"read\": [\"/\"]}", unscoped);
        cr_expect_eq(tiers.action[SYS_kill], TIER_NOTIFY);
        cr_expect_eq(tiers.action[SYS_tgkill], TIER_NOTIFY);
        cr_expect_eq(tiers.action[SYS_rt_sigqueueinfo], TIER_NOTIFY);
        cr_expect_eq(tiers.action[SYS_pidfd_send_signal], TIER_NOSYS);
        cr_expect_eq(tiers.action[SYS_get_robust_list], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_fcntl], TIER_SCALAR);
}

Test(ipc, shared_objects_are_the_kernels)
{
        const struct tier_inputs agent = {.agent = true, .landlock_abi = 7};

        cr_expect_eq(tiers_of("\"audit\": {}", agent).action[SYS_shmget], TIER_NOTIFY);
        cr_expect_eq(tiers_of("\"audit\": {}", agent).action[SYS_semop], TIER_NOTIFY);
        cr_expect_eq(tiers_of("\"process\": {\"ipc\": \"host\"}", agent).action[SYS_shmat], TIER_NATIVE);
        cr_expect_eq(tiers_of("\"process\": {\"ipc\": \"host\"}", agent).action[SYS_mq_open], TIER_NOTIFY);
}
