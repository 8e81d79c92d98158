/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Was a signal meant for flicker-run, or for its whole process group (the terminal's Ctrl-C, the shell's
 * "kill %1")? In the first case the program is to get it from flicker-run; in the second it has it already
 * and a second one may mean something else to it. No siginfo tells the two apart, so a process that does
 * nothing and blocks everything stands in the group: what flicker-run gets and is pending there too was for
 * the group.
 */
#ifndef FLICKER_CLI_RUN_WITNESS_H
#define FLICKER_CLI_RUN_WITNESS_H

#include <stdbool.h>
#include <sys/types.h>

struct run_witness {
        pid_t pid; /* 0: none; every signal then counts as meant for flicker-run alone */
};

/* All signals are blocked in the caller. Failure leaves no witness. */
void run_witness_start(struct run_witness *witness);
/* Ends it, and waits for its end; dismiss only does the first, to wait later. */
void run_witness_dismiss(const struct run_witness *witness);
void run_witness_finish(struct run_witness *witness);

/* A signal that the caller has just received: was it for the group? */
bool run_witness_saw(struct run_witness *witness, int signal);

#endif
