/* SPDX-License-Identifier: Apache-2.0 */
/* What a guardian is in charge of, in memory that it shares with flicker-run before and after it executes
 * flicker-run anew (cli/run_guardian.h). */
#ifndef FLICKER_CLI_RUN_CHARGE_H
#define FLICKER_CLI_RUN_CHARGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "broker/enforce/ipc_objects.h"
#include "cli/run_launch.h"
#include "cli/run_tmpdir.h"

#define GUARDIAN_NAME "flicker-guard"

struct run_charge {
        struct launch_state start;
        bool ended; /* the program has, and the broker has been told */

        /* Written before there is a guardian. */
        pid_t job_group; /* flicker-run's process group, which the program starts in */
        int control;     /* the guardian's end of a socket pair (run_control.h) */
        int broker_pidfd;
        bool has_tmpdir; /* to be removed at the end */
        char tmpdir[RUN_TMPDIR_MAX];

        struct ipc_objects ipc; /* what the sandbox made of System V IPC and message queues */
};

/* A new one, and its descriptor (close-on-exec). NULL, and errno. */
struct run_charge *run_charge_create(int *ret_fd);
/* That of a descriptor. NULL, and errno; EINVAL where it cannot be one. */
struct run_charge *run_charge_map(int fd);

#endif
