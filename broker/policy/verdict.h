/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy says of one operation, and what it takes to explain it to a person. */
#ifndef FLICKER_POLICY_VERDICT_H
#define FLICKER_POLICY_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

struct rule; /* one line of a policy, see policy.h; lives as long as the policy */

enum verdict_outcome {
        VERDICT_ALLOW = 0,
        VERDICT_DENY, /* fails with verdict.error */
        VERDICT_HIDE, /* fails with ENOENT */
        VERDICT_KILL, /* the process is killed */
};

#define VERDICT_OBJECT_MAX 4400 /* bytes; longer objects are cut */

struct verdict {
        enum verdict_outcome outcome;
        int error;               /* positive errno for DENY and HIDE */
        const struct rule *rule; /* NULL: no rule grants it (DENY), or the baseline decides */
        bool baseline;           /* refused by the baseline, not by the policy: --warn does not lift it */
        /* For the explanation. operation is a static string such as "open", "connect tcp", "bind unix";
         * purpose a static string such as "for reading", or NULL. object is raw target text, not escaped. */
        const char *operation;
        const char *purpose;
        char object[VERDICT_OBJECT_MAX];
        size_t object_length;
};

#endif
