/* SPDX-License-Identifier: Apache-2.0 */
/* What automaton_build.c and automaton_match.c share; no one else includes this. */
#ifndef FLICKER_POLICY_AUTOMATON_INNER_H
#define FLICKER_POLICY_AUTOMATON_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "broker/policy/automaton.h"

enum edge_kind {
        EDGE_BYTE,      /* value: the byte */
        EDGE_SET,       /* value: index into sets */
        EDGE_CHARACTER, /* value: index into sets; ASCII or any single byte above it */
        EDGE_HELPER,    /* value: index into sets; a continuation inside a UTF-8 character */
        EDGE_STAR,      /* the rest consume nothing; the loop is the target's */
        EDGE_GLOBSTAR,
        EDGE_DIRECTORIES,
        EDGE_DIRECTORIES_LOOP,
};

enum node_loop { LOOP_NONE, LOOP_COMPONENT, LOOP_ANY };

struct edge {
        uint32_t next; /* of the same node; 0 ends */
        uint32_t target;
        uint16_t kind, value;
};

/* Edges lead from lower to higher nodes, loops aside. */
struct node {
        uint32_t edges;  /* index of the first, or 0 */
        uint32_t accept; /* index into accepts, or 0 */
        uint32_t guard;
        uint8_t loop;
        uint8_t lists;
};

struct accept {
        uint32_t rule[AUTOMATON_LISTS];
};

/* A DFA state: a set of NFA nodes, closed over the edges that consume nothing. */
struct state {
        uint32_t rule[AUTOMATON_LISTS];
        bool constant; /* every byte leads back here */
        uint32_t hash;
        size_t node_count;
        const uint32_t *nodes; /* ascending */
        /* One for each class of bytes; NULL until needed. Written once, under the mutex, by release; read by
         * acquire in automaton_match.c's follow(). */
        _Atomic(struct state *) next[];
};

/* A set with constant-time insert and clear; dense[] lists the members. */
struct sparse_set {
        uint32_t *dense, *sparse;
        size_t count;
};

struct automaton {
        struct node *nodes;
        struct edge *edges;     /* [0] is not used */
        struct accept *accepts; /* [0]: nothing */
        struct byte_set *sets;
        size_t node_count, node_room, edge_count, edge_room, accept_count, accept_room, set_count, set_room;
        unsigned guarded;
        bool unpacked; /* the arrays above lie in an image */
        size_t steps;  /* taken while building */

        unsigned char classes[256];        /* byte to class */
        unsigned char representative[256]; /* class to one of its bytes */
        unsigned class_count;

        pthread_mutex_t mutex; /* guards all below, and the making of states */
        struct state *start;
        struct state **table; /* hashed, open addressing */
        size_t table_size, state_count, state_bytes;
        struct sparse_set scratch[2];
};

static inline bool sparse_set_has(const struct sparse_set *set, uint32_t member)
{
        uint32_t place = set->sparse[member];

        return place < set->count && set->dense[place] == member;
}

static inline void sparse_set_add(struct sparse_set *set, uint32_t member)
{
        if (sparse_set_has(set, member))
                return;
        set->sparse[member] = (uint32_t)set->count;
        set->dense[set->count++] = member;
}

/* In automaton_match.c: makes the state of what a node set has become; the mutex is held, or nobody else
 * knows the automaton yet. NULL where the bounds do not allow another one. */
struct state *automaton_state(struct automaton *automaton, struct sparse_set *set);
/* Makes what matching needs beside the arrays. -ENOMEM. */
int automaton_start(struct automaton *automaton);
/* Adds all that the members lead to without consuming anything. */
void automaton_close(const struct automaton *automaton, struct sparse_set *set);

#endif
