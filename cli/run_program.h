/* SPDX-License-Identifier: Apache-2.0 */
/* Finding PROGRAM as execvp(3) does. Whether it may run is the policy's business, later. */
#ifndef FLICKER_CLI_RUN_PROGRAM_H
#define FLICKER_CLI_RUN_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

#include "broker/base/err.h"

struct run_program {
        char path[PATH_MAX];
        /* Neither ELF nor "#!", but text: where execve(2) says ENOEXEC, execvp(3) gives it to /bin/sh. */
        bool shell_fallback;
};

/* 0; -ENOENT where it is nowhere; other -errno where it is there but cannot be executed. *err has the words.
 */
int run_program_find(const char *name, struct run_program *ret_program, struct err *err);

/* Does a plan in the directory plans say that the program at path has nothing for an agent to do? */
bool run_program_is_idle(const char *path, const char *plans);

#endif
