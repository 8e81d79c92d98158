/* SPDX-License-Identifier: Apache-2.0 */
/* The filter in simulation: what it answers for numbers and registers, compared with the verdicts. */
#include "broker/enforce/filter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "broker/enforce/scalar.h"
#include "proto/call.h"
#include "tests/unit/enforce/bpf_machine.h"
#include "tests/unit/load_policy.h"

_Static_assert(FILTER_AGENT_CALL == FL_CALL_NR, "the filter lets the agent's calls through to the broker");

#define NETWORK "\"network\": { \"bind\": [\"tcp:*:*\", \"udp:*:*\"], \"connect\": [\"unix:/run/**\"] }"

struct fixture {
        struct policy *policy;
        struct tiers tiers;
        struct filter filter;
};

static bool is_directory(const char *path)
{
        (void)path;
        return true;
}

static struct fixture setup(const char *text, struct tier_inputs inputs)
{
        struct fixture fixture = {.policy = load_policy(text)};
        struct err err = {0};

        tiers_plan(fixture.policy, &inputs, is_directory, &fixture.tiers);
        cr_assert_eq(filter_build(fixture.policy, &fixture.tiers, &fixture.filter, &err), 0, "%s",
                     err.message);
        return fixture;
}

static void teardown(struct fixture *fixture)
{
        filter_finish(&fixture->filter);
        policy_destroy(fixture->policy);
}

static struct bpf_outcome run(const struct fixture *fixture, uint32_t arch, int nr, const uint64_t args[6])
{
        struct seccomp_data data = {.nr = nr, .arch = arch, .instruction_pointer = 0x1234567};

        if (args)
                memcpy(data.args, args, sizeof data.args);
        return bpf_run(&fixture->filter.program, &data);
}

#define ARGS(...) ((const uint64_t[6]){__VA_ARGS__})
#define NATIVE(fixture, nr, ...)                                                                             \
        cr_expect_eq(run(fixture, AUDIT_ARCH_X86_64, nr, ARGS(__VA_ARGS__)).action, SECCOMP_RET_ALLOW)
#define NOTIFIES(fixture, nr, ...)                                                                           \
        cr_expect_eq(run(fixture, AUDIT_ARCH_X86_64, nr, ARGS(__VA_ARGS__)).action, SECCOMP_RET_USER_NOTIF)
#define FAILS(fixture, error, nr, ...)                                                                       \
        cr_expect_eq(run(fixture, AUDIT_ARCH_X86_64, nr, ARGS(__VA_ARGS__)).action,                          \
                     SECCOMP_RET_ERRNO | (uint32_t)(error))

Test(filter, every_number_gets_its_tier)
{
        static const struct tier_inputs inputs[] = {
                {.agent = true, .landlock_abi = 7},
                {.agent = false, .landlock_abi = 7, .privileged = true},
                {.agent = true, .landlock_abi = 7, .mediate_all = true},
        };

        for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
                struct fixture fixture = setup("", inputs[i]);

                for (int nr = 0; nr < SYSCALLS_LIMIT; nr++) {
                        struct bpf_outcome outcome = run(&fixture, AUDIT_ARCH_X86_64, nr, NULL);

                        switch (fixture.tiers.action[nr]) {
                        case TIER_NATIVE:
                                cr_expect_eq(outcome.action, SECCOMP_RET_ALLOW, "%s", syscall_name(nr));
                                cr_expect(outcome.only_number, "%s: the kernel cannot cache it",
                                          syscall_name(nr));
                                break;
                        case TIER_NOTIFY:
                                if (nr != SYS_prctl)
                                        cr_expect_eq(outcome.action, SECCOMP_RET_USER_NOTIF, "%s",
                                                     syscall_name(nr));
                                break;
                        case TIER_NOSYS:
                                cr_expect_eq(outcome.action, SECCOMP_RET_ERRNO | ENOSYS, "%s",
                                             syscall_name(nr));
                                break;
                        case TIER_REFUSED:
                                cr_expect_eq(outcome.action, SECCOMP_RET_ERRNO | EPERM, "%s",
                                             syscall_name(nr));
                                break;
                        case TIER_SCALAR:
                                break;
                        }
                }
                teardown(&fixture);
        }
}

