/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_sandbox.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/base/escape.h"
#include "broker/enforce/credentials.h"
#include "broker/enforce/landlock.h"
#include "cli/run_filter.h"
#include "cli/run_message.h"
#include "cli/run_policy.h"

#define PATTERN_CHARACTERS "*?[]{},$\\" /* special in a policy's patterns (docs/POLICY.md) */

/* Changing credentials is what acting for another user takes. */
static bool is_privileged(void)
{
        const uint64_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID;
        uint64_t effective, permitted, inheritable;

        return capabilities_get(&effective, &permitted, &inheritable) == 0 && (effective & needed) == needed;
}

/* Could a pattern with wildcards match something in directory? Told by what stands before the first wildcard.
 */
static bool may_match_in(const char *pattern, const char *directory)
{
        size_t literal = strcspn(pattern, "*?[{"), length = strlen(directory);

        return strncmp(pattern, directory, literal < length ? literal : length) == 0;
}

/* Might the policy let a program write in directory (resolved)? */
static bool may_write_in(const struct policy *policy, const char *directory)
{
        struct verdict verdict;

        policy_check_path(policy, directory, strlen(directory), PATH_WRITE, &verdict);
        if (verdict.outcome == VERDICT_ALLOW)
                return true;
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if (rule->list == RULE_FILES_WRITE && rule->wildcard &&
                    may_match_in(rule->pattern, directory))
                        return true;
        }
        return false;
}

static int load(const struct run_options *options, const struct run_paths *paths, struct run_sandbox *sandbox,
                struct err *err)
{
        _cleanup_free_ struct policy_extra_rule *extra =
                calloc(options->extra_count + RUN_OWN_COUNT, sizeof *extra);
        struct run_policy_request request = {
                .reference = options->policy,
                .variables = options->variables,
                .variable_count = options->variable_count,
                .extra = extra,
                .extra_count = options->extra_count,
                .tmpdir = sandbox->tmpdir,
                .cache = sandbox->has_cache ? sandbox->policies : NULL,
        };

        if (!extra)
                return err_set(err, ENOMEM, "out of memory");
        memcpy(extra, options->extra, options->extra_count * sizeof *extra);
        policy_destroy(sandbox->policy);
        sandbox->policy = NULL;
        run_cache_release(&sandbox->image);
        for (unsigned i = 0; i < RUN_OWN_COUNT; i++)
                if (sandbox->guarded[i])
                        extra[request.extra_count++] =
                                (struct policy_extra_rule){RULE_FILES_DENY, sandbox->guarded[i]};
        return run_policy_load(&request, paths, &sandbox->policy, &sandbox->image, err);
}

/* A path as the policy sees it, allocated; NULL where there is none. */
static char *resolve(const char *path)
{
        char resolved[PATH_MAX];

        return run_path_resolve(path, resolved) ? strdup(resolved) : NULL;
}

static bool name_caches(struct run_sandbox *sandbox)
{
        const char *cache = sandbox->own[RUN_OWN_CACHE];

        return asprintf(&sandbox->plans, "%s/plans", cache) > 0 &&
               asprintf(&sandbox->filters, "%s/filters", cache) > 0 &&
               asprintf(&sandbox->policies, "%s/policies", cache) > 0 && strlen(sandbox->policies) < PATH_MAX;
}

static void find_caches(struct run_sandbox *sandbox)
{
        char path[PATH_MAX] = "", other[PATH_MAX];
        char **own = sandbox->own;
        bool has_other;

        if (run_cache_directory(path) == 0)
                own[RUN_OWN_CACHE] = resolve(path);
        has_other = run_cache_directory_default(other) == 0 && strcmp(path, other) != 0;
        if (has_other)
                own[RUN_OWN_CACHE_DEFAULT] = resolve(other);
        sandbox->has_cache =
                own[RUN_OWN_CACHE] && (!has_other || own[RUN_OWN_CACHE_DEFAULT]) && name_caches(sandbox);
}

