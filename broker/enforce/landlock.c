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
#include "broker/base/kernel_call.h"
#include "broker/enforce/landlock_abi.h"
#include "broker/enforce/landlock_grant.h"

struct builder {
        struct landlock_grants grants;
        bool exact;
};

int landlock_abi(void)
{
        long abi = syscall(LANDLOCK_NR_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION_QUERY);

        return abi < 0 ? -errno : (int)abi;
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

static bool lets_write(const struct policy *policy, const char *path, size_t length)
{
        struct verdict verdict = {0};

        policy_check_path(policy, path, length, PATH_WRITE, &verdict);
        return verdict.outcome == VERDICT_ALLOW;
}

static int grant_rule(struct builder *builder, const struct policy *policy, const struct rule *rule)
{
        uint64_t rights = rights_of(rule->list);
        const char *path;
        size_t length;
        int r;

        /* Where the broker opens, a program only ever executes natively; all other rights are for nobody. */
        if (rights == 0 || (!builder->exact && rule->list != RULE_FILES_EXEC))
                return 0;
        /* The directory that holds all a pattern can match. */
        length = landlock_literal_length(rule->pattern);
        path = length > 1 ? rule->pattern : "/"; /* "**" may be anywhere */
        if (rule->wildcard || !builder->exact)
                return landlock_grant_nearest(&builder->grants, path, length, rights,
                                              lets_write(policy, path, length));
        if (landlock_is_granted(&builder->grants, path, length, rights))
                return 0;
        r = landlock_grant_path(&builder->grants, rule->pattern, rights);
        return landlock_is_absence(-r) ? 0 : r;
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
        if (verdict.outcome != VERDICT_ALLOW ||
            landlock_is_granted(&builder->grants, real, strlen(real), RIGHTS_EXECUTE))
                return 0;
        r = landlock_grant_path(&builder->grants, real, RIGHTS_EXECUTE);
        return landlock_is_absence(-r) ? 0 : r;
}

static int grant_files(struct builder *builder, const struct policy *policy,
                       const char *const also_executable[], struct err *err)
{
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);
                int r = grant_rule(builder, policy, rule);

                if (r < 0)
                        return err_set(err, -r, "Landlock refuses a rule for %s: %s", rule->pattern,
                                       strerror(-r));
        }
        for (size_t i = 0; landlock_interpreters[i]; i++) {
                int r = grant_interpreter(builder, policy, landlock_interpreters[i]);

                if (r < 0)
                        return err_set(err, -r, "Landlock refuses a rule for %s: %s",
                                       landlock_interpreters[i], strerror(-r));
        }
        for (size_t i = 0; also_executable && also_executable[i]; i++) {
                int r = landlock_grant_path(&builder->grants, also_executable[i], RIGHTS_EXECUTE);

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

        ruleset.handled_fs = tiers->landlock_files ? landlock_known_rights(abi) : LANDLOCK_FS_MAKE_BLOCK;
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
        ruleset = create_ruleset(abi, tiers, &builder.grants.handled);
        if (ruleset < 0)
                return err_set(err, -ruleset, "Landlock refuses its ruleset: %s", strerror(-ruleset));
        builder.grants.ruleset = ruleset;
        if (tiers->landlock_files) {
                r = grant_files(&builder, policy, also_executable, err);
                landlock_grants_finish(&builder.grants);
                if (r < 0)
                        return r;
        }
        return fd_take(&ruleset);
}

int landlock_restrict(int ruleset_fd)
{
        return (int)kernel_call(LANDLOCK_NR_RESTRICT_SELF, ruleset_fd, 0, 0, 0);
}