Test(filter, foreign_and_unknown_numbers)
{
        struct fixture fixture = setup("", (struct tier_inputs){.agent = true});
        static const int unknown[] = {337, 423, 471, 511, 512, FL_CALL_NR - 1, FL_CALL_NR + 1, -1, 1 << 30};

        for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
                FAILS(&fixture, ENOSYS, unknown[i], 0);
        for (int nr = 0; nr < 600; nr++) {
                FAILS(&fixture, ENOSYS, nr | 1 << 30, 0);
                cr_expect_eq(run(&fixture, AUDIT_ARCH_I386, nr, NULL).action, SECCOMP_RET_ERRNO | ENOSYS);
                cr_expect_eq(run(&fixture, AUDIT_ARCH_AARCH64, nr, NULL).action, SECCOMP_RET_ERRNO | ENOSYS);
        }
        cr_expect_eq(run(&fixture, AUDIT_ARCH_I386, FL_CALL_NR, NULL).action, SECCOMP_RET_ERRNO | ENOSYS);
        NOTIFIES(&fixture, FL_CALL_NR, 0);
        teardown(&fixture);
}

Test(filter, what_never_notifies_in_mediate_all)
{
        struct fixture fixture = setup("", (struct tier_inputs){.mediate_all = true});

        NATIVE(&fixture, SYS_close, 3);
        NATIVE(&fixture, SYS_fork, 0);
        NATIVE(&fixture, SYS_vfork, 0);
        NATIVE(&fixture, SYS_clone, CLONE_VM | CLONE_THREAD);
        FAILS(&fixture, EPERM, SYS_clone, CLONE_NEWUSER | SIGCHLD);
        FAILS(&fixture, 0, SYS_prctl, PR_SET_DUMPABLE, 0);
        NOTIFIES(&fixture, SYS_prctl, PR_SET_DUMPABLE, 1);
        NOTIFIES(&fixture, SYS_getppid, 0);
        NOTIFIES(&fixture, SYS_write, 1);
        teardown(&fixture);
}

