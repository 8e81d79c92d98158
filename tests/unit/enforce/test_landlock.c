/* SPDX-License-Identifier: Apache-2.0 */
/* The Landlock domain in the kernel, without any filter: what it lets a process do natively. */
#include "broker/enforce/landlock.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/enforce/sandbox_child.h"
#include "tests/unit/load_policy.h"

#define POLICY_SIZE 2048

/* A directory of the test's own: tree/{read,write,exec}/file, tree/other/file; exec/file is a program. */
static char tree[64];

static const char *in_tree(const char *name)
{
        static char path[4][256];
        static unsigned next;
        char *out = path[next++ % 4];

        snprintf(out, sizeof path[0], "%s/%s", tree, name);
        return out;
}

static void copy_program(const char *from, const char *to)
{
        char command[600];

        snprintf(command, sizeof command, "cp %s %s && chmod 755 %s", from, to, to);
        CHILD_CHECK(system(command) == 0);
}

static void plant(void)
{
        static const char *const names[] = {"read", "write", "exec", "other"};

        snprintf(tree, sizeof tree, "/tmp/flicker-landlock-XXXXXX");
        CHILD_CHECK(mkdtemp(tree));
        for (size_t i = 0; i < 4; i++) {
                char file[64];

                CHILD_CHECK(mkdir(in_tree(names[i]), 0755) == 0);
                snprintf(file, sizeof file, "%s/file", names[i]);
                copy_program("/bin/true", in_tree(file));
        }
}

static void uproot(void)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf %s", tree);
        CHILD_CHECK(system(command) == 0);
}

static bool directory_exists(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 && (S_ISDIR(status.st_mode) || S_ISCHR(status.st_mode));
}

/* Enters the domain of the policy text (with %s for the tree). */
static void enter(const char *text, struct tier_inputs inputs, bool in_kernel, const char *also)
{
        const char *const also_executable[] = {also, NULL};
        char members[POLICY_SIZE];
        struct policy *policy;
        struct tiers tiers;
        struct err err = {0};
        int ruleset;

        for (size_t i = 0, length = 0; length < sizeof members; i++) {
                if (text[i] == '%')
                        length += (size_t)snprintf(members + length, sizeof members - length, "%s", tree);
                else
                        members[length++] = text[i];
                if (!text[i])
                        break;
        }
        policy = load_policy(members);
        inputs.landlock_abi = landlock_abi();
        tiers_plan(policy, &inputs, directory_exists, &tiers);
        CHILD_CHECK(tiers.files_in_kernel == in_kernel);
        ruleset = landlock_build(policy, &tiers, also_executable, &err);
        if (ruleset < 0)
                fprintf(stderr, "%s\n", err.message);
        CHILD_CHECK(ruleset >= 0);
        CHILD_CHECK(fcntl(ruleset, F_GETFD) & FD_CLOEXEC);
        CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        CHILD_CHECK(landlock_restrict(ruleset) == 0);
        policy_destroy(policy);
}

/* 0, or the errno. */
static int try_open(const char *name, int flags)
{
        int fd = open(in_tree(name), flags | O_CLOEXEC, 0644);

        if (fd < 0)
                return errno;
        close(fd);
        return 0;
}

static int try_run(const char *path)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                execl(path, path, (char *)NULL);
                _exit(errno);
        }
        CHILD_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Runs body in a process of its own, between planting and uprooting. */
