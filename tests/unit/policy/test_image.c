/* SPDX-License-Identifier: Apache-2.0 */
/* A policy that was packed, moved and unpacked says what the first one says. */
#include <arpa/inet.h>
#include <sys/syscall.h>

#include "tests/unit/policy/fixture.h"

static const char members[] = "\"name\": \"image\", \"on_deny\": \"kill\", \"audit\": {\"log\": \"all\"},"
                              "\"files\": {\"read\": [\"/usr\", \"/srv/*.html\", \"/a/**/b\", \"$TMPDIR\"], "
                              "\"write\": [\"/srv/{x,y}\"],"
                              "\"exec\": [\"/usr/bin\"], \"deny\": [\"**/.git/**\", \"/usr/s[a-f]?\"], "
                              "\"hide\": [\"/usr/hidden\"]},"
                              "\"network\": {\"connect\": [\"tcp:10.0.0.0/8:80\", \"tcp:[::1]:1-9\", "
                              "\"unix:/run/*\", \"unix:@x*\"],"
                              "\"deny\": [\"tcp:10.1.0.0/16:*\"]},"
                              "\"syscalls\": {\"deny\": [\"@mount\", {\"name\": \"socket\", \"errno\": "
                              "\"EIO\", \"args\": [{\"index\": 0,"
                              "\"op\": \"==\", \"value\": \"AF_PACKET\"}]}], \"kill\": [\"kexec_load\"]}";

static const char *const paths[] = {
        "/",
        "/usr",
        "/usr/lib/x",
        "/usr/sbz",
        "/usr/hidden/x",
        "/srv/i.html",
        "/srv/x/.git/config",
        "/srv/y/z",
        "/srv/d/i.html",
        "/a/b",
        "/a/x/y/b",
        "/usr/bin/env",
        "/tmp/private/file",
        "/run/x",
        "/etc",
};

static struct policy *moved(const struct policy *policy, void **ret_image)
{
        void *image, *copy;
        struct policy *unpacked;
        size_t size;

        cr_assert_eq(policy_pack(policy, &image, &size), 0);
        copy = aligned_alloc(IMAGE_ALIGNMENT, size);
        cr_assert_not_null(copy);
        memcpy(copy, image, size);
        memset(image, 0xee, size);
        free(image);
        cr_assert_eq(policy_unpack(copy, &unpacked), 0);
        *ret_image = copy;
        return unpacked;
}

static void compare_rules(const struct rule *a, const struct rule *b)
{
        char left[512], right[512];

        if (!a || !b) {
                cr_expect_eq(a, b);
                return;
        }
        cr_expect_str_eq(rule_describe(a, left, sizeof left), rule_describe(b, right, sizeof right));
        cr_expect_str_eq(a->text, b->text);
        cr_expect_eq(a->pattern != NULL, b->pattern != NULL);
        if (a->pattern)
                cr_expect_str_eq(a->pattern, b->pattern);
        cr_assert_eq(a->condition_count, b->condition_count);
        if (a->condition_count)
                cr_expect_eq(memcmp(a->conditions, b->conditions, a->condition_count * sizeof *a->conditions),
                             0);
}

static void compare_verdicts(const struct verdict *a, const struct verdict *b)
{
        cr_expect_eq(a->outcome, b->outcome);
        cr_expect_eq(a->error, b->error);
        compare_rules(a->rule, b->rule);
}

static void compare_addresses(const struct policy *a, const struct policy *b)
{
        static const char *const addresses[] = {"10.2.3.4", "10.1.2.3", "192.0.2.1"};

        for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
                struct sockaddr_storage storage = {.ss_family = AF_INET};
                struct sockaddr_in *address = (struct sockaddr_in *)&storage;
                struct verdict left = {0}, right = {0};

                address->sin_port = htons(80);
                inet_pton(AF_INET, addresses[i], &address->sin_addr);
                policy_check_address(a, false, IPPROTO_TCP, &storage, sizeof *address, NULL, &left);
                policy_check_address(b, false, IPPROTO_TCP, &storage, sizeof *address, NULL, &right);
                compare_verdicts(&left, &right);
        }
}

static void compare_syscalls(const struct policy *a, const struct policy *b)
{
        static const uint64_t args[6] = {AF_PACKET};

        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++) {
                struct verdict left = {0}, right = {0};

                policy_check_syscall(a, nr, args, &left);
                policy_check_syscall(b, nr, args, &right);
                compare_verdicts(&left, &right);
        }
}

Test(image, says_the_same_elsewhere)
{
        struct policy *policy = policy_of(members), *unpacked;
        void *image;

        unpacked = moved(policy, &image);
        cr_expect_str_eq(policy_name(unpacked), "image");
        cr_expect_eq(policy_on_deny(unpacked), ON_DENY_KILL);
        cr_expect_eq(policy_audit(unpacked), AUDIT_ALL);
        cr_expect(policy_uses_tmpdir(unpacked));
        cr_expect(policy_hides_anything(unpacked));
        cr_assert_eq(policy_rule_count(unpacked), policy_rule_count(policy));
        for (size_t i = 0; i < policy_rule_count(policy); i++)
                compare_rules(policy_rule(policy, i), policy_rule(unpacked, i));
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                for (enum path_access access = PATH_META; access <= PATH_EXEC; access++) {
                        struct verdict left = {0}, right = {0};

                        policy_check_path(policy, paths[i], strlen(paths[i]), access, &left);
                        policy_check_path(unpacked, paths[i], strlen(paths[i]), access, &right);
                        compare_verdicts(&left, &right);
                        cr_expect_str_eq(move_word(policy, paths[i], "/srv/x/new"),
                                         move_word(unpacked, paths[i], "/srv/x/new"));
                }
        compare_addresses(policy, unpacked);
        compare_syscalls(policy, unpacked);
        policy_destroy(policy);
        policy_destroy(unpacked);
        free(image);
}

/* An image made of one that was unpacked is an image too. */
Test(image, again_and_again)
{
        struct policy *policy = policy_of(members), *once, *twice;
        void *first, *second;

        once = moved(policy, &first);
        twice = moved(once, &second);
        policy_destroy(once);
        free(first);
        check_path(twice, PATH_READ, "/usr/lib/x", "allow");
        check_path(twice, PATH_READ, "/usr/hidden/x", "hide");
        check_path(twice, PATH_WRITE, "/srv/x/.git/config", "deny");
        policy_destroy(twice);
        free(second);
        policy_destroy(policy);
}
