/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in front of libseccomp's program, because libseccomp cannot say it: "every number that is not
 * in the table" (ranges), and answers that differ by argument where all else of the syscall is notified.
 * Falls off its end where it has no answer.
 */
#ifndef FLICKER_ENFORCE_PROLOGUE_H
#define FLICKER_ENFORCE_PROLOGUE_H

#include <linux/filter.h>
#include <stddef.h>

#define PROLOGUE_MAX 128 /* instructions */

/* Returns the number of instructions written to out. */
size_t prologue_build(struct sock_filter out[PROLOGUE_MAX]);

#endif
