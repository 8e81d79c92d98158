/* SPDX-License-Identifier: Apache-2.0 */
/* The talk between the keeper, outside, and the actor: over one socket. */
#ifndef FLICKER_TESTS_DIFFERENTIAL_KEEPER_H
#define FLICKER_TESTS_DIFFERENTIAL_KEEPER_H

#include <stdint.h>
#include <stdio.h>

/* For the actor: the number of the next round, and what it begins with; -1 where there is none. */
int keeper_next(int socket, uint64_t *ret_number);
int keeper_receive(int socket, int *fds, unsigned count);

/* The round is over; all that was written to log before this belongs to it. */
void keeper_done(FILE *log);

#endif
