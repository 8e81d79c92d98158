/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backstop: builds the seccomp program with libseccomp, and installs it in the child that is about to
 * become the target. The program looks at the architecture, the number and the arguments; never at the
 * instruction pointer.
 */
#ifndef FLICKER_ENFORCE_FILTER_H
#define FLICKER_ENFORCE_FILTER_H

#include <linux/filter.h>

#include "broker/base/err.h"
#include "broker/policy/tiers.h"

/* The agent's call to its broker, FL_CALL_NR of proto/call.h (which this room may not include; a test
 * compares): always notified. */
#define FILTER_AGENT_CALL 0x464c

struct filter {
        struct sock_fprog program; /* allocated */
};

/* Where a scalar rule or the policy refuses, the program notifies: the broker explains and answers. */
int filter_build(const struct policy *policy, const struct tiers *tiers, struct filter *ret_filter,
                 struct err *err);
void filter_finish(struct filter *filter);

/* In the child, after no_new_privs: installs the program and returns the listener's descriptor
 * (close-on-exec), or -errno. Uses WAIT_KILLABLE_RECV, or goes without where the kernel lacks it.
 * Leaves errno alone: called between clone and exec. */
int filter_install(const struct filter *filter);

/* Is this refused or allowed by registers alone (TREAT_SCALAR: clone, socket, ioctl, prctl, ...)? The
 * filter notifies of what the rules refuse; here the broker finds the verdict for its explanation. The
 * same data drives both, but for what the policy's syscalls.allow lifts: of that the filter notifies, too.
 * A refusal with error 0 is one that the filter answers with success by itself
 * (PR_SET_DUMPABLE 0); the broker is never asked about it, nor about clone. */
void scalar_check(const struct policy *policy, const struct tiers *tiers, int nr, const uint64_t args[6],
                  struct verdict *ret_verdict);

#endif
