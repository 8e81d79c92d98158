/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_policy.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "cli/run_policy_cache.h"

#define DEFAULT_POLICY "/default.json"

/* Who the user is: the environment says it, as for a shell; else the password file. */
struct identity {
        const char *home, *user; /* of the environment, or of fgetpwent's memory */
        char uid[16], cwd[PATH_MAX];
};

/* fgetpwent, since the name services would be loaded at run time and cost more than all the rest. */
static void look_up(uid_t uid, struct identity *identity)
{
        _cleanup_fclose_ FILE *stream = fopen("/etc/passwd", "re");
        const struct passwd *entry;

        while (stream && (entry = fgetpwent(stream))) {
                if (entry->pw_uid != uid)
                        continue;
                if (!identity->home && entry->pw_dir[0])
                        identity->home = entry->pw_dir;
                if (!identity->user && entry->pw_name[0])
                        identity->user = entry->pw_name;
                return;
        }
}

static int identify(struct identity *identity, struct err *err)
{
        const char *home = getenv("HOME"), *user = getenv("USER");
        uid_t uid = geteuid();

        identity->home = home && home[0] == '/' ? home : NULL;
        identity->user = user && user[0] ? user : NULL;
        if (!identity->home || !identity->user)
                look_up(uid, identity);
        snprintf(identity->uid, sizeof identity->uid, "%u", uid);
        if (!identity->home)
                identity->home = "/nonexistent";
        if (!identity->user)
                identity->user = identity->uid;
        if (!getcwd(identity->cwd, sizeof identity->cwd))
                return err_set(err, errno, "cannot tell the working directory: %s", strerror(errno));
        if (identity->cwd[0] != '/')
                return err_set(err, ENOENT, "the working directory is not reachable from the root directory");
        return 0;
}

int run_policy_load(const struct run_policy_request *request, const struct run_paths *paths,
                    struct policy **ret_policy, struct run_cache_entry *ret_image, struct err *err)
{
        struct run_policy_directories directories;
        struct identity identity;
        char shipped[PATH_MAX + sizeof DEFAULT_POLICY];
        struct policy_options options = {
                .reference = request->reference,
                .variables = request->variables,
                .variable_count = request->variable_count,
                .extra = request->extra,
                .extra_count = request->extra_count,
                .uid = identity.uid,
                .cwd = identity.cwd,
                .tmpdir = request->tmpdir,
        };
        int r = identify(&identity, err);

        if (r < 0)
                return r;
        options.home = identity.home;
        options.user = identity.user;
        if (!options.reference) {
                /* "default" of a directory that somebody else may have prepared is not the default. */
                snprintf(shipped, sizeof shipped, "%s" DEFAULT_POLICY, paths->policies);
                options.reference = shipped;
        }
        run_policy_directories(paths, &directories);
        options.directories = directories.list;
        return run_policy_cache_load(&options, request->cache, ret_policy, ret_image, err);
}

bool run_policy_is_directory(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 && (S_ISDIR(status.st_mode) || S_ISCHR(status.st_mode));
}
