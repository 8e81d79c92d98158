/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/syscall.h>

#include "tests/unit/policy/fixture.h"

static struct verdict check(const struct policy *policy, int nr, uint64_t first, uint64_t second)
{
        uint64_t args[6] = {first, second};
        struct verdict verdict;

        policy_check_syscall(policy, nr, args, &verdict);
        return verdict;
}

#define expect(word, nr, first, second)                                                                      \
        do {                                                                                                 \
                struct verdict got = check(policy, nr, first, second);                                       \
                cr_expect_str_eq(verdict_word(&got), word, "%s(%#llx, %#llx) is %s", #nr,                    \
                                 (unsigned long long)(first), (unsigned long long)(second),                  \
                                 verdict_word(&got));                                                        \
        } while (0)

Test(syscall_rules, names_and_groups)
{
        struct policy *policy = policy_of("\"syscalls\": {\"deny\": [\"@mount\", \"ptrace\", "
                                          "\"kexec_load\"], \"kill\": [\"kexec_load\"]}");
        struct verdict verdict;
        char text[64];

        expect("deny", SYS_mount, 0, 0);
        expect("deny", SYS_umount2, 0, 0);
        expect("deny", SYS_ptrace, 0, 0);
        expect("kill", SYS_kexec_load, 0, 0);
        expect("allow", SYS_read, 0, 0);
        expect("allow", -1, 0, 0);
        expect("allow", 100000, 0, 0);
        verdict = check(policy, SYS_mount, 0, 0);
        cr_expect_eq(verdict.error, EPERM);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "syscalls.deny[0], test.json:1");
        cr_expect_str_eq(verdict.rule->text, "@mount");
        policy_destroy(policy);
}

Test(syscall_rules, conditions)
{
        struct policy *policy = policy_of(
                "\"syscalls\": {\"deny\": ["
                "{\"name\": \"socket\", \"args\": [{\"index\": 0, \"op\": \"==\", \"value\": "
                "\"AF_PACKET\"}], \"errno\": \"ENOSYS\"},"
                "{\"name\": \"socket\", \"args\": [{\"index\": 0, \"op\": \"==\", \"value\": 2}, {\"index\": "
                "1, \"op\": \"!=\", \"value\": 1}]},"
                "{\"name\": \"dup\", \"args\": [{\"index\": 0, \"op\": \">\", \"value\": 10}]},"
                "{\"name\": \"dup2\", \"args\": [{\"index\": 0, \"op\": \"<=\", \"value\": 10}]},"
                "{\"name\": \"clone\", \"args\": [{\"index\": 0, \"op\": \"&==\", \"mask\": "
                "\"CLONE_NEWUSER|CLONE_NEWNS\", \"value\": \"CLONE_NEWUSER\"}]},"
                "{\"name\": \"lseek\", \"args\": [{\"index\": 1, \"op\": \">=\", \"value\": 4294967296}]},"
                "{\"name\": \"kill\", \"args\": [{\"index\": 0, \"op\": \"==\", \"value\": -1}]}"
                "]}");

        expect("deny", SYS_socket, 17, 0);
        cr_expect_eq(check(policy, SYS_socket, 17, 0).error, ENOSYS);
        expect("allow", SYS_socket, 1, 0);
        /* The kernel takes an int: a stray upper bit is no way out. */
        expect("deny", SYS_socket, 17 | 1ull << 32, 0);
        expect("deny", SYS_socket, 2, 2);
        expect("allow", SYS_socket, 2, 1);
        expect("deny", SYS_dup, 11, 0);
        expect("allow", SYS_dup, 10, 0);
        expect("deny", SYS_dup2, 10, 0);
        expect("allow", SYS_dup2, 11, 0);
        expect("deny", SYS_dup2, 3 | 1ull << 40, 0);
        expect("deny", SYS_clone, 0x10000000 | 17, 0);
        expect("allow", SYS_clone, 0x10020000, 0);
        expect("deny", SYS_lseek, 0, 1ull << 32);
        expect("allow", SYS_lseek, 0, UINT32_MAX);
        expect("deny", SYS_kill, UINT64_MAX, 0);
        expect("deny", SYS_kill, UINT32_MAX, 0);
        expect("allow", SYS_kill, 1, 0);
        policy_destroy(policy);
}

Test(syscall_rules, without_any)
{
        struct policy *policy = policy_of("\"files\": {\"read\": [\"/\"]}");

        expect("allow", SYS_ptrace, 0, 0);
        policy_destroy(policy);
}
