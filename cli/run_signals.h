/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and job control: what reaches flicker-run is the program's, and when the program stops, so does
 * flicker-run, for the shell to see. */
#ifndef FLICKER_CLI_RUN_SIGNALS_H
#define FLICKER_CLI_RUN_SIGNALS_H

#include "cli/run_witness.h"

/* Reads one signal from the signalfd and tells the guardian (over control) to pass it on where the program
 * has not got it by itself. */
void run_signals_pass_on(int signals, int control, struct run_witness *witness);

/* The program was stopped by signal: stops the calling process in the same way. On return it was continued.
 */
void run_signals_stop(int signal);

#endif
