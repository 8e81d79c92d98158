/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals on kernels whose Landlock does not keep them inside (before 6.12): whom a call names is looked at
 * by its registers, and the kernel goes on. A process id that is used again between the two, by a process
 * outside, gets the signal; that is what the kernel's own scope is better at.
 */
#ifndef FLICKER_SIGNAL_CHECK_H
#define FLICKER_SIGNAL_CHECK_H

#include <stdint.h>
#include <sys/types.h>

#include "broker/enforce/operations.h"

/* kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo by thread tid: 0 where all receivers are of the
 * sandbox, -ESRCH where there are none, -EPERM. */
int signal_check(const struct program_lookup *programs, pid_t tid, int nr, const uint64_t args[6]);

#endif
