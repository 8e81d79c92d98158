/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flicker-run as broker: loads the policy, starts guardian and child, starts the session, then passes signals
 * on, stops and goes on with the program, keeps the time limit, and brings home its exit status. The first
 * calls of the program are served from here, later ones by the session's own threads.
 */
#ifndef FLICKER_CLI_RUN_SUPERVISE_H
#define FLICKER_CLI_RUN_SUPERVISE_H

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "cli/run_options.h"
#include "cli/run_paths.h"
#include "cli/run_program.h"
#include "cli/run_sandbox.h"

/* What of flicker-run's own start the program is to find unchanged. */
struct run_origin {
        struct rlimit open_files;
        sigset_t signal_mask;
        struct sigaction child_action;
        cpu_set_t cpus;
        bool inherits; /* descriptors beyond the standard ones, perhaps */
};

/* Loads the policy and runs the program under it, to its end. The exit status of flicker-run. All signals are
 * blocked. No process of the sandbox is left. */
int run_supervise(const struct run_options *options, const struct run_paths *paths,
                  const struct run_program *program, const struct run_origin *origin);

#endif
