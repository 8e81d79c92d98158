/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of several files, files that are none, and what the command line adds. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/policy/fixture.h"

static char directory[64];
static const char *directories[] = {directory, NULL};

static void setup(void)
{
        strcpy(directory, "/tmp/flicker-policy-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
}

static void teardown(void)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf '%s'", directory);
        cr_assert_eq(system(command), 0);
}

TestSuite(extends, .init = setup, .fini = teardown);

static char *in_directory(const char *name)
{
        static char path[4][128];
        static unsigned next;
        char *out = path[next++ % 4];

        snprintf(out, 128, "%s/%s", directory, name);
        return out;
}

static void write_file(const char *name, const char *text)
{
        FILE *stream = fopen(in_directory(name), "w");

        cr_assert_not_null(stream);
        fputs(text, stream);
        fclose(stream);
}

static int load(struct policy_options *options, const char *reference, struct policy **ret_policy,
                struct err *err)
{
        options->reference = reference;
        options->directories = directories;
        return policy_load(options, ret_policy, err);
}

static struct policy *loaded(const char *reference)
{
        struct policy_options options = fixture_options;
        struct policy *policy = NULL;
        struct err err = {0};

        cr_assert_eq(load(&options, reference, &policy, &err), 0, "%s", err.message);
        return policy;
}

/* Fails with error, and says so; "@" at the beginning of the message stands for the directory. */
static void refused(const char *reference, int error, const char *message)
{
        struct policy_options options = fixture_options;
        struct policy *policy = NULL;
        char expected[512];
        struct err err = {0};
        int r = load(&options, reference, &policy, &err);

        snprintf(expected, sizeof expected, "%s%s", *message == '@' ? directory : "",
                 message + (*message == '@'));
        cr_expect_eq(r, -error, "%s: %d", reference, r);
        cr_expect_eq(err.error, error, "%s: %d", reference, err.error);
        cr_expect_eq(strncmp(err.message, expected, strlen(expected)), 0, "says: %s\nexpected: %s",
                     err.message, expected);
        policy_destroy(policy);
}

Test(extends, names_and_paths)
{
        struct policy *policy;
        char text[128];
        struct verdict verdict;

        cr_assert_eq(mkdir(in_directory("sub"), 0755), 0);
        write_file("low.json", "{\"flicker\": 1, \"name\": \"low\", \"files\": {\"read\": [\"/low\"]}}");
        write_file("sub/mid.json", "{\"flicker\": 1, \"extends\": [\"low\", \"../side.json\"], \"files\": "
                                   "{\"read\": [\"/mid\"]}}");
        write_file("side.json", "{\"flicker\": 1, \"files\":\n {\"read\": [\"/x\", \"/side\"]}}");
        write_file("top.json", "{\"flicker\": 1, \"extends\": \"./sub/mid.json\"}");

        policy = loaded("top");
        cr_expect_str_eq(policy_name(policy), "top");
        check_path(policy, PATH_READ, "/low", "allow");
        check_path(policy, PATH_READ, "/mid", "allow");
        policy_check_path(policy, "/side", 5, PATH_READ, &verdict);
        cr_assert_not_null(verdict.rule);
        cr_expect_eq(verdict.rule->line, 2);
        cr_expect_eq(verdict.rule->column, 18);
        cr_expect_eq(verdict.rule->index, 1);
        snprintf(text, sizeof text, "%s/./sub/../side.json", directory);
        cr_expect_str_eq(verdict.rule->file, text);
        policy_destroy(policy);

        policy = loaded(in_directory("top.json"));
        check_path(policy, PATH_READ, "/side", "allow");
        policy_destroy(policy);
}

Test(extends, relative_to_any_directory)
{
        struct policy *policy;

        write_file("low.json", "{\"flicker\": 1, \"files\": {\"read\": [\"$POLICY_DIR/data\"]}}");
        write_file("top.json", "{\"flicker\": 1, \"extends\": \"low.json\"}");
        cr_assert_eq(chdir("/"), 0);
        policy = loaded(in_directory("top.json") + 1); /* tmp/.../top.json */
        policy_destroy(policy);
        policy = loaded(in_directory("top.json"));
        check_path(policy, PATH_READ, in_directory("data"), "allow");
        policy_destroy(policy);
}

Test(extends, beside_the_file_that_refers)
{
        struct policy_options options = fixture_options;
        struct policy *policy = NULL;
        struct err err = {0};

        write_file("low.json", "{\"flicker\": 1}");
        write_file("top.json", "{\"flicker\": 1, \"extends\": \"low\"}");
        options.reference = in_directory("top.json");
        cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
        policy_destroy(policy);
}

