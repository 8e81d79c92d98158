/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path patterns: read, checked, resolved and added to the automaton.
 *
 *   literal      the path, or anything beneath it
 *   *            any part of one component; a component that is nothing but * is not empty
 *   **           anything, slashes included; a component ** followed by a slash may also stand for none
 *   ?            one character but a slash
 *   [a-z] [!x]   one character of the class, or not of it (ASCII)
 *   {a,b}        either; may nest and may contain slashes
 *   \x           x itself
 *
 * With any of these a pattern matches whole paths and nothing beneath them. A pattern begins with a slash or
 * a component **. The part before the first wildcard's component is resolved through symbolic links.
 */
#ifndef FLICKER_POLICY_PATTERN_H
#define FLICKER_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/arena.h"
#include "broker/base/err.h"
#include "broker/policy/automaton.h"
#include "broker/policy/resolver.h"

#define PATTERN_LENGTH_MAX       4096 /* bytes, NUL included */
#define PATTERN_ALTERNATIVES_MAX 256  /* that its braces stand for */

struct pattern_target {
        struct automaton *automaton;
        struct resolver *resolver;
        struct arena *arena;
        unsigned list;
        uint32_t rule;
        /* Where the path named is a symbolic link, its own name matches as well, so that it can't be
         * replaced. */
        bool guard_name;
};

/* On failure err says in words what is wrong with the pattern (without position). -EINVAL, -ENOMEM, -E2BIG.
 */
int pattern_add(const struct pattern_target *target, const char *text, const char **ret_resolved,
                bool *ret_wildcard, struct err *err);

/* A name of the abstract socket namespace, without its '@': nothing is resolved, nothing is beneath, and '*'
 * does not stop at slashes. */
int pattern_add_abstract(const struct pattern_target *target, const char *name, struct err *err);

/* In pattern_syntax.c: balanced brackets and braces, no dangling backslash. */
int pattern_check(const char *text, struct err *err);
bool pattern_has_wildcard(const char *text);
/* Past the class that starts at text (which is '['). text is checked. */
const char *pattern_class_end(const char *text);
int pattern_class(const char *text, struct byte_set *ret_set, bool *ret_negated, struct err *err);
/* Makes a path of one alternative: no "//", no ".", no slash at the end; ".." and relative ones are errors.
 */
int pattern_normalise(const char *text, char ret_text[PATTERN_LENGTH_MAX], struct err *err);

/* In pattern_braces.c: calls each with every alternative that the braces of text stand for. text is checked.
 */
int pattern_alternatives(const char *text, int (*each)(const char *alternative, void *context), void *context,
                         struct err *err);

#endif
