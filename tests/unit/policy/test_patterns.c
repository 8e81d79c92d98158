/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/fixture.h"

/* Does the pattern, as the only read grant, match the path? */
static bool matches(const char *pattern, const char *path)
{
        struct policy *policy;
        struct verdict verdict;
        char *members = NULL;

        cr_assert(asprintf(&members, "\"files\": {\"read\": [\"%s\"]}", pattern) > 0);
        policy = policy_of(members);
        policy_check_path(policy, path, strlen(path), PATH_READ, &verdict);
        policy_destroy(policy);
        free(members);
        return verdict.outcome == VERDICT_ALLOW;
}

struct sample {
        const char *pattern, *path;
        bool match;
};

static const struct sample samples[] = {
        /* literals: the path or what is beneath */
        {"/srv", "/srv", true},
        {"/srv", "/srv/a", true},
        {"/srv", "/srv/a/b/c", true},
        {"/srv", "/srvx", false},
        {"/srv", "/sr", false},
        {"/srv", "/", false},
        {"/srv", "/home/srv", false},
        {"/", "/", true},
        {"/", "/anything/at/all", true},
        {"/srv/", "/srv", true},
        {"//srv//www/", "/srv/www/x", true},
        {"/srv/./www", "/srv/www", true},
        {"/srv/a.b", "/srv/a.b", true},
        {"/srv/a.b", "/srv/axb", false},
        {"/srv/...", "/srv/...", true},
        {"/srv/\303\251", "/srv/\303\251/x", true},
        /* star */
        {"/srv/*", "/srv/a", true},
        {"/srv/*", "/srv/.hidden", true},
        {"/srv/*", "/srv", false},
        {"/srv/*", "/srv/a/b", false},
        {"/*", "/", false},
        {"/*", "/a", true},
        {"/srv/*.txt", "/srv/a.txt", true},
        {"/srv/*.txt", "/srv/.txt", true},
        {"/srv/*.txt", "/srv/a/b.txt", false},
        {"/srv/a*b*c", "/srv/aXXbYYc", true},
        {"/srv/a*b*c", "/srv/abc", true},
        {"/srv/a*b*c", "/srv/acb", false},
        {"/srv/*/x", "/srv/a/x", true},
        {"/srv/*/x", "/srv/x", false},
        {"/srv/*/x", "/srv/a/b/x", false},
        {"/srv/*/x", "/srv/a/x/y", false},
        /* globstar */
        {"/srv/**", "/srv/a", true},
        {"/srv/**", "/srv/a/b", true},
        {"/srv/**", "/srv", false},
        {"/**", "/", true},
        {"/**", "/a/b", true},
        {"**", "/a/b", true},
        {"/srv/**/x", "/srv/x", true},
        {"/srv/**/x", "/srv/a/x", true},
        {"/srv/**/x", "/srv/a/b/c/x", true},
        {"/srv/**/x", "/srv/ax", false},
        {"/srv/**/x", "/srv/a/x/b", false},
        {"**/.git/**", "/.git/config", true},
        {"**/.git/**", "/a/b/.git/config", true},
        {"**/.git/**", "/a/b/.git/c/d/e", true},
        {"**/.git/**", "/a/b/.git", false},
        {"**/.git/**", "/a/b/x.git/config", false},
        {"**/.git", "/a/b/.git", true},
        {"/a**z", "/a/b/c/z", true},
        {"/a**z", "/az", true},
        {"/a**z", "/a/zy", false},
        {"/srv/**/**/x", "/srv/x", true},
        {"/srv/**/**/x", "/srv/a/b/x", true},
        {"/srv/***/x", "/srv/a/b/x", true},
        {"/srv/**/a/**/b", "/srv/a/b", true},
        {"/srv/**/a/**/b", "/srv/x/a/y/z/b", true},
        {"/srv/**/a/**/b", "/srv/x/y/b", false},
        /* question mark */
        {"/srv/?", "/srv/a", true},
        {"/srv/?", "/srv/ab", false},
        {"/srv/?", "/srv", false},
        {"/srv?a", "/srv/a", false},
        {"/srv/?x", "/srv/\303\251x", true},
        {"/srv/?x", "/srv/\342\202\254x", true},
        {"/srv/?x", "/srv/\360\237\230\200x", true},
        {"/srv/?x", "/srv/\377x", true},
        {"/srv/??", "/srv/a\303\251", true},
        /* classes */
        {"/srv/[abc]", "/srv/b", true},
        {"/srv/[abc]", "/srv/d", false},
        {"/srv/[a-c]x", "/srv/bx", true},
        {"/srv/[!a-c]", "/srv/d", true},
        {"/srv/[!a-c]", "/srv/b", false},
        {"/srv/[^a-c]", "/srv/b", false},
        {"/srv[!a]x", "/srv/x", false},
        {"/srv/[!a]", "/srv/\303\251", true},
        {"/srv/[]]", "/srv/]", true},
        {"/srv/[!]]", "/srv/]", false},
        {"/srv/[a-]", "/srv/-", true},
        {"/srv/[\\\\]a]", "/srv/]", true},
        {"/srv/[*?]", "/srv/*", true},
        {"/srv/[*?]", "/srv/x", false},
        {"/srv/[{]", "/srv/{", true},
        {"/srv/a]", "/srv/a]", true},
        /* braces */
        {"/srv/{a,b}", "/srv/a", true},
        {"/srv/{a,b}", "/srv/b", true},
        {"/srv/{a,b}", "/srv/c", false},
        {"/srv/{a,b}", "/srv/a/x", false},
        {"/srv/{a,b}/**", "/srv/a/x", true},
        {"/srv/x{,y,z}", "/srv/x", true},
        {"/srv/x{,y,z}", "/srv/xz", true},
        {"/srv/{a,b/c}/d", "/srv/b/c/d", true},
        {"/srv/{a{1,2},b}.c", "/srv/a2.c", true},
        {"/srv/{a{1,2},b}.c", "/srv/b.c", true},
        {"/srv/{a{1,2},b}.c", "/srv/a.c", false},
        {"/{srv,home}/*/x", "/home/anna/x", true},
        {"{/srv,/home}/x", "/home/x", true},
        {"/srv/*.{c,h}", "/srv/a.h", true},
        {"/srv/{a}", "/srv/a", true},
        {"/srv/a,b", "/srv/a,b", true},
        {"/srv/{[,],x}", "/srv/,", true},
        /* escapes */
        {"/srv/\\\\*", "/srv/*", true},
        {"/srv/\\\\*", "/srv/a", false},
        {"/srv/\\\\{a,b\\\\}", "/srv/{a,b}", true},
        {"/srv/\\\\*", "/srv/*/beneath", true},
        {"/srv/a\\\\b", "/srv/ab", true},
        /* whoever asks */
        {"/proc/self", "/proc/123/maps", true},
        {"/proc/self/maps", "/proc/9/maps", true},
        {"/proc/self/maps", "/proc/9/mem", false},
        {"/proc/self/*", "/proc/9/mem", true},
        {"/proc/self", "/proc/sys", false},
        {"/proc/thread-self/comm", "/proc/9/task/10/comm", true},
        {"/proc/selfish", "/proc/selfish", true},
        {"/proc/selfish", "/proc/1", false},
};

