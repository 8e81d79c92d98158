/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "broker/policy/syscalls.h"
#include "cli/ctl.h"
#include "cli/ctl_address.h"
#include "cli/run_message.h"

static const char usage[] =
        "Usage: flickerctl policy explain [OPTIONS] FILE|NAME OPERATION [OBJECT]\n"
        "\n"
        "Says what a policy makes of one operation: the verdict, the rule behind it with its line, and\n"
        "what enforces it.\n"
        "\n"
        "  OPERATION            OBJECT\n"
        "  open                 PATH; for reading, or with --write, --exec\n"
        "  stat, access, ...    PATH; any syscall on paths: mkdir, unlink, rename, execve, ...\n"
        "  connect, bind        tcp:HOST:PORT, udp:HOST:PORT, unix:/PATH or unix:@NAME\n"
        "  any other syscall    none: its arguments are taken to be 0\n"
        "\n"
        "      --var NAME=VALUE     set a variable of the policy\n"
        "  -w, --write              open for writing\n"
        "  -x, --exec               open for executing\n"
        "      --no-agent, --mediate auto|all   as for flicker-run; they change what enforces, nothing else\n"
        "\n"
        "Exit status: 0 allowed; 1 refused, or the policy is wrong; 2 wrong usage.\n";

/* What is asked, in the policy's terms. */
struct question {
        const struct policy *policy;
        struct tiers tiers;
        int nr; /* the syscall that stands for the operation */
        const char *operation, *object, *purpose;
        bool by_path, by_number;
        struct verdict verdict;
};

static const struct {
        const char *name;
        int nr;
        enum path_access access;
} path_operations[] = {
        {"open", SYS_openat, PATH_READ},
        {"openat", SYS_openat, PATH_READ},
        {"openat2", SYS_openat2, PATH_READ},
        {"creat", SYS_creat, PATH_WRITE},
        {"read", SYS_openat, PATH_READ},
        {"write", SYS_openat, PATH_WRITE},
        {"stat", SYS_newfstatat, PATH_META},
        {"lstat", SYS_newfstatat, PATH_META},
        {"newfstatat", SYS_newfstatat, PATH_META},
        {"statx", SYS_statx, PATH_META},
        {"access", SYS_access, PATH_META},
        {"faccessat", SYS_faccessat, PATH_META},
        {"readlink", SYS_readlink, PATH_META},
        {"chdir", SYS_chdir, PATH_READ},
        {"exec", SYS_execve, PATH_EXEC},
        {"execve", SYS_execve, PATH_EXEC},
        {"execveat", SYS_execveat, PATH_EXEC},
        {"mkdir", SYS_mkdir, PATH_WRITE},
        {"rmdir", SYS_rmdir, PATH_WRITE},
        {"unlink", SYS_unlink, PATH_WRITE},
        {"unlinkat", SYS_unlinkat, PATH_WRITE},
        {"rename", SYS_rename, PATH_WRITE},
        {"link", SYS_link, PATH_WRITE},
        {"symlink", SYS_symlink, PATH_WRITE},
        {"mknod", SYS_mknod, PATH_WRITE},
        {"chmod", SYS_chmod, PATH_WRITE},
        {"chown", SYS_chown, PATH_WRITE},
        {"truncate", SYS_truncate, PATH_WRITE},
        {"utimensat", SYS_utimensat, PATH_WRITE},
        {"setxattr", SYS_setxattr, PATH_WRITE},
        {"removexattr", SYS_removexattr, PATH_WRITE},
};

/* 1: answered; 0: no operation on paths; -1: said what is wrong. */
static int ask_path(struct question *question, const struct ctl_command *command)
{
        static const char *const purposes[] = {[PATH_META] = "for its metadata",
                                               [PATH_READ] = "for reading",
                                               [PATH_WRITE] = "for writing",
                                               [PATH_EXEC] = "for executing"};
        static char resolved[PATH_MAX];
        size_t i = 0, count = sizeof path_operations / sizeof *path_operations;
        enum path_access access;

        while (i < count && strcmp(path_operations[i].name, question->operation) != 0)
                i++;
        if (i == count)
                return 0;
        if (!question->object || question->object[0] != '/' ||
            !run_path_resolve(question->object, resolved)) {
                run_say("%s: expected an absolute path",
                        question->object ? ctl_shown(question->object) : "OBJECT");
                return -1;
        }
        access = command->write ? PATH_WRITE : command->exec ? PATH_EXEC : path_operations[i].access;
        question->by_path = true;
        question->nr = path_operations[i].nr;
        question->purpose = purposes[access];
        question->object = resolved;
        policy_check_path(question->policy, resolved, strlen(resolved), access, &question->verdict);
        return 1;
}

static int ask_address(struct question *question)
{
        bool bind = strcmp(question->operation, "bind") == 0;
        struct ctl_address address;

        if (!bind && strcmp(question->operation, "connect") != 0)
                return 0;
        if (!question->object || ctl_address_parse(question->object, &address) < 0) {
                run_say("%s: expected tcp:ADDRESS:PORT, udp:ADDRESS:PORT, unix:/PATH or unix:@NAME, with a "
                        "numeric "
                        "address ([v6] in brackets)",
                        question->object ? ctl_shown(question->object) : "OBJECT");
                return -1;
        }
        question->nr = bind ? SYS_bind : SYS_connect;
        policy_check_address(question->policy, bind, address.protocol, &address.address, address.size,
                             address.unix_path[0] ? address.unix_path : NULL, &question->verdict);
        return 1;
}

