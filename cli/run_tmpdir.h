/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private temporary directory of a sandbox: $TMPDIR of its policy and of its environment. What is in it
 * was made by the sandbox and is hostile; it is removed when no process of the sandbox is left.
 */
#ifndef FLICKER_CLI_RUN_TMPDIR_H
#define FLICKER_CLI_RUN_TMPDIR_H

#include <limits.h>

#define RUN_TMPDIR_MAX PATH_MAX

/* A name for it that is free now, under the environment's TMPDIR, or /tmp. The names are few and recur, since
 * a policy that names the directory can be remembered only by what it says. 0 or -errno. */
int run_tmpdir_name(char ret_path[RUN_TMPDIR_MAX]);

/* Makes it, 0700. What is there already is never used: -EEXIST. 0 or -errno. */
int run_tmpdir_make(const char *path);

/* Removes it and all that is in it. Follows no symbolic link, stays on its filesystem, needs a fixed number
 * of descriptors however deep the tree is. 0 or -errno of the first thing that would not go. */
int run_tmpdir_remove(const char *path);

#endif
