/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a round: made before it, opened for the actor, and described after it, all outside the
 * sandbox. */
#ifndef FLICKER_TESTS_DIFFERENTIAL_TREE_H
#define FLICKER_TESTS_DIFFERENTIAL_TREE_H

#include <stdio.h>

#include "tests/differential/case.h"

/* Where in directory the tree will be: so deep that no ".." leads out of directory. */
void tree_place(const char *directory, char root[PATH_MAX]);

/* Makes the tree anew, and the directories above it. */
void tree_make(const char *root);

/* Opens what an actor begins with: fds[i] is to become FD_FIRST + i. */
void tree_open(const char *root, int fds[FD_END - FD_FIRST]);

/* A line for each file: all that can be seen of it, but what differs between two runs anyway. */
void tree_describe(const char *root, FILE *out);

void tree_remove(const char *root);

#endif
