/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/landlock_abi.h"

#define RIGHTS_READ    (LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR)
#define RIGHTS_EXECUTE (RIGHTS_READ | LANDLOCK_FS_EXECUTE)
#define RIGHTS_WRITE                                                                                         \
        (RIGHTS_READ | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_REMOVE_DIR | LANDLOCK_FS_REMOVE_FILE |           \
         LANDLOCK_FS_MAKE_CHAR | LANDLOCK_FS_MAKE_DIR | LANDLOCK_FS_MAKE_REG | LANDLOCK_FS_MAKE_SOCK |       \
         LANDLOCK_FS_MAKE_FIFO | LANDLOCK_FS_MAKE_BLOCK | LANDLOCK_FS_MAKE_SYM | LANDLOCK_FS_REFER |         \
         LANDLOCK_FS_TRUNCATE)
#define RIGHTS_ALL (RIGHTS_WRITE | RIGHTS_EXECUTE)
/* All that a rule on something else than a directory may carry. */
#define RIGHTS_OF_FILES                                                                                      \
        (LANDLOCK_FS_EXECUTE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE | LANDLOCK_FS_TRUNCATE)

/* Where ELF programs of the usual C libraries name their interpreter. */
static const char *const elf_interpreters[] = {
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-musl-x86_64.so.1",
};

struct builder {
        int ruleset;
        uint64_t handled; /* file rights that this kernel knows and the ruleset refuses unless granted */
        bool exact;
};

int landlock_abi(void)
{
        long abi = syscall(LANDLOCK_NR_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION_QUERY);

        return abi < 0 ? -errno : (int)abi;
}

static uint64_t known_file_rights(int abi)
{
        uint64_t rights = RIGHTS_ALL;

        if (abi < 2)
                rights &= ~LANDLOCK_FS_REFER;
        if (abi < 3)
                rights &= ~LANDLOCK_FS_TRUNCATE;
        return rights;
}

/* Grants rights on the file or directory open at fd, and beneath it. */
static int grant_fd(const struct builder *builder, int fd, uint64_t rights)
{
        struct landlock_path_beneath rule = {.parent_fd = fd};
        struct stat status;

        if (fstat(fd, &status) < 0)
                return -errno;
        rule.allowed = rights & builder->handled;
        if (!S_ISDIR(status.st_mode))
                rule.allowed &= RIGHTS_OF_FILES;
        if (rule.allowed == 0)
                return 0;
        if (syscall(LANDLOCK_NR_ADD_RULE, builder->ruleset, LANDLOCK_PATH_BENEATH, &rule, 0) < 0)
                return -errno;
        return 0;
}

/* Something that is not there, or that this user cannot reach, needs no grant. */
static bool is_absence(int error)
{
        return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP;
}

static int grant_path(const struct builder *builder, const char *path, uint64_t rights)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return grant_fd(builder, fd, rights);
}

/* Cuts the last component of path off; false where none is left. */
static bool cut_component(char *path)
{
        char *slash = strrchr(path, '/');

        if (!slash || (slash == path && path[1] == '\0'))
                return false;
        slash[slash == path ? 1 : 0] = '\0';
        return true;
}

/* Grants rights on path or, where it is not there yet, on what it would come to be in: a superset, fit for
 * the tiers in which the broker decides and Landlock is the second wall. */
static int grant_nearest(const struct builder *builder, const char *path, uint64_t rights)
{
        char nearest[4096];
        int r;

        if (strlen(path) >= sizeof nearest)
                return -ENAMETOOLONG;
        strcpy(nearest, path);
        while ((r = grant_path(builder, nearest, rights)) == -ENOENT || r == -ENOTDIR)
                if (!cut_component(nearest))
                        return 0;
        return is_absence(-r) ? 0 : r;
}

/* The directory that holds all a pattern can match. */
static int grant_wildcard(const struct builder *builder, const char *pattern, uint64_t rights)
{
        char prefix[4096];
        size_t length = strcspn(pattern, "*?[{\\");

        if (length >= sizeof prefix)
                return -ENAMETOOLONG;
        memcpy(prefix, pattern, length);
        prefix[length] = '\0';
        if (!cut_component(prefix))
                strcpy(prefix, "/");
        return grant_nearest(builder, prefix, rights);
}

static uint64_t rights_of(enum rule_list list)
{
        switch (list) {
        case RULE_FILES_READ:
                return RIGHTS_READ;
        case RULE_FILES_WRITE:
                return RIGHTS_WRITE;
        case RULE_FILES_EXEC:
                return RIGHTS_EXECUTE;
        default:
                return 0;
        }
}

static int grant_rule(const struct builder *builder, const struct rule *rule)
{
        uint64_t rights = rights_of(rule->list);
        int r;

        /* Where the broker opens, a program only ever executes natively; all other rights are for nobody. */
        if (rights == 0 || (!builder->exact && rule->list != RULE_FILES_EXEC))
                return 0;
        if (rule->wildcard)
                return grant_wildcard(builder, rule->pattern, rights);
        if (!builder->exact)
                return grant_nearest(builder, rule->pattern, rights);
        r = grant_path(builder, rule->pattern, rights);
        return is_absence(-r) ? 0 : r;
}