static void in_a_tree(void (*body)(void))
{
        int status;
        pid_t pid;

        plant();
        pid = fork();
        if (pid == 0) {
                body();
                _exit(0);
        }
        CHILD_CHECK(waitpid(pid, &status, 0) == pid);
        uproot();
        CHILD_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct tier_inputs kernel_tier = {.agent = true};

#define GRANTS                                                                                               \
        "\"files\": { \"read\": [\"%/read\", \"/lib\", \"/lib64\", \"/usr/lib\"], \"write\": "               \
        "[\"%/write\", \"/dev/null\"], "                                                                     \
        "\"exec\": [\"%/exec\"] }"

static void exactly_the_policy(void)
{
        enter(GRANTS, kernel_tier, true, NULL);
        CHILD_CHECK(try_open("read/file", O_RDONLY) == 0);
        CHILD_CHECK(try_open("read", O_RDONLY | O_DIRECTORY) == 0);
        CHILD_CHECK(try_open("read/file", O_WRONLY) == EACCES);
        CHILD_CHECK(try_open("read/file", O_RDONLY | O_TRUNC) == EACCES);
        CHILD_CHECK(try_open("read/new", O_RDONLY | O_CREAT) == EACCES);
        CHILD_CHECK(try_open("write/file", O_RDWR | O_TRUNC) == 0);
        CHILD_CHECK(open("/dev/null", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) >= 0);
        CHILD_CHECK(open("/dev/zero", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
        CHILD_CHECK(try_open("write/new", O_WRONLY | O_CREAT | O_EXCL) == 0);
        CHILD_CHECK(try_open("exec/file", O_RDONLY) == 0);
        CHILD_CHECK(try_open("exec/file", O_WRONLY) == EACCES);
        CHILD_CHECK(try_open("other/file", O_RDONLY) == EACCES);
        CHILD_CHECK(try_open("other", O_RDONLY | O_DIRECTORY) == EACCES);
        CHILD_CHECK(try_open("other/file", O_PATH) == 0);
        CHILD_CHECK(try_open("other/absent", O_RDONLY) == ENOENT);
        CHILD_CHECK(try_open(".", O_RDONLY | O_DIRECTORY) == EACCES);
        CHILD_CHECK(try_run(in_tree("exec/file")) == 0);
        CHILD_CHECK(try_run(in_tree("read/file")) == EACCES);
        CHILD_CHECK(try_run(in_tree("other/file")) == EACCES);
}

static void exact(void)
{
        in_a_tree(exactly_the_policy);
}

Test(landlock, kernel_tier_is_exact)
{
        run_child_as_everyone(exact);
}

static void write_does_not_execute(void)
{
        enter(GRANTS, kernel_tier, true, NULL);
        CHILD_CHECK(try_run(in_tree("write/file")) == EACCES);
}

static void write_only(void)
{
        in_a_tree(write_does_not_execute);
}

Test(landlock, write_is_not_exec)
{
        run_child_as_everyone(write_only);
}

/* A program that was started, whose loader then may not open libc: in these tiers the broker opens. */
#define STARTED 127

static void superset_of_patterns(void)
{
        enter("\"files\": { \"read\": [\"/lib/**\", \"/usr/lib\"], \"exec\": [\"%/ex*/f*\", "
              "\"%/other/absent/deep\", \"/flicker-absent/**\", \"/flicker-absent-too\"], "
              "\"deny\": [\"%/x\"] }",
              kernel_tier, false, in_tree("read/file"));
        CHILD_CHECK(try_run(in_tree("exec/file")) == STARTED);
        CHILD_CHECK(try_run(in_tree("read/file")) == STARTED); /* also_executable, and the pattern's prefix */
        CHILD_CHECK(try_run(in_tree("other/file")) == STARTED); /* where the absent grant would come to be */
        CHILD_CHECK(try_run("/bin/true") == EACCES); /* though what is absent would come to be in / */
        CHILD_CHECK(open("/usr/lib/os-release", O_RDONLY) < 0 && errno == EACCES);
}

static void superset(void)
{
        in_a_tree(superset_of_patterns);
}

Test(landlock, other_tiers_execute_and_no_more)
{
        run_child_as_everyone(superset);
}

/* A program may make the directory that it will execute from. */
static void to_be_made(void)
{
        enter("\"files\": { \"read\": [\"/lib/**\"], \"exec\": [\"/flicker-absent\"], \"write\": "
              "[\"/flicker-absent\"], \"deny\": [\"%/x\"] }",
              kernel_tier, false, NULL);
        CHILD_CHECK(try_run(in_tree("exec/file")) == 0); /* with all that is in the root directory */
}

static void made(void)
{
        in_a_tree(to_be_made);
}

Test(landlock, what_is_to_be_made_can_be_executed)
{
        run_child_as_everyone(made);
}

static void single_files(void)
{
        enter("\"files\": { \"read\": [\"/lib\", \"/lib64\", \"/usr/lib\"], \"write\": [\"%/write/file\", "
              "\"%/write/file\"], \"exec\": [\"%/exec/file\"] }",
              kernel_tier, false, in_tree("other/file"));
        CHILD_CHECK(try_open("write/file", O_WRONLY) == EACCES);
        CHILD_CHECK(try_open("write/new", O_WRONLY | O_CREAT) == EACCES);
        CHILD_CHECK(try_run(in_tree("exec/file")) == STARTED);
        CHILD_CHECK(try_run(in_tree("other/file")) == STARTED);
        CHILD_CHECK(try_run(in_tree("read/file")) == EACCES);
}

static void files(void)
{
        in_a_tree(single_files);
}

Test(landlock, rules_on_single_files)
{
        run_child_as_everyone(files);
}

static void nothing_granted(void)
{
        enter("", kernel_tier, true, in_tree("exec/file"));
        CHILD_CHECK(try_open("read/file", O_RDONLY) == EACCES);
        /* The policy does not let the interpreter be read, so the program cannot start. */
        CHILD_CHECK(try_run(in_tree("exec/file")) == EACCES);
}

static void nothing(void)
{
        in_a_tree(nothing_granted);
}

Test(landlock, an_empty_policy_grants_nothing)
{
        run_child_as_everyone(nothing);
}

static void bind_abstract(int fd, const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        strcpy(address.sun_path + 1, name);
        CHILD_CHECK(bind(fd, (struct sockaddr *)&address,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) == 0);
}

static int connect_abstract(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

        strcpy(address.sun_path + 1, name);
        if (connect(fd, (struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) < 0)
                error = errno;
        close(fd);
        return error;
}

static int connect_tcp(const struct sockaddr_in *address)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

        if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
                error = errno;
        close(fd);
        return error;
}

static void inside_scopes(pid_t outside, const char *name, const struct sockaddr_in *address, bool warn)
{
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        pid_t child;

        enter("\"network\": { \"connect\": [\"tcp:*:*\", \"unix:@*\"] }",
              (struct tier_inputs){.agent = true, .warn = warn}, !warn, NULL);
        CHILD_CHECK(ptrace(PTRACE_SEIZE, outside, 0, 0) < 0 && errno == EPERM);
        if (landlock_abi() >= 6) {
                CHILD_CHECK(kill(outside, SIGTERM) < 0 && errno == EPERM);
                CHILD_CHECK(kill(outside, 0) < 0 && errno == EPERM);
                CHILD_CHECK(connect_abstract(name) == EPERM);
        }
        CHILD_CHECK(connect_tcp(address) == (warn || landlock_abi() < 4 ? 0 : EACCES));
        if (!warn && landlock_abi() >= 4)
                CHILD_CHECK(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof any) < 0 &&
                            errno == EACCES);
        child = fork();
        if (child == 0)
                pause();
        CHILD_CHECK(kill(child, SIGKILL) == 0);
        CHILD_CHECK(waitpid(child, NULL, 0) == child);
}

static void scopes(bool warn)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        char name[64];
        int unix_fd = socket(AF_UNIX, SOCK_STREAM, 0), tcp_fd = socket(AF_INET, SOCK_STREAM, 0), status;
        pid_t outside = fork(), inside;

        if (outside == 0)
                pause();
        snprintf(name, sizeof name, "flicker-test-%d", getpid());
        bind_abstract(unix_fd, name);
        CHILD_CHECK(listen(unix_fd, 5) == 0);
        CHILD_CHECK(bind(tcp_fd, (struct sockaddr *)&address, size) == 0 && listen(tcp_fd, 5) == 0);
        CHILD_CHECK(getsockname(tcp_fd, (struct sockaddr *)&address, &size) == 0);
        inside = fork();
        if (inside == 0) {
                inside_scopes(outside, name, &address, warn);
                _exit(0);
        }
        CHILD_CHECK(waitpid(inside, &status, 0) == inside);
        kill(outside, SIGKILL);
        CHILD_CHECK(waitpid(outside, NULL, 0) == outside);
        CHILD_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void scopes_of_a_policy(void)
{
        scopes(false);
}

static void scopes_under_warn(void)
{
        scopes(true);
}

Test(landlock, scopes_and_network)
{
        run_child_as_everyone(scopes_of_a_policy);
}

Test(landlock, warn_keeps_the_scopes_only)
{
        run_child_as_everyone(scopes_under_warn);
}

static void open_under_warn(void)
{
        enter("\"files\": { \"read\": [\"%/read\"] }", (struct tier_inputs){.agent = true, .warn = true},
              false, NULL);
        CHILD_CHECK(try_open("other/file", O_RDONLY) == 0);
        CHILD_CHECK(try_run(in_tree("other/file")) == 0);
}

static void files_under_warn(void)
{
        in_a_tree(open_under_warn);
}

Test(landlock, warn_leaves_files_alone)
{
        run_child_as_everyone(files_under_warn);
}

Test(landlock, a_bad_ruleset_is_an_error)
{
        cr_expect_eq(landlock_restrict(-1) < 0, true);
        cr_expect_geq(landlock_abi(), 1);
}
