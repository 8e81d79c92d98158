/* SPDX-License-Identifier: Apache-2.0 */
/* The sealed automaton as part of an image, without the states made so far. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/automaton_inner.h"

size_t automaton_pack(const struct automaton *a, struct image *image)
{
        struct automaton copy;

        memset(&copy, 0, sizeof copy);
        copy.node_count = a->node_count;
        copy.edge_count = a->edge_count;
        copy.accept_count = a->accept_count;
        copy.set_count = a->set_count;
        copy.guarded = a->guarded;
        copy.unpacked = true;
        copy.class_count = a->class_count;
        memcpy(copy.classes, a->classes, sizeof copy.classes);
        memcpy(copy.representative, a->representative, sizeof copy.representative);
        copy.nodes = image_add(image, a->nodes, a->node_count * sizeof *a->nodes);
        copy.edges = image_add(image, a->edges, a->edge_count * sizeof *a->edges);
        copy.accepts = image_add(image, a->accepts, a->accept_count * sizeof *a->accepts);
        copy.sets = image_add(image, a->sets, a->set_count * sizeof *a->sets);
        return (size_t)image_add(image, &copy, sizeof copy);
}

int automaton_unpack(const void *base, size_t at, struct automaton **ret_automaton)
{
        struct automaton *a = malloc(sizeof *a);
        int r;

        if (!a)
                return -ENOMEM;
        memcpy(a, (const unsigned char *)base + at, sizeof *a);
        pthread_mutex_init(&a->mutex, NULL);
        a->nodes = image_at(base, a->nodes);
        a->edges = image_at(base, a->edges);
        a->accepts = image_at(base, a->accepts);
        a->sets = image_at(base, a->sets);
        r = automaton_start(a);
        if (r < 0) {
                automaton_destroy(a);
                return r;
        }
        *ret_automaton = a;
        return 0;
}
