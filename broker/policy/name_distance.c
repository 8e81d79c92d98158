/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/name_distance.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NAME_LENGTH_MAX 64

static size_t smaller(size_t one, size_t other)
{
        return one < other ? one : other;
}

static bool same_letter(char one, char other)
{
        return tolower((unsigned char)one) == tolower((unsigned char)other);
}

/* Optimal string alignment, with the last three rows of its table. */
size_t name_distance(const char *one, const char *other)
{
        size_t rows[3][NAME_LENGTH_MAX + 1];
        size_t one_length = strlen(one), other_length = strlen(other);

        if (one_length > NAME_LENGTH_MAX || other_length > NAME_LENGTH_MAX)
                return SIZE_MAX;
        for (size_t j = 0; j <= other_length; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= one_length; i++) {
                size_t *row = rows[i % 3];
                const size_t *above = rows[(i + 2) % 3], *twice_above = rows[(i + 1) % 3];

                row[0] = i;
                for (size_t j = 1; j <= other_length; j++) {
                        row[j] = smaller(smaller(above[j], row[j - 1]) + 1,
                                         above[j - 1] + !same_letter(one[i - 1], other[j - 1]));
                        if (i > 1 && j > 1 && same_letter(one[i - 1], other[j - 2]) &&
                            same_letter(one[i - 2], other[j - 1]))
                                row[j] = smaller(row[j], twice_above[j - 2] + 1);
                }
        }
        return rows[one_length % 3][other_length];
}

struct name_search name_search_start(const char *wanted)
{
        /* A third of the letters may be wrong; one in a short name. */
        return (struct name_search){.wanted = wanted, .distance = strlen(wanted) / 3 + 1};
}

void name_search_offer(struct name_search *search, const char *candidate)
{
        size_t distance = name_distance(search->wanted, candidate);

        if (distance < search->distance) {
                search->distance = distance;
                search->nearest = candidate;
        }
}
