/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/tiers.h"

#include <criterion/criterion.h>
#include <sys/syscall.h>

#include "tests/unit/load_policy.h"

#define HIERARCHIES "\"files\": { \"read\": [\"/usr\"], \"write\": [\"/tmp\"] }"

static bool everything_is_a_directory(const char *path)
{
        (void)path;
        return true;
}

static bool nothing_is_a_directory(const char *path)
{
        (void)path;
        return false;
}

static struct tiers plan(const char *text, struct tier_inputs inputs)
{
        struct policy *policy = load_policy(text);
        struct tiers tiers;

        tiers_plan(policy, &inputs, everything_is_a_directory, &tiers);
        policy_destroy(policy);
        return tiers;
}

static bool has(const uint64_t *mask, int nr)
{
        return mask[nr / 64] >> (nr % 64) & 1;
}

static const struct tier_inputs with_agent = {.agent = true, .landlock_abi = 7};

Test(tiers, hierarchies_go_to_the_kernel_and_report)
{
        struct tiers tiers = plan(HIERARCHIES, with_agent);

        cr_expect(tiers.files_in_kernel && tiers.report && tiers.agent);
        cr_expect_eq(tiers.action[SYS_openat], TIER_NATIVE);
        cr_expect(has(tiers.reported, SYS_openat));
        cr_expect_not(has(tiers.mediated, SYS_openat));
        cr_expect_eq(tiers.action[SYS_mkdir], TIER_NOTIFY);
        cr_expect(has(tiers.mediated, SYS_mkdir) && has(tiers.ring, SYS_mkdir));
}

Test(tiers, what_landlock_cannot_say_is_brokered)
{
        static const char *const policies[] = {
                "\"files\": { \"read\": [\"/usr\"], \"deny\": [\"/usr/share\"] }",
                "\"files\": { \"read\": [\"/usr\"], \"hide\": [\"/usr/share\"] }",
                "\"files\": { \"read\": [\"/usr/**/x*\"] }",
                "\"files\": { \"write\": [\"/\"] }",
                "\"files\": { \"write\": [\"/proc\"] }",
                HIERARCHIES ", \"on_deny\": \"kill\"",
                HIERARCHIES ", \"on_deny\": \"warn\"",
                HIERARCHIES ", \"mediate\": \"all\"",
                HIERARCHIES ", \"audit\": { \"log\": \"all\" }",
        };

        for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
                struct tiers tiers = plan(policies[i], with_agent);

                cr_expect_not(tiers.files_in_kernel, "%s", policies[i]);
                cr_expect_eq(tiers.action[SYS_openat], TIER_NOTIFY, "%s", policies[i]);
                cr_expect(has(tiers.ring, SYS_openat), "%s", policies[i]);
                cr_expect_not(has(tiers.reported, SYS_openat), "%s", policies[i]);
        }
}

Test(tiers, a_grant_that_is_no_directory_is_brokered)
{
        struct policy *policy = load_policy(HIERARCHIES);
        struct tiers tiers;

        tiers_plan(policy, &with_agent, nothing_is_a_directory, &tiers);
        cr_expect_not(tiers.files_in_kernel);
        policy_destroy(policy);
}

Test(tiers, inputs_that_keep_opens_out_of_the_kernel)
{
        static const struct tier_inputs inputs[] = {
                {.agent = true, .landlock_abi = 2},
                {.agent = true, .landlock_abi = 0},
                {.agent = false, .landlock_abi = 7},
                {.agent = true, .landlock_abi = 7, .warn = true},
                {.agent = true, .landlock_abi = 7, .mediate_all = true},
        };

        for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
                cr_expect_not(plan(HIERARCHIES, inputs[i]).files_in_kernel, "%zu", i);
}

Test(tiers, without_audit_nobody_has_to_explain)
{
        const char *silent = HIERARCHIES ", \"audit\": { \"log\": \"none\" }";
        struct tier_inputs no_agent = {.landlock_abi = 7};
        struct tiers tiers = plan(silent, no_agent);

        cr_expect(tiers.files_in_kernel && !tiers.agent && !tiers.report);
        tiers = plan(silent, with_agent);
        cr_expect(tiers.files_in_kernel && !tiers.agent, "no agent where it could do nothing");
        cr_expect_eq(tiers.action[SYS_readlink], TIER_NATIVE);
}

Test(tiers, metadata_is_native_unless_hidden)
{
        struct tiers tiers = plan(HIERARCHIES, with_agent);

        cr_expect_eq(tiers.action[SYS_newfstatat], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_getdents64], TIER_NATIVE);
        cr_expect_eq(tiers.action[SYS_readlinkat], TIER_NOTIFY, "for /proc/self/exe");
        tiers = plan("\"files\": { \"hide\": [\"/root\"] }", with_agent);
        cr_expect_eq(tiers.action[SYS_newfstatat], TIER_NOTIFY);
        cr_expect(has(tiers.ring, SYS_newfstatat));
        cr_expect_eq(tiers.action[SYS_getdents64], TIER_NOTIFY);
        cr_expect_not(has(tiers.ring, SYS_getdents64));
        cr_expect_eq(tiers.action[SYS_getdents], TIER_NOSYS);
}

