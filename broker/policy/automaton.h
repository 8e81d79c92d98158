/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All path patterns of a policy as one automaton. Patterns are added as sequences of steps that share their
 * beginnings (a trie of bytes, classes and loops: an NFA); matching runs the DFA of that NFA, whose states
 * are made when first needed and kept. A match therefore costs one table look-up a byte, however many rules
 * there are. The number and size of kept states are bounded, since targets choose the paths; beyond the bound
 * the sets of NFA nodes are followed directly: the same answer, slower, in memory set aside beforehand.
 *
 * Each pattern belongs to a list (READ, DENY, ...); a match yields, for each list, the lowest rule of that
 * list that matches. Building is single-threaded; after automaton_seal() any thread may match.
 */
#ifndef FLICKER_POLICY_AUTOMATON_H
#define FLICKER_POLICY_AUTOMATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/image.h"

#define AUTOMATON_LISTS      8
#define AUTOMATON_NODES_MAX  (1u << 21)  /* NFA nodes; more is an error of the policy */
#define AUTOMATON_STEPS_MAX  (1u << 26)  /* of all patterns together, shared ones counted each time */
#define AUTOMATON_SETS_MAX   4096        /* different [..] classes */
#define AUTOMATON_STATES_MAX 8192        /* DFA states that are kept */
#define AUTOMATON_BYTES_MAX  (16u << 20) /* and the memory they may take */
#define AUTOMATON_NO_RULE    UINT32_MAX

struct automaton;

struct byte_set {
        uint64_t bits[4];
};

static inline void byte_set_add(struct byte_set *set, unsigned char byte)
{
        set->bits[byte >> 6] |= 1ull << (byte & 63);
}

static inline bool byte_set_has(const struct byte_set *set, unsigned char byte)
{
        return set->bits[byte >> 6] >> (byte & 63) & 1;
}

/* guarded: a mask (1 << list) of lists whose lowest rule each node remembers, see automaton_node_guard(). */
int automaton_create(unsigned guarded, struct automaton **ret_automaton);
void automaton_destroy(struct automaton *automaton);

/*
 * Building: each call goes one step on from node *at (0 is the start) and moves *at. -ENOMEM, or -E2BIG where
 * a limit is reached.
 */
int automaton_byte(struct automaton *automaton, uint32_t *at, unsigned char byte);
int automaton_set(struct automaton *automaton, uint32_t *at,
                  const struct byte_set *set); /* one byte of set */
int automaton_character(struct automaton *automaton, uint32_t *at,
                        const struct byte_set *set);                  /* or a UTF-8 one */
int automaton_star(struct automaton *automaton, uint32_t *at);        /* any bytes but '/' */
int automaton_globstar(struct automaton *automaton, uint32_t *at);    /* any bytes */
int automaton_directories(struct automaton *automaton, uint32_t *at); /* nothing, or any bytes and a '/' */
/* What ends at node at matches rule of list. */
int automaton_accept(struct automaton *automaton, uint32_t at, unsigned list, uint32_t rule);

int automaton_seal(struct automaton *automaton);

/* Adds a sealed automaton to an image; where it lies in it, for automaton_unpack. The image of an unpacked
 * automaton is only read, and has to outlive it. */
size_t automaton_pack(const struct automaton *automaton, struct image *image);
int automaton_unpack(const void *base, size_t at, struct automaton **ret_automaton);

struct automaton_match {
        uint32_t rule[AUTOMATON_LISTS]; /* lowest that matches, or AUTOMATON_NO_RULE */
        size_t work;                    /* bytes looked at, plus nodes visited where states had to be made */
};

void automaton_match(struct automaton *automaton, const char *text, size_t length,
                     struct automaton_match *ret_match);

/* The NFA nodes reached after text, ascending. -ENOMEM. */
struct automaton_nodes {
        const uint32_t *nodes;
        size_t count;
        uint32_t *owned; /* free() it */
};

int automaton_reach(struct automaton *automaton, const char *text, size_t length,
                    struct automaton_nodes *ret_nodes);

/* Lists that may still accept from node, something following or not. */
unsigned automaton_node_lists(const struct automaton *automaton, uint32_t node);
/* Lists that accept at node whatever follows. */
unsigned automaton_node_covers(const struct automaton *automaton, uint32_t node);
/* The lowest rule of a guarded list that node can lead to. */
uint32_t automaton_node_guard(const struct automaton *automaton, uint32_t node);

/* DFA states made so far, for tests. */
size_t automaton_state_count(struct automaton *automaton);

#endif
