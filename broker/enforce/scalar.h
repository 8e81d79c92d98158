/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules on register values (TREAT_SCALAR). The same rules make the filter's conditions (filter.c, prologue.c)
 * and the verdict that explains a refusal (scalar_check). For one syscall the first rule that matches
 * decides; no match is ALLOW.
 *
 * The filter need not be as exact as the verdict: it may notify of more than is refused, never of less.
 */
#ifndef FLICKER_ENFORCE_SCALAR_H
#define FLICKER_ENFORCE_SCALAR_H

#include <stddef.h>

#include "broker/policy/tiers.h"

/* Conditions on an argument. INT: the kernel takes the argument as a 32-bit int, so the upper half of the
 * register must not matter. */
enum scalar_op {
        SCALAR_INT_EQ,
        SCALAR_INT_NE,
        SCALAR_INT_GT,     /* unsigned */
        SCALAR_INT_MASKED, /* (argument & mask) == value */
        SCALAR_INT_ANY,    /* (argument & mask) != 0 */
        SCALAR_LONG_EQ,
        SCALAR_LONG_NE,
        SCALAR_LONG_MASKED,
};

struct scalar_condition {
        unsigned index;
        enum scalar_op op;
        uint64_t value, mask;
};

enum scalar_outcome {
        SCALAR_REFUSE, /* notify; fails with error */
        SCALAR_ALLOW,  /* an exception from the rules below it */
        SCALAR_ASK,    /* notify; the broker carries it out */
        SCALAR_ANSWER, /* the filter itself answers with error (0: a success that did nothing), no one
                          notified */
};

#define SCALAR_CONDITIONS_MAX 3

/* What of the tiers a rule hangs on. */
enum scalar_when {
        WHEN_ALWAYS,
        WHEN_NO_UNIX,
        WHEN_NO_IPV4,
        WHEN_NO_IPV6,
        WHEN_NO_TCP,
        WHEN_NO_UDP,
        WHEN_NO_DATAGRAMS,
        WHEN_NO_LISTENING,
        WHEN_HIDES,
        WHEN_SIGNALS_UNSCOPED,
        WHEN_PRIVILEGED,
};

/* Without pointers, which would have to be relocated at each start. */
struct scalar_rule {
        int nr;
        enum scalar_outcome outcome;
        int error;
        bool baseline;  /* of the verdict */
        bool grantable; /* lifted by a rule of syscalls.allow, see scalar.c */
        enum scalar_when when;
        /* What is refused: a name; or, where that is "", the constant of names' family that the argument of
         * the first condition holds. */
        char object[36];
        char family[8];
        unsigned condition_count;
        struct scalar_condition conditions[SCALAR_CONDITIONS_MAX];
};

extern const struct scalar_rule scalar_rules[];
extern const size_t scalar_rule_count;

bool scalar_rule_applies(const struct scalar_rule *rule, const struct tiers *tiers);
bool scalar_condition_holds(const struct scalar_condition *condition, const uint64_t args[6]);

#endif