Test(extends, not_from_where_one_stands)
{
        static const char *const here[] = {"./.flicker", directory, NULL};
        struct policy_options options = fixture_options;
        struct policy *policy = NULL;
        struct err err = {0};

        cr_assert_eq(mkdir(in_directory("project"), 0755), 0);
        cr_assert_eq(mkdir(in_directory("project/.flicker"), 0755), 0);
        cr_assert_eq(mkdir(in_directory("mine"), 0755), 0);
        write_file("low.json", "{\"flicker\": 1}");
        write_file("top.json", "{\"flicker\": 1, \"extends\": \"low\"}");
        write_file("mine/own.json", "{\"flicker\": 1, \"extends\": \"low\"}");
        write_file("project/.flicker/low.json", "{\"flicker\": 1, \"files\": {\"read\": [\"/\"]}}");
        cr_assert_eq(chdir(in_directory("project")), 0);
        options.directories = here;

        options.reference = "top";
        cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
        check_path(policy, PATH_READ, "/x", "deny");
        policy_destroy(policy);
        options.reference = in_directory("mine/own.json");
        cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
        check_path(policy, PATH_READ, "/x", "deny");
        policy_destroy(policy);
        options.reference = "low";
        cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
        check_path(policy, PATH_READ, "/x", "allow");
        policy_destroy(policy);
}

Test(extends, deny_wins_from_anywhere)
{
        struct policy *policy;

        write_file("low.json", "{\"flicker\": 1, \"files\": {\"deny\": [\"/a/secret\"]}, \"network\": "
                               "{\"deny\": [\"tcp:*:25\"]}}");
        write_file("top.json", "{\"flicker\": 1, \"extends\": \"low\", \"files\": {\"read\": [\"/a\"], "
                               "\"write\": [\"/a/secret\"]}, "
                               "\"network\": {\"connect\": [\"tcp:*:*\"]}}");
        policy = loaded("top");
        check_path(policy, PATH_READ, "/a/x", "allow");
        check_path(policy, PATH_READ, "/a/secret/x", "deny");
        check_path(policy, PATH_WRITE, "/a/secret", "deny");
        policy_destroy(policy);
}

Test(extends, nearest_wins)
{
        struct policy *policy;

        write_file("d.json", "{\"flicker\": 1, \"on_deny\": \"kill\", \"mediate\": \"all\", \"vars\": "
                             "{\"V\": \"/d\", \"W\": \"/w\"}, "
                             "\"files\": {\"read\": [\"$V\", \"$W\"]}}");
        write_file("b.json", "{\"flicker\": 1, \"extends\": \"d\", \"on_deny\": \"warn\", \"audit\": "
                             "{\"log\": \"all\"}, \"vars\": {\"V\": \"/b\"}}");
        write_file("c.json", "{\"flicker\": 1, \"extends\": \"d\", \"audit\": {\"log\": \"none\"}}");
        write_file("a.json", "{\"flicker\": 1, \"name\": \"A\", \"extends\": [\"b\", \"c\"]}");
        policy = loaded("a");
        cr_expect_str_eq(policy_name(policy), "A");
        /* b is nearer than d, though c extends d as well. */
        cr_expect_eq(policy_on_deny(policy), ON_DENY_WARN);
        /* Of two in one list the later is nearer. */
        cr_expect_eq(policy_audit(policy), AUDIT_NONE);
        cr_expect(policy_mediate_all(policy));
        check_path(policy, PATH_READ, "/b", "allow");
        check_path(policy, PATH_READ, "/d", "deny");
        check_path(policy, PATH_READ, "/w", "allow");
        /* d counts once. */
        cr_expect_eq(policy_rule_count(policy), 2);
        policy_destroy(policy);
}

Test(extends, circles)
{
        write_file("self.json", "{\"flicker\": 1,\n  \"extends\": \"self\"}");
        refused("self", EINVAL, "@/self.json:2:14: \"");
        write_file("a.json", "{\"flicker\": 1, \"extends\": \"b\"}");
        write_file("b.json", "{\"flicker\": 1, \"extends\": [\"c\"]}");
        write_file("c.json", "{\"flicker\": 1, \"extends\": \"./a.json\"}");
        refused("a", EINVAL, "@/c.json:1:27: \"");
}

