/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running flicker-scan on one file. The scanner reads hostile bytes: what it answers is foreign, too. Safe to
 * call from any thread; waits for its own child only, and copes with somebody else having reaped it.
 */
#ifndef FLICKER_PLAN_SCANNER_PROCESS_H
#define FLICKER_PLAN_SCANNER_PROCESS_H

#include <stddef.h>

#include "proto/plan.h"

#define SCANNER_TIMEOUT_MS 30000 /* wall time; the scanner limits its processor time itself */

/* 0 and *ret_plan, allocated (free(3)), which has passed plan_check; -errno where no plan came: the scanner
 * is not there, failed, answered nonsense (-EBADMSG), or took too long (-ETIMEDOUT). fd's offset is not used.
 */
int scanner_run(const char *scanner, int fd, struct fl_plan **ret_plan, size_t *ret_size);

#endif
