/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/base/escape.h"
#include "broker/plan/plan_cache.h"
#include "cli/run_message.h"

#define DEFAULT_PATH "/bin:/usr/bin" /* of execvp(3), where PATH is unset */

/* 0 where path is a regular file that the user may execute, or -errno. */
static int check_executable(const char *path)
{
        struct stat status;

        if (stat(path, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EACCES;
        return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* directory is length bytes; an empty one is the current directory. */
static int try_directory(const char *directory, size_t length, const char *name, struct run_program *program)
{
        int n = snprintf(program->path, sizeof program->path, "%.*s%s%s", (int)length, directory,
                         length ? "/" : "", name);

        if (n < 0 || (size_t)n >= sizeof program->path)
                return -ENAMETOOLONG;
        return check_executable(program->path);
}

/* The search goes on past what is missing and what may not be executed; the latter is remembered. */
static int search_path(const char *name, struct run_program *program)
{
        const char *path = getenv("PATH");
        int seen = -ENOENT;

        if (!path)
                path = DEFAULT_PATH;
        for (;;) {
                size_t length = strcspn(path, ":");
                int r = length < PATH_MAX ? try_directory(path, length, name, program) : -ENAMETOOLONG;

                if (r == 0)
                        return 0;
                if (r == -EACCES)
                        seen = r;
                if (!path[length])
                        return seen;
                path += length + 1;
        }
}

static bool is_text(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char head[256];
        ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
        const char *newline;

        if (n < 0 || (n >= 2 && memcmp(head, "#!", 2) == 0) || (n >= 4 && memcmp(head, "\177ELF", 4) == 0))
                return false;
        newline = memchr(head, '\n', (size_t)n);
        return !memchr(head, '\0', newline ? (size_t)(newline - head) : (size_t)n);
}

int run_program_find(const char *name, struct run_program *ret_program, struct err *err)
{
        char shown[RUN_WORD_MAX];
        bool has_slash = strchr(name, '/');
        int r;

        escape_text(name, strlen(name), shown, sizeof shown);
        if (!*name)
                r = -ENOENT;
        else if (has_slash)
                r = try_directory("", 0, name, ret_program);
        else
                r = strlen(name) > NAME_MAX ? -ENOENT : search_path(name, ret_program);

        if (r == -ENOENT && !has_slash)
                return err_set(err, ENOENT, "%s: command not found", shown);
        if (r < 0)
                return err_set(err, -r, "%s: %s", shown, strerror(-r));
        ret_program->shell_fallback = is_text(ret_program->path);
        return 0;
}

bool run_program_is_idle(const char *path, const char *plans)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC), directory = -1;
        _cleanup_free_ struct fl_plan *plan = NULL;
        struct plan_identity identity;
        size_t size;

        if (fd < 0 || plan_identity_read(fd, &identity) < 0)
                return false;
        directory = plan_cache_open(plans);
        return directory >= 0 && plan_cache_load(directory, &identity, &plan, &size) == 0 &&
               (plan->flags & FL_PLAN_IDLE);
}
