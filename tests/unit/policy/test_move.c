/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks by renaming a directory over what the policy says of names beneath it. */
#include "tests/unit/policy/fixture.h"

Test(move, plain_grant)
{
        struct policy *policy = policy_of("\"files\": {\"write\": [\"/srv\"]}");

        check_move(policy, "/srv/a", "/srv/b", "allow");
        check_move(policy, "/srv/a", "/srv/b/c/d", "allow");
        policy_destroy(policy);
}

Test(move, out_from_under_a_deny)
{
        struct policy *policy =
                policy_of("\"files\": {\"write\": [\"/srv\"], \"deny\": [\"/srv/app/secret\"]}");

        check_move(policy, "/srv/app", "/srv/b", "deny");
        check_move(policy, "/srv", "/srv2", "deny");
        check_move(policy, "/srv/other", "/srv/b", "allow");
        check_move(policy, "/srv/app/public", "/srv/b", "allow");
        /* A "secret" in it would come to be where none may be made. */
        check_move(policy, "/srv/b", "/srv/app", "deny");
        policy_destroy(policy);
}

Test(move, deny_everywhere_moves_along)
{
        struct policy *policy =
                policy_of("\"files\": {\"write\": [\"/srv\"], \"deny\": [\"**/.git/**\", \"**/*.key\"]}");

        check_move(policy, "/srv/app", "/srv/b", "allow");
        check_move(policy, "/srv/.git", "/srv/git", "deny");
        check_move(policy, "/srv/git", "/srv/.git", "deny");
        check_move(policy, "/srv/x/.git/a", "/srv/x/.git/b", "allow");
        policy_destroy(policy);
}

Test(move, wildcard_deny)
{
        struct policy *policy =
                policy_of("\"files\": {\"write\": [\"/srv\"], \"deny\": [\"/srv/*/secret\"]}");

        check_move(policy, "/srv/a", "/srv/b", "allow");
        check_move(policy, "/srv/a", "/srv/x/b", "deny");
        check_move(policy, "/srv/x/b", "/srv/a", "deny");
        policy_destroy(policy);
}

Test(move, hide)
{
        struct policy *policy =
                policy_of("\"files\": {\"write\": [\"/srv\"], \"hide\": [\"/srv/app/secret\"], "
                          "\"deny\": [\"/srv/denied\"]}");

        check_move(policy, "/srv/app", "/srv/b", "deny");
        /* Denied is not hidden: the names would show. */
        check_move(policy, "/srv/app", "/srv/denied/b", "deny");
        policy_destroy(policy);
}

Test(move, hidden_covers_denied)
{
        struct policy *policy =
                policy_of("\"files\": {\"write\": [\"/srv\"], \"deny\": [\"/srv/app/secret\"], "
                          "\"hide\": [\"/srv/gone\"]}");

        /* Hidden names are not to be made either. */
        check_move(policy, "/srv/app", "/srv/gone/b", "deny");
        policy_destroy(policy);
}

Test(move, picks_up_a_grant)
{
        struct policy *policy = policy_of(
                "\"files\": {\"read\": [\"/usr\"], \"write\": [\"/tmp\", \"/home/anna/bin\", \"/d/*\"], "
                "\"exec\": [\"/home/anna/bin\"]}");
        struct verdict verdict;

        check_move(policy, "/tmp/a", "/home/anna/bin/a", "deny");
        check_move(policy, "/home/anna/bin/a", "/tmp/a", "allow");
        /* What is beneath /d/x is not granted; beneath /tmp it would be. */
        check_move(policy, "/d/x", "/tmp/x", "deny");
        check_move(policy, "/tmp/x", "/d/x", "allow");
        check_move(policy, "/d/x", "/d/y", "allow");
        policy_check_move(policy, "/d/x", 4, "/tmp/x", 6, &verdict);
        cr_expect_eq(verdict.error, EXDEV);
        policy_destroy(policy);
}

Test(move, writing_includes_reading)
{
        struct policy *policy = policy_of("\"files\": {\"write\": [\"/w\"], \"read\": [\"/w2\"]}");

        check_move(policy, "/w/a", "/w2/a", "allow");
        check_move(policy, "/w2/a", "/w/a", "deny");
        policy_destroy(policy);
}

Test(move, sockets)
{
        struct policy *policy = policy_of("\"files\": {\"write\": [\"/run\"]}, \"network\": {"
                                          "\"connect\": [\"unix:/run/pg\", \"unix:/run/x/**\"], \"deny\": "
                                          "[\"unix:/run/x/docker.sock\"]}");

        check_path(policy, PATH_WRITE, "/run/x/docker.sock", "deny");
        check_path(policy, PATH_READ, "/run/x/docker.sock", "allow");
        check_move(policy, "/run/x", "/run/y", "deny");
        check_move(policy, "/run/a", "/run/pg", "deny");
        check_move(policy, "/run/a", "/run/b", "allow");
        policy_destroy(policy);
}

static void check_socket_move(const struct policy *policy, const char *source, const char *target,
                              enum verdict_outcome outcome)
{
        struct verdict verdict;

        policy_check_socket_move(policy, source, target, &verdict);
        cr_expect_eq(verdict.outcome, outcome, "%s to %s", source, target);
}

/* Neither to where connecting is granted, nor out of where binding is. */
Test(move, of_one_socket)
{
        struct policy *policy = policy_of("\"files\": {\"write\": [\"/run\"]}, \"network\": {"
                                          "\"connect\": [\"unix:/run/c/**\"], "
                                          "\"bind\": [\"unix:/run/b/**\"]}");

        check_socket_move(policy, "/run/x", "/run/c/x", VERDICT_DENY);
        check_socket_move(policy, "/run/c/x", "/run/c/y", VERDICT_ALLOW);
        check_socket_move(policy, "/run/c/x", "/run/x", VERDICT_ALLOW);
        check_socket_move(policy, "/run/b/x", "/run/x", VERDICT_DENY);
        check_socket_move(policy, "/run/b/x", "/run/b/y", VERDICT_ALLOW);
        check_socket_move(policy, "/run/x", "/run/b/x", VERDICT_ALLOW);
        check_move(policy, "/run/b", "/run/d", "deny");
        policy_destroy(policy);
}

Test(move, names_the_rule)
{
        struct policy *policy = policy_of(
                "\"files\": {\"write\": [\"/srv\"], \"deny\": [\"/x\", \"/srv/app/z\", \"/srv/app/a\"]}");
        struct verdict verdict;
        char text[64];

        policy_check_move(policy, "/srv/app", 8, "/srv/b", 6, &verdict);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "files.deny[1], test.json:1");
        policy_destroy(policy);
}

Test(move, too_long_is_refused)
{
        struct policy *policy = policy_of("\"files\": {\"write\": [\"/\"]}");
        char path[5000];
        struct verdict verdict;

        memset(path, 'a', sizeof path);
        path[0] = '/';
        policy_check_move(policy, path, sizeof path, "/b", 2, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY);
        policy_destroy(policy);
}
