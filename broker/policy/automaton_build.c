/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/automaton_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more element; grows by doubling. */
static int grow(void *array_address, size_t count, size_t *room, size_t element)
{
        void **array = array_address, *larger;
        size_t wanted = *room ? *room * 2 : 1024;

        if (count < *room)
                return 0;
        larger = reallocarray(*array, wanted, element);
        if (!larger)
                return -ENOMEM;
        *array = larger;
        *room = wanted;
        return 0;
}

static int node_add(struct automaton *a, enum node_loop loop, uint32_t *ret_node)
{
        int r;

        if (a->node_count >= AUTOMATON_NODES_MAX)
                return -E2BIG;
        r = grow(&a->nodes, a->node_count, &a->node_room, sizeof *a->nodes);
        if (r < 0)
                return r;
        a->nodes[a->node_count] = (struct node){.loop = (uint8_t)loop, .guard = AUTOMATON_NO_RULE};
        *ret_node = (uint32_t)a->node_count++;
        return 0;
}

static int edge_add(struct automaton *a, uint32_t from, enum edge_kind kind, unsigned value, uint32_t target)
{
        int r = grow(&a->edges, a->edge_count, &a->edge_room, sizeof *a->edges);

        if (r < 0)
                return r;
        a->edges[a->edge_count] = (struct edge){.next = a->nodes[from].edges,
                                                .target = target,
                                                .kind = (uint16_t)kind,
                                                .value = (uint16_t)value};
        a->nodes[from].edges = (uint32_t)a->edge_count++;
        return 0;
}

/* Goes along an edge that an earlier pattern made. */
static bool edge_follow(const struct automaton *a, uint32_t *at, enum edge_kind kind, unsigned value)
{
        for (uint32_t e = a->nodes[*at].edges; e; e = a->edges[e].next)
                if (a->edges[e].kind == kind && a->edges[e].value == value) {
                        *at = a->edges[e].target;
                        return true;
                }
        return false;
}

static int step(struct automaton *a, uint32_t *at, enum edge_kind kind, unsigned value, enum node_loop loop)
{
        uint32_t target;
        int r;

        if (++a->steps > AUTOMATON_STEPS_MAX)
                return -E2BIG;
        if (edge_follow(a, at, kind, value))
                return 0;
        r = node_add(a, loop, &target);
        if (r < 0)
                return r;
        r = edge_add(a, *at, kind, value, target);
        if (r < 0)
                return r;
        *at = target;
        return 0;
}

static int set_index(struct automaton *a, const struct byte_set *set, unsigned *ret_index)
{
        int r;

        for (size_t i = 0; i < a->set_count; i++)
                if (!memcmp(&a->sets[i], set, sizeof *set)) {
                        *ret_index = (unsigned)i;
                        return 0;
                }
        if (a->set_count >= AUTOMATON_SETS_MAX)
                return -E2BIG;
        r = grow(&a->sets, a->set_count, &a->set_room, sizeof *a->sets);
        if (r < 0)
                return r;
        a->sets[a->set_count] = *set;
        *ret_index = (unsigned)a->set_count++;
        return 0;
}

int automaton_byte(struct automaton *a, uint32_t *at, unsigned char byte)
{
        return step(a, at, EDGE_BYTE, byte, LOOP_NONE);
}

int automaton_set(struct automaton *a, uint32_t *at, const struct byte_set *set)
{
        unsigned index;
        int r = set_index(a, set, &index);

        return r < 0 ? r : step(a, at, EDGE_SET, index, LOOP_NONE);
}

static int helper(struct automaton *a, uint32_t from, unsigned char low, unsigned char high, uint32_t target)
{
        struct byte_set set = {0};
        unsigned index;
        int r;

        for (unsigned byte = low; byte <= high; byte++)
                byte_set_add(&set, (unsigned char)byte);
        r = set_index(a, &set, &index);
        return r < 0 ? r : edge_add(a, from, EDGE_HELPER, index, target);
}

/* Three helper nodes wait for the continuation bytes: more[0] for three, more[2] for the last. Names need not
 * be UTF-8, so a byte above ASCII also counts as a character of its own. */
static int character_tail(struct automaton *a, uint32_t from, const uint32_t more[3], uint32_t target)
{
        static const unsigned char lead[3][2] = {{0xf0, 0xf7}, {0xe0, 0xef}, {0xc0, 0xdf}};
        int r = 0;

        for (unsigned i = 0; i < 3 && r == 0; i++) {
                r = helper(a, from, lead[i][0], lead[i][1], more[i]);
                if (r == 0)
                        r = helper(a, more[i], 0x80, 0xbf, i < 2 ? more[i + 1] : target);
        }
        return r;
}

int automaton_character(struct automaton *a, uint32_t *at, const struct byte_set *ascii)
{
        struct byte_set set = {{ascii->bits[0], ascii->bits[1], UINT64_MAX, UINT64_MAX}};
        uint32_t more[3], target;
        unsigned index;
        int r = set_index(a, &set, &index);

        if (r < 0 || edge_follow(a, at, EDGE_CHARACTER, index))
                return r;
        for (unsigned i = 0; i < 3; i++) {
                r = node_add(a, LOOP_NONE, &more[i]);
                if (r < 0)
                        return r;
        }
        r = node_add(a, LOOP_NONE, &target);
        if (r == 0)
                r = character_tail(a, *at, more, target);
        if (r == 0)
                r = edge_add(a, *at, EDGE_CHARACTER, index, target);
        if (r == 0)
                *at = target;
        return r;
}

int automaton_star(struct automaton *a, uint32_t *at)
{
        return step(a, at, EDGE_STAR, 0, LOOP_COMPONENT);
}

int automaton_globstar(struct automaton *a, uint32_t *at)
{
        return step(a, at, EDGE_GLOBSTAR, 0, LOOP_ANY);
}