/* What the policy lets pass: is it in the baseline, or granted? */
static void ask_baseline(struct question *question, const uint64_t args[6])
{
        const struct syscall_entry *entry = syscall_entry(question->nr);
        enum allow_extent extent = policy_allow_extent(question->policy, question->nr);
        const struct rule *rule = policy_find_allow(question->policy, question->nr, args, 0);

        question->verdict.rule = rule;
        if (syscall_in_baseline(question->nr) ||
            (entry->grant != GRANT_NEVER && (rule || extent == ALLOW_WHOLE)))
                return;
        question->verdict.outcome = VERDICT_DENY;
        question->verdict.error = entry->treatment == TREAT_REFUSE ? EPERM : ENOSYS;
        question->verdict.baseline = true;
}

static int ask_syscall(struct question *question)
{
        const uint64_t zero[6] = {0};
        const char *near;

        question->nr = syscall_number(question->operation);
        if (question->nr < 0) {
                near = syscall_nearest(question->operation);
                run_say("%s: unknown operation%s%s", ctl_shown(question->operation),
                        near ? "; did you mean " : "", near ? near : "");
                return -1;
        }
        question->by_number = true;
        policy_check_syscall(question->policy, question->nr, zero, &question->verdict);
        if (question->verdict.outcome == VERDICT_ALLOW)
                ask_baseline(question, zero);
        return 1;
}

static const char *tier_text(const struct question *question)
{
        const struct tiers *tiers = &question->tiers;
        bool ring = tiers->ring[question->nr / 64] >> question->nr % 64 & 1;

        if (question->verdict.outcome != VERDICT_ALLOW && question->by_number)
                return question->tiers.action[question->nr] == TIER_NOTIFY
                               ? "static filter (seccomp); the broker explains it"
                               : "static filter (seccomp)";
        switch (tiers->action[question->nr]) {
        case TIER_NATIVE:
                if (question->by_path && tiers->landlock_files && question->nr != SYS_newfstatat)
                        return "kernel guard (Landlock)";
                return "static filter (seccomp): runs natively";
        case TIER_SCALAR:
                return "static filter (seccomp), by its arguments";
        case TIER_NOSYS:
                return "static filter (seccomp): ENOSYS, as if the kernel lacked it";
        case TIER_NOTIFY:
        case TIER_REFUSED: /* not where it is allowed */
                break;
        }
        return ring && tiers->agent ? "broker, over the ring or by notification" : "broker, by notification";
}

static void print_baseline(int nr)
{
        static const char *const ways[] = {
                [GRANT_NEVER] = "; no policy can grant it",
                [GRANT_ALLOW] = "; syscalls.allow can grant it",
                [GRANT_ARGUMENTS] = "; syscalls.allow can grant some of it",
                [GRANT_PTRACE] = "; process.ptrace can grant it within the sandbox",
        };

        printf("rule      the baseline refuses it: %s%s\n", syscall_why(nr), ways[syscall_entry(nr)->grant]);
}

static void print_rule(const struct question *question)
{
        const struct verdict *verdict = &question->verdict;
        char text[1024];

        if (verdict->rule)
                printf("rule      %s: %s\n", rule_describe(verdict->rule, text, sizeof text),
                       ctl_shown(verdict->rule->text));
        else if (verdict->baseline)
                print_baseline(question->nr);
        else if (verdict->outcome == VERDICT_ALLOW && syscall_entry(question->nr)->grant == GRANT_PTRACE)
                printf("rule      process.ptrace: sandbox\n");
        else if (verdict->outcome == VERDICT_ALLOW)
                printf("rule      none is needed\n");
        else
                printf("rule      no rule grants it\n");
}

static int print_answer(const struct question *question)
{
        static const char *const outcomes[] = {[VERDICT_ALLOW] = "allowed",
                                               [VERDICT_DENY] = "denied",
                                               [VERDICT_HIDE] = "hidden",
                                               [VERDICT_KILL] = "killed"};
        const struct verdict *verdict = &question->verdict;

        printf("%-9s %s%s%s%s%s", outcomes[verdict->outcome], ctl_shown(question->operation),
               question->object ? " " : "", question->object ? ctl_shown(question->object) : "",
               question->purpose ? " " : "", question->purpose ? question->purpose : "");
        if (verdict->outcome == VERDICT_DENY || verdict->outcome == VERDICT_HIDE)
                printf("  (%s)", errno_symbol(verdict->error));
        printf("\n");
        print_rule(question);
        printf("enforced  %s\n", tier_text(question));
        return verdict->outcome == VERDICT_ALLOW ? CTL_OK : CTL_NO;
}

static int explain(const struct ctl_command *command, const struct policy *policy)
{
        static struct question question;
        int r;

        question = (struct question){
                .policy = policy, .operation = command->words[1], .object = command->words[2]};
        ctl_tiers_plan(command, policy, &question.tiers);
        r = ask_path(&question, command);
        if (r == 0)
                r = ask_address(&question);
        if (r == 0)
                r = ask_syscall(&question);
        return r < 0 ? CTL_FAILED : print_answer(&question);
}

int ctl_policy_explain(int argc, char **argv)
{
        struct ctl_command command = {.usage = usage, .words_min = 2, .words_max = 3, .switches = "wx"};
        struct policy *policy = NULL;
        int status = ctl_command_parse(&command, argc, argv);

        if (status < 0)
                status = ctl_policy_load(&command, &policy);
        if (policy)
                status = explain(&command, policy);
        policy_destroy(policy);
        ctl_command_finish(&command);
        return status;
}
