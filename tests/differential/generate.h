/* SPDX-License-Identifier: Apache-2.0 */
/* Within the generator of cases: arguments that are no paths. */
#ifndef FLICKER_TESTS_DIFFERENTIAL_GENERATE_H
#define FLICKER_TESTS_DIFFERENTIAL_GENERATE_H

#include "tests/differential/case.h"

#define OPEN_TMPFILE 020000000 /* without O_DIRECTORY */

long make_number(struct chance *chance, char letter);
void make_structures(struct chance *chance, struct thing *thing);

#endif