Test(tiers, sockets_follow_the_grants)
{
        struct tiers tiers = plan("", with_agent);

        cr_expect(!tiers.unix_sockets && !tiers.tcp_sockets && !tiers.udp_sockets && !tiers.listening);
        cr_expect(tiers.sends_in_kernel);
        cr_expect_eq(tiers.action[SYS_sendmsg], TIER_SCALAR);
        cr_expect_eq(tiers.action[SYS_listen], TIER_NOTIFY);
        tiers = plan("\"network\": { \"bind\": [\"tcp:[::1]:80\"] }", with_agent);
        cr_expect(tiers.tcp_sockets && !tiers.ipv4_sockets && tiers.ipv6_sockets && tiers.listening);
        cr_expect(tiers.sends_in_kernel);
        tiers = plan("\"network\": { \"connect\": [\"udp:*:53\"] }", with_agent);
        cr_expect(tiers.udp_sockets && tiers.ipv6_sockets && !tiers.sends_in_kernel && !tiers.listening);
        cr_expect_eq(tiers.action[SYS_sendmsg], TIER_NOTIFY);
        tiers = plan("", (struct tier_inputs){.warn = true});
        cr_expect(tiers.unix_sockets && tiers.tcp_sockets && tiers.udp_sockets && !tiers.landlock_files);
}

Test(tiers, plain_sends_need_both_calls_to_be_alike)
{
        static const char sockets[] = "\"network\": { \"connect\": [\"unix:/run/x\"] }";
        char text[512];

        cr_expect(plan(sockets, with_agent).plain_sends);
        cr_expect_not(plan(HIERARCHIES, with_agent).plain_sends, "the kernel sends");
        snprintf(text, sizeof text, "%s, \"syscalls\": { \"deny\": [\"sendto\"] }", sockets);
        cr_expect_not(plan(text, with_agent).plain_sends);
        snprintf(text, sizeof text, "%s, \"syscalls\": { \"kill\": [\"sendmsg\"] }", sockets);
        cr_expect_not(plan(text, with_agent).plain_sends);
        snprintf(text, sizeof text,
                 "%s, \"syscalls\": { \"default\": \"deny\", \"allow\": [\"@system-service\"] }", sockets);
        cr_expect_not(plan(text, with_agent).plain_sends);
}

Test(tiers, ring_carries_no_descriptors_and_no_waiting)
{
        static const int natives[] = {SYS_connect,  SYS_bind,   SYS_chdir,  SYS_execve,
                                      SYS_execveat, SYS_sendto, SYS_sendmsg};
        struct tiers tiers = plan("\"network\": { \"connect\": [\"unix:/run/x\"] }", with_agent);

        for (size_t i = 0; i < sizeof natives / sizeof natives[0]; i++)
                cr_expect_not(has(tiers.ring, natives[i]), "%s", syscall_name(natives[i]));
        cr_expect(has(tiers.mediated, SYS_execve), "its sites are worth a patch");
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++)
                cr_expect(!has(tiers.ring, nr) || has(tiers.mediated, nr), "%d", nr);
}

Test(tiers, mediate_all_notifies_of_all_but_a_few)
{
        struct tiers tiers =
                plan("", (struct tier_inputs){.agent = true, .landlock_abi = 7, .mediate_all = true});

        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++) {
                enum treatment treatment = syscall_entry(nr)->treatment;

                if (treatment == TREAT_UNKNOWN || treatment == TREAT_NOSYS)
                        cr_expect_eq(tiers.action[nr], TIER_NOSYS);
                else
                        cr_expect_eq(tiers.action[nr] != TIER_NOTIFY, tiers_never_notifies(nr), "%s",
                                     syscall_name(nr));
        }
}

Test(tiers, credentials_are_noted_where_they_matter)
{
        cr_expect_eq(plan("", with_agent).action[SYS_setuid], TIER_NATIVE);
        cr_expect_eq(plan("", (struct tier_inputs){.privileged = true}).action[SYS_setuid], TIER_NOTIFY);
}

Test(tiers, refusals_notify_in_every_mode)
{
        static const char *const policies[] = {"", HIERARCHIES, "\"on_deny\": \"warn\""};

        for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
                struct tiers tiers = plan(policies[i], with_agent);

                for (int nr = 0; nr < SYSCALLS_LIMIT; nr++)
                        if (syscall_entry(nr)->treatment == TREAT_REFUSE ||
                            syscall_entry(nr)->treatment == TREAT_BROKER)
                                cr_expect_eq(tiers.action[nr], TIER_NOTIFY, "%s", syscall_name(nr));
        }
}