Test(extends, missing)
{
        write_file("a.json", "{\"flicker\": 1, \"extends\": [\"basse\"]}");
        refused("a", ENOENT,
                "@/a.json:1:28: no policy is named \"basse\"; expected a shipped policy or a file; did you "
                "mean \"base\"?");
        write_file("b.json", "{\"flicker\": 1, \"extends\": [\"no/where.json\"]}");
        refused("b", ENOENT, "@/b.json:1:28: \"");
        refused("webb", ENOENT, "no policy is named \"webb\"; expected");
        refused("/no/where.json", ENOENT,
                "/no/where.json: No such file or directory; expected a readable policy file");
        refused("nowhere.json", ENOENT, "nowhere.json: No such file");
        write_file("e.json", "{\"flicker\": 1, \"extends\": \"\"}");
        refused("e", EINVAL, "@/e.json:1:27: an empty policy reference");
        refused("", EINVAL, "policy: an empty policy reference");
}

Test(extends, too_many)
{
        char name[32], text[128];

        for (unsigned i = 0; i < 70; i++) {
                snprintf(name, sizeof name, "p%u.json", i);
                snprintf(text, sizeof text, "{\"flicker\": 1, \"extends\": \"p%u\"}", i + 1);
                write_file(name, i < 69 ? text : "{\"flicker\": 1}");
        }
        refused("p0", EINVAL, "@/p63.json:1:27: \"");
        policy_destroy(loaded("p6"));
}

Test(extends, not_a_file, .timeout = 10)
{
        cr_assert_eq(mkfifo(in_directory("fifo.json"), 0644), 0);
        refused(in_directory("fifo.json"), EINVAL, "@/fifo.json: not a regular file");
        cr_assert_eq(mkdir(in_directory("dir.json"), 0755), 0);
        refused(in_directory("dir.json"), EISDIR, "@/dir.json: a directory");
        refused("/dev/zero", EINVAL, "/dev/zero: not a regular file");
        cr_assert_eq(symlink("loop.json", in_directory("loop.json")), 0);
        refused(in_directory("loop.json"), ELOOP, "@/loop.json: Too many levels");
        write_file("f.json", "{\"flicker\": 1, \"extends\": \"./fifo.json\"}");
        refused("f", EINVAL, "@/f.json:1:27: \"");
        write_file("empty.json", "");
        refused("empty", EINVAL, "@/empty.json:1:1: the end of the file");
        cr_assert_eq(truncate(in_directory("empty.json"), (4 << 20) + 1), 0);
        refused("empty", EFBIG, "@/empty.json: larger than 4 MiB");
}

Test(extends, unreadable)
{
        write_file("secret.json", "{\"flicker\": 1}");
        cr_assert_eq(chmod(in_directory("secret.json"), 0), 0);
        if (geteuid() == 0)
                cr_assert_eq(seteuid(65534), 0);
        cr_assert_eq(geteuid() != 0, 1);
        /* The directory itself is 0700 of root's. */
        if (getuid() == 0) {
                cr_assert_eq(seteuid(0), 0);
                cr_assert_eq(chmod(directory, 0755), 0);
                cr_assert_eq(seteuid(65534), 0);
        }
        refused("secret", EACCES, "@/secret.json: Permission denied; expected a readable policy file");
        if (getuid() == 0)
                cr_assert_eq(seteuid(0), 0);
}

Test(extends, variables_from_the_command_line)
{
        struct policy_options options = fixture_options;
        const struct policy_variable good[] = {{"ROOT", "$HOME/www"}}, bad[] = {{"ROTO", "/x"}},
                                     builtin[] = {{"HOME", "/x"}}, relative[] = {{"ROOT", "www"}};
        struct policy *policy = NULL;
        struct err err = {0};

        write_file("a.json", "{\"flicker\": 1, \"vars\": {\"ROOT\": \"/srv\", \"STATE\": \"$ROOT/state\"}, "
                             "\"files\": {\"read\": [\"$ROOT\"], \"write\": [\"$STATE\"]}}");
        options.variables = good;
        options.variable_count = 1;
        cr_assert_eq(load(&options, "a", &policy, &err), 0, "%s", err.message);
        check_path(policy, PATH_READ, "/home/anna/www/x", "allow");
        check_path(policy, PATH_WRITE, "/home/anna/www/state", "allow");
        check_path(policy, PATH_READ, "/srv", "deny");
        policy_destroy(policy);

        policy = NULL;
        options.variables = bad;
        cr_expect_eq(load(&options, "a", &policy, &err), -EINVAL);
        cr_expect_str_eq(err.message, "command line: the undefined variable ROTO; expected one of ROOT, "
                                      "STATE; did you mean \"ROOT\"?");
        options.variables = builtin;
        cr_expect_eq(load(&options, "a", &policy, &err), -EINVAL);
        cr_expect_str_eq(err.message,
                         "command line: --var HOME, which is built in; expected a variable of the policy");
        options.variables = relative;
        cr_expect_eq(load(&options, "a", &policy, &err), -EINVAL);
        cr_expect(strstr(err.message, "a.json:1:85: the path \"www\" is relative"), "%s", err.message);
}

