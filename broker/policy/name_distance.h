/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest of many names. Names come from policy texts and may be of any length. */
#ifndef FLICKER_POLICY_NAME_DISTANCE_H
#define FLICKER_POLICY_NAME_DISTANCE_H

#include <stddef.h>

struct name_search {
        const char *wanted;
        const char *nearest; /* NULL: nothing is near */
        size_t distance;     /* of nearest; at first, what is too far */
};

struct name_search name_search_start(const char *wanted);

/* Remembers candidate (not copied) where it is nearer than what was offered before. */
void name_search_offer(struct name_search *search, const char *candidate);

/* Insertions, deletions, substitutions and swaps of neighbours that turn one name into the other, the
 * case of letters aside; SIZE_MAX where either is longer than 64 bytes. */
size_t name_distance(const char *one, const char *other);

#endif
