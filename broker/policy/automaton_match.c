/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/automaton_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void automaton_close(const struct automaton *a, struct sparse_set *set)
{
        /* count grows while this runs. */
        for (size_t i = 0; i < set->count; i++)
                for (uint32_t e = a->nodes[set->dense[i]].edges; e; e = a->edges[e].next)
                        if (a->edges[e].kind >= EDGE_STAR)
                                sparse_set_add(set, a->edges[e].target);
}

static bool edge_takes(const struct automaton *a, const struct edge *edge, unsigned char byte)
{
        switch (edge->kind) {
        case EDGE_BYTE:
                return edge->value == byte;
        case EDGE_SET:
        case EDGE_CHARACTER:
        case EDGE_HELPER:
                return byte_set_has(&a->sets[edge->value], byte);
        default:
                return false;
        }
}

/* The nodes that byte leads to from the members of from. */
static size_t advance(const struct automaton *a, const uint32_t *from, size_t count, unsigned char byte,
                      struct sparse_set *to)
{
        to->count = 0;
        for (size_t i = 0; i < count; i++) {
                const struct node *node = &a->nodes[from[i]];

                if (node->loop == LOOP_ANY || (node->loop == LOOP_COMPONENT && byte != '/'))
                        sparse_set_add(to, from[i]);
                for (uint32_t e = node->edges; e; e = a->edges[e].next)
                        if (edge_takes(a, &a->edges[e], byte))
                                sparse_set_add(to, a->edges[e].target);
        }
        automaton_close(a, to);
        return count + to->count;
}

static void nodes_rules(const struct automaton *a, const uint32_t *nodes, size_t count,
                        uint32_t rule[AUTOMATON_LISTS])
{
        memset(rule, 0xff, AUTOMATON_LISTS * sizeof *rule);
        for (size_t i = 0; i < count; i++) {
                const struct accept *accept = &a->accepts[a->nodes[nodes[i]].accept];

                for (unsigned list = 0; list < AUTOMATON_LISTS; list++)
                        if (accept->rule[list] < rule[list])
                                rule[list] = accept->rule[list];
        }
}

static int compare_nodes(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

static uint32_t nodes_hash(const uint32_t *nodes, size_t count)
{
        uint32_t hash = 2166136261u;

        for (size_t i = 0; i < count; i++)
                hash = (hash ^ nodes[i]) * 16777619u;
        return hash ^ hash >> 15;
}

/* Whatever comes, the set stays what it is: nothing left, or only sinks. */
static bool nodes_constant(const struct automaton *a, const uint32_t *nodes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (a->nodes[nodes[i]].loop != LOOP_ANY || a->nodes[nodes[i]].edges)
                        return false;
        return true;
}

static struct state **table_place(struct state **table, size_t size, const uint32_t *nodes, size_t count,
                                  uint32_t hash)
{
        for (size_t i = hash & (size - 1);; i = (i + 1) & (size - 1)) {
                struct state *state = table[i];

                if (!state || (state->hash == hash && state->node_count == count &&
                               !memcmp(state->nodes, nodes, count * sizeof *nodes)))
                        return &table[i];
        }
}

static int table_grow(struct automaton *a)
{
        size_t size = a->table_size ? a->table_size * 2 : 128;
        struct state **table;

        if (a->state_count * 2 < a->table_size)
                return 0;
        table = calloc(size, sizeof *table);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < a->table_size; i++) {
                struct state *state = a->table[i];

                if (state)
                        *table_place(table, size, state->nodes, state->node_count, state->hash) = state;
        }
        free(a->table);
        a->table = table;
        a->table_size = size;
        return 0;
}

static struct state *state_make(struct automaton *a, const uint32_t *nodes, size_t count, uint32_t hash)
{
        size_t links = a->class_count * sizeof(_Atomic(struct state *));
        size_t size = sizeof(struct state) + links + count * sizeof *nodes;
        struct state *state;
        uint32_t *copy;

        if (a->state_count >= AUTOMATON_STATES_MAX || a->state_bytes + size > AUTOMATON_BYTES_MAX)
                return NULL;
        state = calloc(1, size);
        if (!state)
                return NULL;
        copy = (uint32_t *)((unsigned char *)state->next + links);
        memcpy(copy, nodes, count * sizeof *nodes);
        state->nodes = copy;
        state->node_count = count;
        state->hash = hash;
        state->constant = nodes_constant(a, nodes, count);
        nodes_rules(a, nodes, count, state->rule);
        a->state_count++;
        a->state_bytes += size;
        return state;
}

struct state *automaton_state(struct automaton *a, struct sparse_set *set)
{
        struct state **place;
        uint32_t hash;

