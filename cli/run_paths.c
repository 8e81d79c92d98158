/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool join(char out[PATH_MAX], const char *directory, const char *rest)
{
        int n = snprintf(out, PATH_MAX, "%s%s", directory, rest);

        return n > 0 && n < PATH_MAX;
}

int run_paths_find(struct run_paths *ret_paths, struct err *err)
{
        char prefix[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", prefix, sizeof prefix - 1);

        if (n < 0)
                return err_set(err, errno, "cannot read /proc/self/exe: %s (is /proc mounted?)",
                               strerror(errno));
        prefix[n] = '\0';
        ret_paths->self = strdup(prefix);
        /* "<prefix>/bin/flicker-run": take off two components. */
        for (int i = 0; i < 2; i++) {
                char *slash = strrchr(prefix, '/');

                if (!slash)
                        return err_set(err, EINVAL, "/proc/self/exe is \"%s\", not an absolute path", prefix);
                *slash = '\0';
        }
        if (!ret_paths->self || asprintf(&ret_paths->helpers, "%s/libexec/flicker", prefix) < 0 ||
            asprintf(&ret_paths->agent, "%s/flicker-agent", ret_paths->helpers) < 0 ||
            asprintf(&ret_paths->scanner, "%s/flicker-scan", ret_paths->helpers) < 0 ||
            asprintf(&ret_paths->policies, "%s/share/flicker/policies", prefix) < 0)
                return err_set(err, ENOMEM, "out of memory");
        if (strlen(ret_paths->policies) >= PATH_MAX - 32)
                return err_set(err, ENAMETOOLONG, "flicker is installed under too long a path");
        return 0;
}

/* $variable/rest where it is set to an absolute path (the XDG base directory specification), else
 * $HOME/home_directory/rest. */
static bool user_directory(char out[PATH_MAX], const char *variable, const char *home_directory,
                           const char *rest)
{
        const char *base = getenv(variable), *home = getenv("HOME");
        char under_home[PATH_MAX];

        if (base && base[0] == '/')
                return join(out, base, rest);
        return home && home[0] == '/' && join(under_home, home, home_directory) &&
               join(out, under_home, rest);
}

void run_policy_directories(const struct run_paths *paths, struct run_policy_directories *ret_directories)
{
        size_t n = 0;

        ret_directories->list[n++] = "./.flicker";
        if (user_directory(ret_directories->user, "XDG_CONFIG_HOME", "/.config", "/flicker/policies"))
                ret_directories->list[n++] = ret_directories->user;
        ret_directories->list[n++] = "/etc/flicker/policies";
        ret_directories->list[n++] = paths->policies;
        ret_directories->list[n] = NULL;
}

int run_cache_directory(char ret_path[PATH_MAX])
{
        if (geteuid() == 0)
                return join(ret_path, "/var/cache", "/flicker") ? 0 : -ENOENT;
        return user_directory(ret_path, "XDG_CACHE_HOME", "/.cache", "/flicker") ? 0 : -ENOENT;
}

int run_cache_directory_default(char ret_path[PATH_MAX])
{
        const char *home = getenv("HOME");

        if (geteuid() == 0)
                return run_cache_directory(ret_path);
        return home && *home == '/' && join(ret_path, home, "/.cache/flicker") ? 0 : -ENOENT;
}

bool run_path_resolve(const char *path, char ret_path[PATH_MAX])
{
        char head[PATH_MAX], real[PATH_MAX];
        size_t cut = strlen(path);
        int n;

        if (cut >= sizeof head)
                return false;
        memcpy(head, path, cut + 1);
        while (!realpath(head, real)) {
                char *slash = strrchr(head, '/');

                if (errno != ENOENT || !slash)
                        return false;
                cut = (size_t)(slash - head);
                head[cut ? cut : 1] = '\0'; /* in the end "/", which is there */
        }
        n = snprintf(ret_path, PATH_MAX, "%s%s", strcmp(real, "/") == 0 ? "" : real, path + cut);
        return n > 0 && n < PATH_MAX;
}
