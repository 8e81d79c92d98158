/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells people what was refused and why: lines on standard error, JSON lines for the audit log. Everything
 * that a target can choose (paths, program names) is escaped and cut before it is written. Thread-safe.
 */
#ifndef FLICKER_REPORT_H
#define FLICKER_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/policy/policy.h"
#include "broker/policy/verdict.h"

#define REPORT_DISTINCT_MAX 4096 /* different refusals printed; later ones are only counted */

struct reporter;

struct reporter_options {
        int audit_fd; /* not owned; -1: none */
        enum policy_audit audit;
        uint64_t audit_limit; /* bytes; then one last record says so, and events are only counted */
        bool quiet;
        bool warn;
};

int reporter_create(const struct reporter_options *options, struct reporter **ret_reporter);
/* Prints the summary unless quiet. */
void reporter_destroy(struct reporter *reporter);

/* One judged operation of thread tid (still alive, or its name is unknown). refused: it failed for the
 * policy's sake; otherwise it was allowed, or (warn) would have been refused. way: "ring", "notify",
 * "kernel". */
void reporter_judged(struct reporter *reporter, pid_t tid, const struct verdict *verdict, const char *way);

#endif
