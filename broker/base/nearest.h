/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": which of some names a person probably wanted to write. */
#ifndef FLICKER_BASE_NEAREST_H
#define FLICKER_BASE_NEAREST_H

#include <stddef.h>

#define NEAREST_LENGTH_MAX 64 /* longer names are near nothing */

struct nearest {
        const char *wanted;
        const char *name; /* the best so far, or NULL */
        unsigned distance;
};

void nearest_init(struct nearest *nearest, const char *wanted);
/* name must live as long as the result is used. */
void nearest_consider(struct nearest *nearest, const char *name);

/* The same over a list; NULL where nothing is near. */
const char *nearest_of(const char *wanted, const char *const *names, size_t count);

#endif
