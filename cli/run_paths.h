/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the installed pieces are, seen from the running binary's own place: <prefix>/bin/flicker-run has its
 * helpers in <prefix>/libexec/flicker and the shipped policies in <prefix>/share/flicker/policies. Neither
 * the environment nor the current directory has a say in it.
 */
#ifndef FLICKER_CLI_RUN_PATHS_H
#define FLICKER_CLI_RUN_PATHS_H

#include <limits.h>
#include <stdbool.h>

#include "broker/base/err.h"

struct run_paths {
        char *self;    /* flicker-run */
        char *helpers; /* the directory of the next two */
        char *agent;
        char *scanner;
        char *policies; /* shipped policies */
};

/* 0 or -errno. Says nothing of whether the files are there. The paths are allocated, for the process's life.
 */
int run_paths_find(struct run_paths *ret_paths, struct err *err);

/* Directories in which a policy's bare name is looked up, in order. */
#define RUN_POLICY_DIRECTORIES 4
struct run_policy_directories {
        char user[PATH_MAX];
        const char *list[RUN_POLICY_DIRECTORIES + 1]; /* NULL-terminated; points into this and into paths */
};
void run_policy_directories(const struct run_paths *paths, struct run_policy_directories *ret_directories);

/* Where flicker keeps what it need not compute again: root's is under /var/cache, a user's under
 * $XDG_CACHE_HOME or
 * ~/.cache. 0, or -ENOENT where there is no such place. */
int run_cache_directory(char ret_path[PATH_MAX]);
/* The same where XDG_CACHE_HOME is not set: what most runs use. */
int run_cache_directory_default(char ret_path[PATH_MAX]);

/* path with its existing part resolved; what is missing is appended as it stands. False where it is too long,
 * or cannot be resolved. */
bool run_path_resolve(const char *path, char ret_path[PATH_MAX]);

#endif
