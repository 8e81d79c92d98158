/* SPDX-License-Identifier: Apache-2.0 */
/* May instructions be run once more, from the first on, as if they had not been run? */
#ifndef FLICKER_PLAN_SCAN_REPEATS_H
#define FLICKER_PLAN_SCAN_REPEATS_H

#include "broker/plan/scan/displace.h"

/* True where instructions[0..count), of kind DISPLACE_PLAIN, write registers only, and none that one of them
 * reads; nor do they read those that a syscall changes, which their trampoline has changed by then. */
bool instructions_repeat(const struct instruction *instructions, unsigned count);

#endif