Test(patterns, samples)
{
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
                cr_expect_eq(matches(samples[i].pattern, samples[i].path), samples[i].match, "%s: %s",
                             samples[i].pattern, samples[i].path);
}

Test(patterns, access)
{
        struct policy *policy =
                policy_of("\"files\": {\"read\": [\"/r\"], \"write\": [\"/w\"], \"exec\": [\"/x\"], "
                          "\"deny\": [\"/w/no\", \"**/*.key\"], \"hide\": [\"/w/gone\", \"/w/no/gone\"]}");

        check_path(policy, PATH_READ, "/r/a", "allow");
        check_path(policy, PATH_WRITE, "/r/a", "deny");
        check_path(policy, PATH_EXEC, "/r/a", "deny");
        check_path(policy, PATH_READ, "/w/a", "allow");
        check_path(policy, PATH_WRITE, "/w/a", "allow");
        check_path(policy, PATH_EXEC, "/w/a", "deny");
        check_path(policy, PATH_READ, "/x/a", "allow");
        check_path(policy, PATH_EXEC, "/x/a", "allow");
        check_path(policy, PATH_WRITE, "/x/a", "deny");
        check_path(policy, PATH_META, "/elsewhere", "allow");
        check_path(policy, PATH_READ, "/elsewhere", "deny");
        check_path(policy, PATH_READ, "/w/no", "deny");
        check_path(policy, PATH_WRITE, "/w/no/a", "deny");
        check_path(policy, PATH_META, "/w/no", "allow");
        check_path(policy, PATH_READ, "/r/a.key", "deny");
        check_path(policy, PATH_META, "/w/gone/x", "hide");
        check_path(policy, PATH_READ, "/w/gone", "hide");
        check_path(policy, PATH_WRITE, "/w/gone/new", "hide");
        check_path(policy, PATH_READ, "/w/no/gone", "hide");
        check_path(policy, PATH_READ, "", "deny");
        check_path(policy, PATH_READ, "pipe:[12]", "deny");
        cr_expect(policy_hides_anything(policy));
        policy_destroy(policy);
}

Test(patterns, lowest_rule_is_named)
{
        struct policy *policy = policy_of(
                "\"files\": {\"read\": [\"/a/b\", \"/a\", \"/a/*\"], \"deny\": [\"**/z\", \"/a/z\"]}");
        struct verdict verdict;
        char text[128];

        policy_check_path(policy, "/a/b/c", 6, PATH_READ, &verdict);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "files.read[0], test.json:1");
        policy_check_path(policy, "/a/c", 4, PATH_READ, &verdict);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "files.read[1], test.json:1");
        policy_check_path(policy, "/a/z", 4, PATH_READ, &verdict);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "files.deny[0], test.json:1");
        cr_expect_eq(verdict.error, EACCES);
        policy_check_path(policy, "/b", 2, PATH_READ, &verdict);
        cr_expect_null(verdict.rule);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "no rule grants it");
        policy_destroy(policy);
}

Test(patterns, builtin_variables_are_literal)
{
        struct policy_options options = fixture_options;
        const char *text = "{\"flicker\": 1, \"files\": {\"read\": [\"$CWD/x\", \"~/y*\"]}}";
        struct policy *policy = NULL;
        struct err err = {0};

        options.cwd = "/home/*/[a]{b,c}";
        options.home = "/h?me";
        cr_assert_eq(policy_load_text(&options, "test.json", text, strlen(text), &policy, &err), 0, "%s",
                     err.message);
        check_path(policy, PATH_READ, "/home/*/[a]{b,c}/x", "allow");
        check_path(policy, PATH_READ, "/home/z/ab/x", "deny");
        check_path(policy, PATH_READ, "/h?me/yes", "allow");
        check_path(policy, PATH_READ, "/home/yes", "deny");
        policy_destroy(policy);
}
