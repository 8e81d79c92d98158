/* SPDX-License-Identifier: Apache-2.0 */
/* Who does the cases: the program that runs natively, or in the sandbox. */
#ifndef FLICKER_TESTS_DIFFERENTIAL_ACTOR_H
#define FLICKER_TESTS_DIFFERENTIAL_ACTOR_H

#include "tests/differential/case.h"

struct scene { /* of one round, for all that act in it */
        const struct round *round;
        const char *root; /* absolute path of the tree */
        dev_t device;     /* the tree's */
        uint64_t skip;    /* bit i: case i is left out */
        FILE *log;
};

/* A raw syscall, by an instruction that a rewriter finds, or by one that it cannot know of. */
long raw_patched(long nr, const long args[6]);
long raw_unpatched(long nr, const long args[6]);

/* Does the case, and writes a line of what came of it. */
void thing_do(const struct scene *scene, unsigned index);

/* Serves rounds that come over FD_CONTROL until it ends. */
int actor_main(uint64_t seed, const char *root, uint64_t skip);

/* What can be seen of the file at fd, in one line without what differs between two runs. */
void describe_opened(const struct scene *scene, int fd);

/* Writes text of any bytes in one line; the tree's root becomes %, the process's numbers @. */
void print_text(const struct scene *scene, FILE *out, const char *text, size_t length);

#endif