int automaton_directories(struct automaton *a, uint32_t *at)
{
        uint32_t loop, target;
        int r;

        if (edge_follow(a, at, EDGE_DIRECTORIES, 0))
                return 0;
        r = node_add(a, LOOP_ANY, &loop);
        if (r == 0)
                r = node_add(a, LOOP_NONE, &target);
        if (r == 0)
                r = edge_add(a, loop, EDGE_BYTE, '/', target);
        if (r == 0)
                r = edge_add(a, *at, EDGE_DIRECTORIES_LOOP, 0, loop);
        if (r == 0)
                r = edge_add(a, *at, EDGE_DIRECTORIES, 0, target);
        if (r == 0)
                *at = target;
        return r;
}

int automaton_accept(struct automaton *a, uint32_t at, unsigned list, uint32_t rule)
{
        struct node *node = &a->nodes[at];
        int r;

        if (!node->accept) {
                r = grow(&a->accepts, a->accept_count, &a->accept_room, sizeof *a->accepts);
                if (r < 0)
                        return r;
                memset(&a->accepts[a->accept_count], 0xff, sizeof *a->accepts);
                node->accept = (uint32_t)a->accept_count++;
        }
        if (rule < a->accepts[node->accept].rule[list])
                a->accepts[node->accept].rule[list] = rule;
        return 0;
}

int automaton_create(unsigned guarded, struct automaton **ret_automaton)
{
        struct automaton *a = calloc(1, sizeof *a);
        uint32_t start;

        if (!a)
                return -ENOMEM;
        pthread_mutex_init(&a->mutex, NULL);
        a->guarded = guarded;
        a->edge_count = 1;
        if (grow(&a->edges, 0, &a->edge_room, sizeof *a->edges) < 0 ||
            grow(&a->accepts, 0, &a->accept_room, sizeof *a->accepts) < 0 ||
            node_add(a, LOOP_NONE, &start) < 0) {
                automaton_destroy(a);
                return -ENOMEM;
        }
        memset(&a->accepts[0], 0xff, sizeof *a->accepts);
        a->accept_count = 1;
        *ret_automaton = a;
        return 0;
}

void automaton_destroy(struct automaton *a)
{
        if (!a)
                return;
        for (size_t i = 0; i < a->table_size; i++)
                free(a->table[i]);
        free(a->table);
        for (unsigned i = 0; i < 2; i++) {
                free(a->scratch[i].dense);
                free(a->scratch[i].sparse);
        }
        if (!a->unpacked) {
                free(a->nodes);
                free(a->edges);
                free(a->accepts);
                free(a->sets);
        }
        pthread_mutex_destroy(&a->mutex);
        free(a);
}

/* Splits every class into what is in set and what is not. */
static void classes_split(struct automaton *a, const struct byte_set *set)
{
        short renamed[256][2];
        unsigned count = 0;

        memset(renamed, 0xff, sizeof renamed);
        for (unsigned byte = 0; byte < 256; byte++) {
                short *name = &renamed[a->classes[byte]][byte_set_has(set, (unsigned char)byte)];

                if (*name < 0)
                        *name = (short)count++;
                a->classes[byte] = (unsigned char)*name;
        }
        a->class_count = count;
}

/* Bytes that no pattern tells apart share a column of the state tables. */
static void classes_make(struct automaton *a)
{
        bool literal[256] = {['/'] = true};

        for (size_t e = 1; e < a->edge_count; e++)
                if (a->edges[e].kind == EDGE_BYTE)
                        literal[a->edges[e].value] = true;
        a->class_count = 1;
        for (unsigned byte = 0; byte < 256; byte++)
                if (literal[byte] && a->class_count < 256)
                        a->classes[byte] = (unsigned char)a->class_count++;
        for (size_t i = 0; i < a->set_count; i++)
                classes_split(a, &a->sets[i]);
        for (unsigned byte = 0; byte < 256; byte++)
                a->representative[a->classes[byte]] = (unsigned char)byte;
}

static void node_summarise_accept(const struct automaton *a, struct node *node)
{
        const uint32_t *rules = a->accepts[node->accept].rule;

        for (unsigned list = 0; list < AUTOMATON_LISTS; list++) {
                if (rules[list] == AUTOMATON_NO_RULE)
                        continue;
                node->lists |= (uint8_t)(1u << list);
                if (a->guarded >> list & 1 && rules[list] < node->guard)
                        node->guard = rules[list];
        }
}

/* Targets have higher numbers than their sources, so one pass from the end is enough. */
static void nodes_summarise(struct automaton *a)
{
        for (size_t i = a->node_count; i-- > 0;) {
                struct node *node = &a->nodes[i];

                if (node->accept)
                        node_summarise_accept(a, node);
                for (uint32_t e = node->edges; e; e = a->edges[e].next) {
                        const struct node *target = &a->nodes[a->edges[e].target];

                        node->lists |= target->lists;
                        if (target->guard < node->guard)
                                node->guard = target->guard;
                }
        }
}

int automaton_start(struct automaton *a)
{
        for (unsigned i = 0; i < 2; i++) {
                a->scratch[i].dense = calloc(a->node_count, sizeof(uint32_t));
                a->scratch[i].sparse = calloc(a->node_count, sizeof(uint32_t));
                if (!a->scratch[i].dense || !a->scratch[i].sparse)
                        return -ENOMEM;
        }
        sparse_set_add(&a->scratch[0], 0);
        automaton_close(a, &a->scratch[0]);
        a->start = automaton_state(a, &a->scratch[0]);
        return a->start ? 0 : -ENOMEM;
}

int automaton_seal(struct automaton *a)
{
        classes_make(a);
        nodes_summarise(a);
        return automaton_start(a);
}
