/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flicker-run as broker: starts guardian, child and session, then passes signals on, stops and goes on with
 * the program, keeps the time limit, and brings home its exit status. The session serves on threads of its
 * own.
 */
#ifndef FLICKER_CLI_RUN_SUPERVISE_H
#define FLICKER_CLI_RUN_SUPERVISE_H

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
        char **arguments; /* main's argv */
        int argument_count;
};

/* Runs the program to its end. The exit status of flicker-run. No process of the sandbox is left. Takes the
 * sandbox's Landlock ruleset. */
int run_supervise(const struct run_options *options, const struct run_paths *paths,
                  const struct run_program *program, struct run_sandbox *sandbox,
                  const struct run_origin *origin);

#endif