Test(extends, rules_from_the_command_line)
{
        const struct policy_extra_rule extra[] = {{RULE_FILES_READ, "/a"},
                                                  {RULE_FILES_DENY, "~/b"},
                                                  {RULE_FILES_DENY, "/a/c"},
                                                  {RULE_NETWORK_CONNECT, "tcp:127.0.0.1:80"}};
        const struct policy_extra_rule bad[] = {{RULE_FILES_READ, "a"}};
        struct policy_options options = fixture_options;
        struct policy *policy = NULL;
        struct verdict verdict;
        struct err err = {0};
        char text[64];

        write_file("a.json", "{\"flicker\": 1}");
        options.extra = extra;
        options.extra_count = 4;
        cr_assert_eq(load(&options, "a", &policy, &err), 0, "%s", err.message);
        check_path(policy, PATH_READ, "/a/x", "allow");
        policy_check_path(policy, "/a/c", 4, PATH_READ, &verdict);
        cr_expect_str_eq(rule_describe(verdict.rule, text, sizeof text), "files.deny[1], command line");
        cr_expect(policy_grants_family(policy, AF_INET, IPPROTO_TCP));
        policy_destroy(policy);

        options.extra = bad;
        options.extra_count = 1;
        cr_expect_eq(load(&options, "a", &policy, &err), -EINVAL);
        cr_expect_eq(strncmp(err.message, "command line: the path \"a\" is relative", 38), 0, "%s",
                     err.message);
}

Test(extends, symbolic_links)
{
        char text[PATH_MAX + 64], canonical[PATH_MAX];
        struct policy *policy;

        cr_assert_eq(mkdir(in_directory("real"), 0755), 0);
        cr_assert_eq(mkdir(in_directory("real/sub"), 0755), 0);
        cr_assert_eq(symlink("real", in_directory("link")), 0);
        cr_assert_eq(symlink(in_directory("real/sub"), in_directory("real/hop")), 0);
        cr_assert_not_null(realpath(directory, canonical));
        snprintf(text, sizeof text,
                 "{\"flicker\": 1, \"files\": {\"write\": [\"%1$s\"], \"read\": [\"/bin/sh\"], \"exec\": "
                 "[\"%1$s/link/hop/*.x\"], "
                 "\"deny\": [\"%1$s/link\", \"%1$s/missing/link\"]}}",
                 directory);
        write_file("a.json", text);
        policy = loaded("a");
        cr_assert_eq(chdir(canonical), 0);
#define AT(name) (snprintf(text, sizeof text, "%s/%s", canonical, name), text)
        check_path(policy, PATH_READ, AT("real/x"), "deny");
        /* The link's own name, too, or it could be pointed elsewhere. */
        check_path(policy, PATH_WRITE, AT("link"), "deny");
        check_path(policy, PATH_WRITE, AT("missing/link"), "deny");
        check_path(policy, PATH_WRITE, AT("missing"), "allow");
        check_path(policy, PATH_EXEC, AT("other.x"), "deny");
        cr_assert_not_null(realpath("/bin/sh", canonical));
        check_path(policy, PATH_READ, canonical, "allow");
        cr_assert_not_null(realpath(directory, canonical));
        policy_destroy(policy);

        snprintf(text, sizeof text, "{\"flicker\": 1, \"files\": {\"exec\": [\"%1$s/link/hop/*.x\"]}}",
                 directory);
        write_file("b.json", text);
        policy = loaded("b");
        check_path(policy, PATH_EXEC, AT("real/sub/a.x"), "allow");
        policy_destroy(policy);
}

Test(extends, link_loop)
{
        char text[256];

        cr_assert_eq(symlink("loop", in_directory("loop")), 0);
        snprintf(text, sizeof text, "{\"flicker\": 1, \"files\": {\"read\": [\"%s/loop/x\"]}}", directory);
        write_file("a.json", text);
        refused("a", EINVAL, "@/a.json:1:35: \"");
}