Test(filter, registers_that_matter)
{
        const uint64_t high = 0xdeadbeef00000000;
        struct fixture fixture = setup(NETWORK, (struct tier_inputs){.agent = true});

        NOTIFIES(&fixture, SYS_ioctl, 0, TIOCSTI);
        NOTIFIES(&fixture, SYS_ioctl, 0, high | TIOCSTI);
        NATIVE(&fixture, SYS_ioctl, 0, TIOCGWINSZ);
        NATIVE(&fixture, SYS_ioctl, 0, FIONBIO);
        NATIVE(&fixture, SYS_ioctl, 0, high | TIOCGWINSZ);
        FAILS(&fixture, EPERM, SYS_clone, CLONE_NEWNS);
        FAILS(&fixture, EPERM, SYS_clone, high | CLONE_NEWPID | CLONE_VM);
        NATIVE(&fixture, SYS_clone, high | SIGCHLD);
        NATIVE(&fixture, SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        NATIVE(&fixture, SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP);
        NATIVE(&fixture, SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0);
        NOTIFIES(&fixture, SYS_socket, AF_UNIX, SOCK_RAW, 0);
        NOTIFIES(&fixture, SYS_socket, AF_NETLINK, SOCK_RAW, 0);
        NOTIFIES(&fixture, SYS_socket, high | AF_PACKET, SOCK_RAW, 0);
        NOTIFIES(&fixture, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP);
        NOTIFIES(&fixture, SYS_socket, AF_INET, SOCK_PACKET, 0);
        NOTIFIES(&fixture, SYS_socket, AF_INET, SOCK_STREAM, 262);
        NATIVE(&fixture, SYS_sendto, 3, 0x1000, 10, 0, 0, 0);
        NOTIFIES(&fixture, SYS_sendto, 3, 0x1000, 10, 0, 0x100000000, 16);
        NOTIFIES(&fixture, SYS_personality, 0);
        NATIVE(&fixture, SYS_prctl, PR_SET_NAME, 1);
        NATIVE(&fixture, SYS_prctl, PR_SET_DUMPABLE, 1);
        FAILS(&fixture, 0, SYS_prctl, high | PR_SET_DUMPABLE, 0);
        NOTIFIES(&fixture, SYS_prctl, high | PR_SET_MM, 1);
        NATIVE(&fixture, SYS_prlimit64, 0, 7);
        NOTIFIES(&fixture, SYS_prlimit64, 1, 7);
        NOTIFIES(&fixture, SYS_unshare, CLONE_NEWUSER);
        NATIVE(&fixture, SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0);
        NOTIFIES(&fixture, SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        teardown(&fixture);
}

/* Values near what the rules speak of, with and without dirt in the upper half. */
static uint64_t interesting(unsigned *seed)
{
        static const uint64_t few[] = {0,       1,          2,          3,          5,      6,     10,
                                       16,      17,         22,         35,         59,     64,    97,
                                       0x40000, 0x5412,     0x541c,     0x6602,     4,      41,    200,
                                       0x480,   0x20000000, 0x40086602, 0xffffffff, 0x89ff, 0x8912};
        uint64_t value = few[(unsigned)rand_r(seed) % (sizeof few / sizeof few[0])];

        switch (rand_r(seed) % 6) {
        case 0:
                return value | 0xffffffff00000000;
        case 1:
                return value | (uint64_t)rand_r(seed) << 32;
        case 2:
                return (uint64_t)rand_r(seed);
        case 3:
                return value ^ 1u << rand_r(seed) % 32;
        default:
                return value;
        }
}

/* Never less is notified than is refused. */
static void compare_with_verdicts(struct fixture *fixture, unsigned rounds)
{
        unsigned seed = 1;

        for (unsigned round = 0; round < rounds; round++) {
                const struct scalar_rule *rule = &scalar_rules[(unsigned)rand_r(&seed) % scalar_rule_count];
                struct verdict verdict;
                uint64_t args[6];
                uint32_t action;

                for (unsigned i = 0; i < 6; i++)
                        args[i] = interesting(&seed);
                for (unsigned i = 0; i < rule->condition_count && rand_r(&seed) % 4; i++)
                        args[rule->conditions[i].index] = rule->conditions[i].value;
                scalar_check(fixture->policy, &fixture->tiers, rule->nr, args, &verdict);
                action = run(fixture, AUDIT_ARCH_X86_64, rule->nr, args).action;
                if (verdict.outcome != VERDICT_ALLOW)
                        cr_assert_neq(action, SECCOMP_RET_ALLOW, "%s %#lx %#lx %#lx", syscall_name(rule->nr),
                                      args[0], args[1], args[2]);
                if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
                        cr_assert(verdict.outcome == VERDICT_DENY && verdict.error == (int)(action & 0xfff));
        }
}

/* Every set of rules that tiers can switch on. */
Test(filter, refuses_no_less_than_the_verdicts)
{
        for (unsigned bits = 0; bits < 1024; bits++) {
                struct fixture fixture = {.policy = load_policy("")};
                struct tiers *tiers = &fixture.tiers;
                struct err err = {0};

                tiers->unix_sockets = bits & 1;
                tiers->tcp_sockets = bits & 2;
                tiers->udp_sockets = bits & 4;
                tiers->ipv4_sockets = bits & 8;
                tiers->ipv6_sockets = bits & 16;
                tiers->listening = bits & 32;
                tiers->hides = bits & 64;
                tiers->privileged = bits & 128;
                tiers->sends_in_kernel = bits & 256;
                tiers->signals_scoped = bits & 512;
                for (size_t i = 0; i < scalar_rule_count; i++)
                        tiers->action[scalar_rules[i].nr] = TIER_SCALAR;
                cr_assert_eq(filter_build(fixture.policy, tiers, &fixture.filter, &err), 0, "%s",
                             err.message);
                compare_with_verdicts(&fixture, bits % 64 ? 2000 : 50000);
                teardown(&fixture);
        }
}

static void random_rules(unsigned *seed, char *out, size_t size)
{
        static const char *const names[] = {"fcntl", "madvise", "ioctl", "socket", "mmap"};
        static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">=", "&==", "&==", "=="};
        size_t length = (size_t)snprintf(out, size, "\"syscalls\": { \"deny\": [ \"pause\"");

        for (unsigned i = 0, rules = 1 + (unsigned)rand_r(seed) % 6; i < rules; i++) {
                unsigned conditions = 1 + (unsigned)rand_r(seed) % 3;

                length += (size_t)snprintf(out + length, size - length, ", { \"name\": \"%s\", \"args\": [",
                                           names[rand_r(seed) % 5]);
                for (unsigned j = 0; j < conditions; j++) {
                        const char *op = ops[rand_r(seed) % 9];
                        uint64_t mask = 1ull << rand_r(seed) % 40 | (uint64_t)rand_r(seed) % 32;
                        uint64_t value = interesting(seed) & 0xfffffffffffff;

                        length += (size_t)snprintf(out + length, size - length,
                                                   "%s{ \"index\": %d, \"op\": \"%s\", \"value\": %lu",
                                                   j ? ", " : "", rand_r(seed) % 3, op,
                                                   (unsigned long)(op[0] == '&' ? value & mask : value));
                        if (op[0] == '&')
                                length += (size_t)snprintf(out + length, size - length, ", \"mask\": %lu",
                                                           (unsigned long)mask);
                        length += (size_t)snprintf(out + length, size - length, " }");
                }
                length += (size_t)snprintf(out + length, size - length, "] }");
        }
        snprintf(out + length, size - length, "] }");
}

Test(filter, policy_conditions_are_never_missed)
{
        static const int numbers[] = {SYS_fcntl, SYS_madvise, SYS_ioctl, SYS_socket, SYS_mmap, SYS_pause};
        unsigned seed = 7, matched = 0, missed_natively = 0;
        char text[4096];

        for (unsigned round = 0; round < 200; round++) {
                struct fixture fixture;

                random_rules(&seed, text, sizeof text);
                fixture = setup(text, (struct tier_inputs){.agent = true});
                for (unsigned i = 0; i < 500; i++) {
                        int nr = numbers[rand_r(&seed) % 6];
                        struct verdict verdict;
                        uint64_t args[6];
                        uint32_t action;

                        for (unsigned j = 0; j < 6; j++)
                                args[j] = interesting(&seed);
                        policy_check_syscall(fixture.policy, nr, args, &verdict);
                        action = run(&fixture, AUDIT_ARCH_X86_64, nr, args).action;
                        if (verdict.outcome != VERDICT_ALLOW) {
                                matched++;
                                cr_assert_eq(action, SECCOMP_RET_USER_NOTIF, "%s\n%s %#lx %#lx %#lx", text,
                                             syscall_name(nr), args[0], args[1], args[2]);
                        } else if (action == SECCOMP_RET_ALLOW) {
                                missed_natively++;
                        }
                }
                teardown(&fixture);
        }
        cr_expect_gt(matched, 5000);
        cr_expect_gt(missed_natively, 5000, "conditions leave the rest native");
}

Test(filter, policy_rules_on_what_never_notifies)
{
        struct fixture fixture =
                setup("\"syscalls\": { \"deny\": [ { \"name\": \"fork\", \"errno\": \"EAGAIN\" } ], "
                      "\"kill\": [\"vfork\"] }",
                      (struct tier_inputs){.agent = true});

        FAILS(&fixture, EAGAIN, SYS_fork, 0);
        cr_expect_eq(run(&fixture, AUDIT_ARCH_X86_64, SYS_vfork, NULL).action, SECCOMP_RET_KILL_PROCESS);
        NATIVE(&fixture, SYS_close, 0);
        teardown(&fixture);
}

Test(filter, policy_rules_only_narrow)
{
        struct fixture fixture =
                setup("\"syscalls\": { \"deny\": [\"@system-service\"], \"kill\": [\"ptrace\"] }",
                      (struct tier_inputs){.agent = true});

        NOTIFIES(&fixture, SYS_read, 0);
        NOTIFIES(&fixture, SYS_ptrace, 0);
        FAILS(&fixture, ENOSYS, SYS_io_uring_setup, 0);
        FAILS(&fixture, EPERM, SYS_clone, CLONE_NEWUSER);
        teardown(&fixture);
}

Test(filter, a_silent_rule_that_cannot_be_exact_is_an_error)
{
        struct policy *policy = load_policy("\"syscalls\": { \"deny\": [ { \"name\": \"clone\", \"args\": ["
                                            "{ \"index\": 0, \"op\": \">\", \"value\": 1 }, { \"index\": 0, "
                                            "\"op\": \"<\", \"value\": 9 } ] } ] }");
        struct tier_inputs inputs = {.agent = true};
        struct filter filter = {0};
        struct tiers tiers;
        struct err err = {0};

        tiers_plan(policy, &inputs, is_directory, &tiers);
        cr_expect_eq(filter_build(policy, &tiers, &filter, &err), -EOPNOTSUPP);
        cr_expect(strstr(err.message, "clone"), "%s", err.message);
        policy_destroy(policy);
}

Test(filter, is_short_and_quick_to_build)
{
        struct policy *policy = load_policy(NETWORK);
        struct tier_inputs inputs = {.agent = true, .mediate_all = true, .privileged = true};
        struct timespec before, after;
        struct tiers tiers;
        struct filter filter;
        struct err err;
        long microseconds;

        tiers_plan(policy, &inputs, is_directory, &tiers);
        clock_gettime(CLOCK_MONOTONIC, &before);
        cr_assert_eq(filter_build(policy, &tiers, &filter, &err), 0);
        clock_gettime(CLOCK_MONOTONIC, &after);
        microseconds = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
        cr_log_info("built in %ld us, %u instructions", microseconds, filter.program.len);
        cr_expect_lt(microseconds, 100000);
        cr_expect_lt(filter.program.len, 2000);
        filter_finish(&filter);
        policy_destroy(policy);
}

Test(scalar, verdicts_name_what_is_refused)
{
        struct fixture fixture = setup("", (struct tier_inputs){.agent = true});
        struct verdict verdict;

        scalar_check(fixture.policy, &fixture.tiers, SYS_socket, ARGS(AF_NETLINK, SOCK_RAW), &verdict);
        cr_expect(verdict.baseline && verdict.error == EAFNOSUPPORT);
        cr_expect_str_eq(verdict.operation, "socket");
        cr_expect_str_eq(verdict.object, "AF_NETLINK");
        cr_expect_eq(verdict.object_length, strlen("AF_NETLINK"));
        scalar_check(fixture.policy, &fixture.tiers, SYS_socket, ARGS(AF_INET, SOCK_STREAM), &verdict);
        cr_expect(!verdict.baseline && verdict.error == EACCES && !verdict.rule);
        cr_expect_str_eq(verdict.object, "AF_INET");
        scalar_check(fixture.policy, &fixture.tiers, SYS_socket, ARGS(4711), &verdict);
        cr_expect_str_eq(verdict.object, "0x1267");
        scalar_check(fixture.policy, &fixture.tiers, SYS_unshare, ARGS(CLONE_FS), &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_ALLOW);
        scalar_check(fixture.policy, &fixture.tiers, SYS_personality, ARGS(0xffffffff), &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_ALLOW);
        scalar_check(fixture.policy, &fixture.tiers, SYS_getpid, ARGS(0), &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_ALLOW);
        teardown(&fixture);
}