        if (table_grow(a) < 0)
                return NULL;
        qsort(set->dense, set->count, sizeof *set->dense, compare_nodes);
        hash = nodes_hash(set->dense, set->count);
        place = table_place(a->table, a->table_size, set->dense, set->count, hash);
        if (!*place)
                *place = state_make(a, set->dense, set->count, hash);
        return *place;
}

/* Makes the link that follow() found missing. NULL: no room for another state. */
static struct state *link_make(struct automaton *a, struct state *state, unsigned class, size_t *work)
{
        struct state *next;

        pthread_mutex_lock(&a->mutex);
        next = atomic_load_explicit(&state->next[class], memory_order_relaxed);
        if (!next) {
                *work +=
                        advance(a, state->nodes, state->node_count, a->representative[class], &a->scratch[0]);
                next = automaton_state(a, &a->scratch[0]);
                /* Pairs with the acquire in follow(): who sees the link sees the state. */
                if (next)
                        atomic_store_explicit(&state->next[class], next, memory_order_release);
        }
        pthread_mutex_unlock(&a->mutex);
        return next;
}

/* Runs the DFA over text. Returns how far it came: less than length where no more states may be made. */
static size_t follow(struct automaton *a, const char *text, size_t length, struct state **ret_state,
                     size_t *work)
{
        struct state *state = a->start;
        size_t i = 0;

        for (; i < length && !state->constant; i++) {
                unsigned class = a->classes[(unsigned char)text[i]];
                struct state *next = atomic_load_explicit(&state->next[class], memory_order_acquire);

                if (!next)
                        next = link_make(a, state, class, work);
                if (!next)
                        break;
                state = next;
        }
        *work += i;
        *ret_state = state;
        return state->constant ? length : i;
}

/* Follows node sets over the rest of the text. The mutex is held: the sets are the automaton's. */
static struct sparse_set *simulate(struct automaton *a, const struct state *state, const char *text,
                                   size_t length, size_t *work)
{
        struct sparse_set *set = &a->scratch[0], *other = &a->scratch[1], *swap;

        *work += advance(a, state->nodes, state->node_count, (unsigned char)text[0], set);
        for (size_t i = 1; i < length; i++) {
                *work += advance(a, set->dense, set->count, (unsigned char)text[i], other);
                swap = set;
                set = other;
                other = swap;
        }
        return set;
}

void automaton_match(struct automaton *a, const char *text, size_t length, struct automaton_match *ret_match)
{
        struct state *state;
        size_t done;

        ret_match->work = 0;
        done = follow(a, text, length, &state, &ret_match->work);
        if (done == length) {
                memcpy(ret_match->rule, state->rule, sizeof state->rule);
                return;
        }

        pthread_mutex_lock(&a->mutex);
        {
                struct sparse_set *set = simulate(a, state, text + done, length - done, &ret_match->work);

                nodes_rules(a, set->dense, set->count, ret_match->rule);
        }
        pthread_mutex_unlock(&a->mutex);
}

int automaton_reach(struct automaton *a, const char *text, size_t length, struct automaton_nodes *ret_nodes)
{
        struct sparse_set *set;
        struct state *state;
        uint32_t *copy;
        size_t work = 0, done = follow(a, text, length, &state, &work);

        if (done == length) {
                *ret_nodes = (struct automaton_nodes){.nodes = state->nodes, .count = state->node_count};
                return 0;
        }

        pthread_mutex_lock(&a->mutex);
        set = simulate(a, state, text + done, length - done, &work);
        qsort(set->dense, set->count, sizeof *set->dense, compare_nodes);
        copy = malloc((set->count + 1) * sizeof *copy);
        if (copy) {
                memcpy(copy, set->dense, set->count * sizeof *copy);
                *ret_nodes = (struct automaton_nodes){.nodes = copy, .count = set->count, .owned = copy};
        }
        pthread_mutex_unlock(&a->mutex);
        return copy ? 0 : -ENOMEM;
}

unsigned automaton_node_lists(const struct automaton *a, uint32_t node)
{
        return a->nodes[node].lists;
}

unsigned automaton_node_covers(const struct automaton *a, uint32_t node)
{
        const struct accept *accept = &a->accepts[a->nodes[node].accept];
        unsigned covers = 0;

        if (a->nodes[node].loop != LOOP_ANY)
                return 0;
        for (unsigned list = 0; list < AUTOMATON_LISTS; list++)
                if (accept->rule[list] != AUTOMATON_NO_RULE)
                        covers |= 1u << list;
        return covers;
}

uint32_t automaton_node_guard(const struct automaton *a, uint32_t node)
{
        return a->nodes[node].guard;
}

size_t automaton_state_count(struct automaton *a)
{
        size_t count;

        pthread_mutex_lock(&a->mutex);
        count = a->state_count;
        pthread_mutex_unlock(&a->mutex);
        return count;
}