/* The pattern that takes just path, allocated. */
static char *pattern_of(const char *path)
{
        char *pattern = malloc(2 * strlen(path) + 1), *end = pattern;

        if (!pattern)
                return NULL;
        for (; *path; path++) {
                if (strchr(PATTERN_CHARACTERS, *path))
                        *end++ = *path == '$' ? '$' : '\\';
                *end++ = *path;
        }
        *end = '\0';
        return pattern;
}

/* What is in the cache is code for other sandboxes to run, and their policies; helpers are executed by
 * brokers. One that could write there could break into them, or out of itself. Where the policy would let it,
 * that is denied to it. */
static int guard_own(const struct run_options *options, const struct run_paths *paths,
                     struct run_sandbox *sandbox, struct err *err)
{
        bool writable = false;

        /* A rule would name what the link leads to. */
        if (strcmp(sandbox->own[RUN_OWN_HELPERS], paths->helpers) != 0 &&
            may_write_in(sandbox->policy, paths->helpers))
                return err_set(
                        err, EACCES,
                        "%s is reached by a symbolic link, which the policy would let the program change",
                        paths->helpers);
        for (unsigned i = 0; i < RUN_OWN_COUNT; i++) {
                if (!sandbox->own[i] || !may_write_in(sandbox->policy, sandbox->own[i]))
                        continue;
                sandbox->guarded[i] = pattern_of(sandbox->own[i]);
                if (!sandbox->guarded[i])
                        return err_set(err, ENOMEM, "out of memory");
                writable = true;
        }
        return writable ? load(options, paths, sandbox, err) : 0;
}

int run_sandbox_make_tmpdir(struct run_sandbox *sandbox, struct err *err)
{
        int r;

        if (!policy_uses_tmpdir(sandbox->policy))
                return 0;
        r = run_tmpdir_make(sandbox->tmpdir);
        sandbox->has_tmpdir = r == 0;
        return r < 0 ? err_set(err, -r, "cannot make the temporary directory %s: %s", sandbox->tmpdir,
                               strerror(-r))
                     : 0;
}

