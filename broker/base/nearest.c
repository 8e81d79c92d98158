/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/nearest.h"

#include <ctype.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
        return a < b ? a : b;
}

/* Edits (insert, remove, replace, swap neighbours) that turn a into b, case aside: the optimal string
 * alignment distance, three rows of the table at a time. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
        unsigned rows[3][NEAREST_LENGTH_MAX + 1];

        for (size_t j = 0; j <= b_length; j++)
                rows[0][j] = (unsigned)j;
        for (size_t i = 1; i <= a_length; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= b_length; j++) {
                        int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

                        row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
                        if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                            y == tolower((unsigned char)a[i - 2]))
                                row[j] = least(row[j], before[j - 2] + 1);
                }
        }
        return rows[a_length % 3][b_length];
}

void nearest_init(struct nearest *nearest, const char *wanted)
{
        size_t length = strlen(wanted);

        nearest->wanted = wanted;
        nearest->name = NULL;
        nearest->distance = length < 3 ? 2 : length < 6 ? 3 : 4; /* one more than what still counts as near */
}

void nearest_consider(struct nearest *nearest, const char *name)
{
        size_t wanted_length = strlen(nearest->wanted), length = strlen(name);
        unsigned d;

        if (wanted_length > NEAREST_LENGTH_MAX || length > NEAREST_LENGTH_MAX)
                return;
        d = distance(nearest->wanted, wanted_length, name, length);
        if (d < nearest->distance && d < length) {
                nearest->distance = d;
                nearest->name = name;
        }
}

const char *nearest_of(const char *wanted, const char *const *names, size_t count)
{
        struct nearest nearest;

        nearest_init(&nearest, wanted);
        for (size_t i = 0; i < count; i++)
                nearest_consider(&nearest, names[i]);
        return nearest.name;
}
