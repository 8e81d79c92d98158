/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program an image of the agent runs, told by the image itself: the kernel's copy of its auxiliary
 * vector has random addresses, is made by the exec, and passes on to all that are forked from it. So it is
 * found for a process whose parents are gone, too. It grants nothing; a program that changes its own vector
 * (PR_SET_MM_MAP) is told of another program that it ran, or of the agent.
 */
#ifndef FLICKER_IMAGES_H
#define FLICKER_IMAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IMAGES_MAX 4096 /* that are remembered; then the oldest is forgotten */

/* Zero-initialised is empty. Guarded by the lock of its owner. */
struct images {
        struct image_of_agent {
                uint64_t mark;
                char *path;
        } * list; /* allocated with the first */
        unsigned next;
};

/* The image of thread tid runs the program at path. Where memory is out, nobody will know. */
void images_note(struct images *images, pid_t tid, const char *path);
/* NULL where it is not known. */
const char *images_find(const struct images *images, pid_t tid);
void images_finish(struct images *images);

#endif
