/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian: a small process between flicker-run (the broker) and the program, whose parent it is. Every
 * process of the sandbox that loses its parent becomes its child. It ends the sandbox when the program ends,
 * when the broker tells it to, and when the broker dies, however that comes about; should the guardian itself
 * be killed, its charges become the broker's, which does the same.
 *
 * It stands in a process group of its own, so that a SIGKILL to the job's group leaves it to clean up. It
 * holds no descriptor but its own, and blocks every signal.
 */
#ifndef FLICKER_CLI_RUN_GUARDIAN_H
#define FLICKER_CLI_RUN_GUARDIAN_H

#include "cli/run_launch.h"

/* Forks the guardian, and it the child. All signals are blocked already. Its process id, or -errno. */
pid_t run_guardian_start(const struct run_launch *launch);

#endif
