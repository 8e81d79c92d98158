/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a sandbox, step by step: the shared pieces, the guardian and the child, the listener, the session.
 */
#ifndef FLICKER_CLI_RUN_START_H
#define FLICKER_CLI_RUN_START_H

#include "broker/session.h"
#include "cli/run_launch.h"
#include "cli/run_supervise.h"

/* Makes what the three processes share. 0 or -errno with *err; run_start_finish in either case. */
int run_start_init(struct run_launch *launch, const struct run_origin *origin, struct err *err);
void run_start_finish(struct run_launch *launch);

/* After the guardian's start: closes the others' ends. */
void run_start_forked(struct run_launch *launch);

/* There will be no program: the child ends where it waits for the broker, and the guardian, whose memory it
 * has, goes on. */
void run_start_forgo(struct run_launch *launch);

/* Lets go of what is the program's: its standard input and output and, where there may be any, every
 * inherited descriptor, so that end-of-file reaches whom it concerns. */
void run_start_let_go(bool inherits);

/* Waits until the child has its filter, and fetches the listener. 1 and *ret_listener; 0 where the child
 * ended before (launch->state says why); -errno with *err. */
int run_start_listener(struct run_launch *launch, int *ret_listener, struct err *err);

/* The broker gives up what it does not need before it listens to anybody; scans: it will start the scanner. 0
 * or -errno. */
int run_start_harden(bool scans);

#endif