/* A program that the policy lets run is started by its interpreter, which the kernel opens for executing; the
 * policy asks for a read grant only. */
static int grant_interpreter(const struct builder *builder, const struct policy *policy, const char *path)
{
        struct verdict verdict = {0};
        _cleanup_free_ char *real = realpath(path, NULL);
        int r;

        if (!real)
                return 0;
        policy_check_path(policy, real, strlen(real), PATH_READ, &verdict);
        if (verdict.outcome != VERDICT_ALLOW)
                return 0;
        r = grant_path(builder, real, RIGHTS_EXECUTE);
        return is_absence(-r) ? 0 : r;
}

static int grant_files(const struct builder *builder, const struct policy *policy,
                       const char *const also_executable[], struct err *err)
{
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);
                int r = grant_rule(builder, rule);

                if (r < 0)
                        return err_set(err, -r, "Landlock refuses a rule for %s: %s", rule->pattern,
                                       strerror(-r));
        }
        for (size_t i = 0; i < sizeof elf_interpreters / sizeof elf_interpreters[0]; i++) {
                int r = grant_interpreter(builder, policy, elf_interpreters[i]);

                if (r < 0)
                        return err_set(err, -r, "Landlock refuses a rule for %s: %s", elf_interpreters[i],
                                       strerror(-r));
        }
        for (size_t i = 0; also_executable && also_executable[i]; i++) {
                int r = grant_path(builder, also_executable[i], RIGHTS_EXECUTE);

                if (r < 0)
                        return err_set(err, -r, "Landlock refuses a rule for %s: %s", also_executable[i],
                                       strerror(-r));
        }
        return 0;
}

/*
 * TCP is handled without a rule for any port: bind and connect are the broker's work, which is outside this
 * domain, so a native one is one that got round the filter. Under warn the domain refuses only what never
 * happens natively in any case; it is there for the scopes, and for keeping ptrace inside.
 */
static int create_ruleset(int abi, const struct tiers *tiers, uint64_t *ret_handled)
{
        struct landlock_ruleset ruleset = {0};
        size_t size = sizeof ruleset.handled_fs;
        long fd;

        ruleset.handled_fs = tiers->landlock_files ? known_file_rights(abi) : LANDLOCK_FS_MAKE_BLOCK;
        if (abi >= 4) {
                size = sizeof ruleset.handled_fs + sizeof ruleset.handled_net;
                if (tiers->landlock_files)
                        ruleset.handled_net = LANDLOCK_NET_BIND_TCP | LANDLOCK_NET_CONNECT_TCP;
        }
        if (abi >= 6) {
                size = sizeof ruleset;
                ruleset.scoped = LANDLOCK_SCOPED_ABSTRACT_UNIX | LANDLOCK_SCOPED_SIGNAL;
        }
        fd = syscall(LANDLOCK_NR_CREATE_RULESET, &ruleset, size, 0);
        if (fd < 0)
                return -errno;
        *ret_handled = ruleset.handled_fs;
        return (int)fd;
}

int landlock_build(const struct policy *policy, const struct tiers *tiers,
                   const char *const also_executable[], struct err *err)
{
        struct builder builder = {.exact = tiers->files_in_kernel};
        _cleanup_close_ int ruleset = -1;
        int abi = landlock_abi();
        int r;

        if (abi < 1)
                return err_set(err, abi < 0 ? -abi : ENOSYS,
                               "this kernel has no Landlock (Linux 5.13, CONFIG_SECURITY_LANDLOCK, and "
                               "\"landlock\" among the lsm= of the boot command line)");
        ruleset = create_ruleset(abi, tiers, &builder.handled);
        if (ruleset < 0)
                return err_set(err, -ruleset, "Landlock refuses its ruleset: %s", strerror(-ruleset));
        builder.ruleset = ruleset;
        if (tiers->landlock_files) {
                r = grant_files(&builder, policy, also_executable, err);
                if (r < 0)
                        return r;
        }
        return fd_take(&ruleset);
}

/* Moving and linking between directories is refused by every domain that does not grant it. */
static int create_enclosure(int abi)
{
        struct landlock_ruleset ruleset = {.handled_fs = LANDLOCK_FS_MAKE_BLOCK};
        struct builder builder = {.handled = ruleset.handled_fs};
        _cleanup_close_ int fd = -1;
        int r;

        if (abi >= 2)
                ruleset.handled_fs |= LANDLOCK_FS_REFER;
        builder.handled = ruleset.handled_fs;
        fd = (int)syscall(LANDLOCK_NR_CREATE_RULESET, &ruleset, sizeof ruleset.handled_fs, 0);
        if (fd < 0)
                return -errno;
        builder.ruleset = fd;
        r = grant_path(&builder, "/", ruleset.handled_fs);
        return r < 0 ? r : fd_take(&fd);
}

int landlock_enclose(void)
{
        _cleanup_close_ int ruleset = -1;
        int abi = landlock_abi();

        if (abi < 1)
                return 0; /* landlock_build() says so in words */
        ruleset = create_enclosure(abi);
        if (ruleset < 0)
                return ruleset;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return landlock_restrict(ruleset);
}

int landlock_restrict(int ruleset_fd)
{
        return syscall(LANDLOCK_NR_RESTRICT_SELF, ruleset_fd, 0) < 0 ? -errno : 0;
}
