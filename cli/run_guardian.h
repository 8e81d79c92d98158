/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guardian: a small process between flicker-run (the broker) and the program, whose parent it is. Every
 * process of the sandbox that loses its parent becomes its child. It ends the sandbox when the program ends,
 * when the broker tells it to, and when the broker dies, however that comes about; should the guardian itself
 * be killed, its charges become the broker's, which does the same.
 *
 * To have a program started, and to see one end that is soon over, it borrows flicker-run's memory: a copy
 * would take longer than all that it does there. Where more is to be done, after a moment at the latest, it
 * executes flicker-run as "flicker-guard" (cli/run_guard.h). That has memory, a name and a command line of
 * its own, so that what kills "flicker-run" by them leaves it to clean up; confines itself; and holds no
 * descriptor but its own.
 *
 * It stands in a process group of its own, so that a SIGKILL to the job's group leaves it, and blocks every
 * signal.
 */
#ifndef FLICKER_CLI_RUN_GUARDIAN_H
#define FLICKER_CLI_RUN_GUARDIAN_H

#include "cli/run_launch.h"

/* Sanitizers keep state for each thread, which the guardian would share: there it has a copy of the memory.
 */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define GUARDIAN_BORROWS_MEMORY false
#else
#define GUARDIAN_BORROWS_MEMORY true
#endif

/* Starts the guardian, and it the child. All signals are blocked already. What launch points to stays as it
 * is until the guardian has ended; launch itself is copied. Its process id, or -errno. */
pid_t run_guardian_start(const struct run_launch *launch);

#endif