int run_sandbox_open_audit(const char *audit, struct run_sandbox *sandbox, struct err *err)
{
        if (!audit)
                return 0;
        if (strcmp(audit, "-") == 0)
                sandbox->audit_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        else
                /* No link: an earlier sandbox may have planted it. */
                sandbox->audit_fd =
                        open(audit, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
        if (sandbox->audit_fd < 0)
                return err_set(err, errno, "cannot open the audit log %s: %s", audit, strerror(errno));
        return 0;
}

static int check_landlock(struct run_sandbox *sandbox, struct err *err)
{
        sandbox->landlock_abi = landlock_abi();
        if (sandbox->landlock_abi > 0)
                return 0;
        return err_set(err, -sandbox->landlock_abi,
                       "this kernel offers no Landlock (%s): not running the program unconfined. Landlock "
                       "needs Linux 5.13 "
                       "or later, with \"landlock\" in /sys/kernel/security/lsm; and a sandbox around "
                       "flicker-run may refuse it",
                       strerror(-sandbox->landlock_abi));
}

static void describe(const struct run_sandbox *sandbox)
{
        char name[RUN_WORD_MAX];
        const char *policy = policy_name(sandbox->policy);

        escape_text(policy, strlen(policy), name, sizeof name);
        run_say("policy %s: %zu rules, files %s, %s%s, Landlock ABI %d", name,
                policy_rule_count(sandbox->policy),
                sandbox->tiers.files_in_kernel ? "in the kernel" : "by the broker",
                sandbox->tiers.agent ? "with the agent" : "without the agent",
                sandbox->tiers.mediate_all ? ", everything mediated" : "", sandbox->landlock_abi);
}

static bool is_inherited_socket(int fd)
{
        int flags = fcntl(fd, F_GETFD);
        struct stat status;

        return flags >= 0 && !(flags & FD_CLOEXEC) && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Is any descriptor that the program inherits a socket? beyond: there may be more than the standard ones. */
static bool inherits_socket(bool beyond)
{
        DIR *directory = beyond ? opendir("/proc/self/fd") : NULL;
        struct dirent *entry;
        bool found = beyond && !directory;

        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                found |= is_inherited_socket(fd);
        while (directory && !found && (entry = readdir(directory)))
                found = isdigit((unsigned char)entry->d_name[0]) && is_inherited_socket(atoi(entry->d_name));
        if (directory)
                closedir(directory);
        return found;
}

static int plan(const struct run_options *options, const struct run_paths *paths, bool inherits,
                struct run_sandbox *sandbox, struct err *err)
{
        const struct tier_inputs inputs = {
                .agent = !options->no_agent,
                .mediate_all = options->mediate_all || policy_mediate_all(sandbox->policy),
                .warn = sandbox->warn,
                .privileged = sandbox->privileged,
                .sockets = inherits_socket(inherits),
                .landlock_abi = sandbox->landlock_abi,
        };
        const char *executable[] = {NULL, NULL};
        int r;

        tiers_plan(sandbox->policy, &inputs, run_policy_is_directory, &sandbox->tiers);
        if (options->verbose)
                describe(sandbox);
        if (sandbox->tiers.agent) {
                if (access(paths->agent, X_OK) < 0)
                        return err_set(err, errno,
                                       "cannot execute the agent %s: %s (--no-agent goes without)",
                                       paths->agent, strerror(errno));
                executable[0] = paths->agent;
        }
        r = run_filter_get(sandbox->policy, &sandbox->tiers, sandbox->has_cache ? sandbox->filters : NULL,
                           &sandbox->filter, &sandbox->filter_image, err);
        if (r < 0)
                return r;
        sandbox->ruleset_fd = landlock_build(sandbox->policy, &sandbox->tiers, executable, err);
        return sandbox->ruleset_fd < 0 ? sandbox->ruleset_fd : 0;
}

int run_sandbox_init(const struct run_paths *paths, struct run_sandbox *sandbox, struct err *err)
{
        sandbox->ruleset_fd = sandbox->audit_fd = -1;
        find_caches(sandbox);
        sandbox->own[RUN_OWN_PROGRAM] = strdup(paths->self);
        sandbox->own[RUN_OWN_HELPERS] = resolve(paths->helpers);
        return sandbox->own[RUN_OWN_PROGRAM] && sandbox->own[RUN_OWN_HELPERS]
                       ? 0
                       : err_set(err, EINVAL, "cannot resolve %s", paths->helpers);
}

int run_sandbox_load(const struct run_options *options, const struct run_paths *paths,
                     struct run_sandbox *sandbox, struct err *err)
{
        int r = run_tmpdir_name(sandbox->tmpdir);

        if (r < 0)
                return err_set(err, -r, "cannot name a temporary directory: %s", strerror(-r));
        memset(sandbox->guarded, 0, sizeof sandbox->guarded);
        if ((r = check_landlock(sandbox, err)) < 0 || (r = load(options, paths, sandbox, err)) < 0)
                return r;
        return guard_own(options, paths, sandbox, err);
}

int run_sandbox_plan(const struct run_options *options, const struct run_paths *paths, bool inherits,
                     struct run_sandbox *sandbox, struct err *err)
{
        sandbox->warn = options->warn || policy_on_deny(sandbox->policy) == ON_DENY_WARN;
        sandbox->privileged = is_privileged();
        return plan(options, paths, inherits, sandbox, err);
}

void run_sandbox_finish(struct run_sandbox *sandbox)
{
        int r = sandbox->has_tmpdir ? run_tmpdir_remove(sandbox->tmpdir) : 0;

        if (r < 0)
                run_say("cannot remove %s: %s", sandbox->tmpdir, strerror(-r));
        sandbox->has_tmpdir = false;
        if (sandbox->ruleset_fd >= 0)
                close(sandbox->ruleset_fd);
        if (sandbox->audit_fd >= 0)
                close(sandbox->audit_fd);
        sandbox->ruleset_fd = sandbox->audit_fd = -1;
}