Test(extends, shipped)
{
        static const char *const names[] = {"base", "secrets", "default", "web", "build"};
        static const char *const shipped[] = {FLICKER_SOURCE_DIR "/policies", NULL};
        struct policy_options options = fixture_options;

        options.directories = shipped;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                struct policy *policy = NULL;
                struct err err = {0};

                options.reference = names[i];
                cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
                cr_expect_str_eq(policy_name(policy), names[i]);
                check_path(policy, PATH_READ, "/etc/shadow", "deny");
                check_path(policy, PATH_READ, "/etc/shadow-", "deny");
                check_path(policy, PATH_READ, "/dev/sda", "deny");
                check_path(policy, PATH_READ, "/proc/kcore", "deny");
                check_path(policy, PATH_READ, "/home/anna/.ssh/id_ed25519", "deny");
                check_path(policy, PATH_WRITE, "/usr/bin/x", "deny");
                check_path(policy, PATH_META, "/etc/shadow", "allow");
                if (strcmp(names[i], "secrets") != 0) {
                        check_path(policy, PATH_READ, "/etc/passwd", "allow");
                        check_path(policy, PATH_EXEC, "/usr/bin/env", "allow");
                        check_path(policy, PATH_WRITE, "/dev/null", "allow");
                }
                policy_destroy(policy);
        }
        options.reference = NULL;
        options.directories = shipped;
        {
                struct policy *policy = NULL;
                struct err err = {0};

                cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
                cr_expect_str_eq(policy_name(policy), "default");
                check_path(policy, PATH_READ, "/", "allow");
                check_path(policy, PATH_READ, "/dev", "allow"); /* to be listed */
                check_path(policy, PATH_READ, "/dev/pmem0", "deny");
                check_path(policy, PATH_READ, "/dev/unheard/of", "deny");
                check_path(policy, PATH_READ, "/d", "allow");
                check_path(policy, PATH_READ, "/device/x", "allow");
                check_path(policy, PATH_READ, "/data/x/y", "allow");
                check_path(policy, PATH_READ, "/etc/hosts.deny", "allow");
                check_path(policy, PATH_WRITE, "/home/anna/work/x", "allow");
                check_path(policy, PATH_WRITE, "/home/anna/x", "deny");
                check_path(policy, PATH_WRITE, "/tmp/private/x", "allow");
                policy_destroy(policy);
        }
}

Test(extends, root_as_working_directory)
{
        static const char *const shipped[] = {FLICKER_SOURCE_DIR "/policies", NULL};
        struct policy_options options = fixture_options;
        struct policy *policy = NULL;
        struct err err = {0};

        options.directories = shipped;
        options.cwd = "/";
        cr_expect_eq(policy_load(&options, &policy, &err), -EINVAL);
        cr_expect(strstr(err.message, "default.json:"), "%s", err.message);
        options.reference = "web";
        cr_assert_eq(policy_load(&options, &policy, &err), 0, "%s", err.message);
        check_path(policy, PATH_READ, "/etc/shadow", "deny");
        check_path(policy, PATH_READ, "/dev/sda", "deny");
        check_path(policy, PATH_WRITE, "/etc/passwd", "deny");
        policy_destroy(policy);
}

Test(extends, exhaustive_in_any_file_and_process_of_the_nearest)
{
        const uint64_t args[6] = {0};
        struct verdict verdict = {0};
        struct policy *policy;

        write_file("far.json",
                   "{ \"flicker\": 1, \"process\": { \"ptrace\": \"sandbox\" }, "
                   "\"syscalls\": { \"default\": \"deny\", \"allow\": [\"read\", \"keyctl\"] } }");
        write_file("near.json",
                   "{ \"flicker\": 1, \"extends\": [\"far\"], \"process\": { \"ptrace\": \"none\" }, "
                   "\"syscalls\": { \"default\": \"baseline\", \"allow\": [\"write\"] } }");
        policy = loaded("near");
        cr_expect(policy_syscalls_exhaustive(policy), "what takes away stays");
        cr_expect_eq(policy_allow_extent(policy, SYS_read), ALLOW_WHOLE);
        cr_expect_eq(policy_allow_extent(policy, SYS_write), ALLOW_WHOLE);
        cr_expect_eq(policy_allow_extent(policy, SYS_keyctl), ALLOW_WHOLE);
        cr_expect_eq(policy_ptrace(policy), PTRACE_NONE);
        policy_check_syscall(policy, SYS_dup, args, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY);
        policy_destroy(policy);
}
