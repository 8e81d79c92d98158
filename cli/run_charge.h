/* SPDX-License-Identifier: Apache-2.0 */
/* What a guardian needs to know when it is executed anew (cli/run_guardian.h). It finds it in a pipe, its
 * standard input; and the temporary directory that is to be removed at the end, where there is one, in its
 * only argument. */
#ifndef FLICKER_CLI_RUN_CHARGE_H
#define FLICKER_CLI_RUN_CHARGE_H

#include <sys/types.h>

#define GUARDIAN_NAME "flicker-guard"

struct run_charge {
        pid_t child;     /* the program */
        pid_t job_group; /* flicker-run's process group, which the program starts in */
        int control;     /* the guardian's end of a socket pair (run_control.h) */
        int broker_pidfd;
        int ipc_fd;    /* of what the sandbox made of IPC objects (ipc_objects.h), or -1 */
        int has_ended; /* the program has, and the broker has been told */
};

#endif
