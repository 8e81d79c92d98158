/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program an image of the agent runs, told by the image itself: the kernel's copy of its auxiliary
 * vector has random addresses (of the vDSO and of the stack), is made by the exec, and passes on to all that
 * are forked from it. So it is found for a process whose parents are gone, too. It grants nothing; a program
 * that says hello in an agent's stead is taken for another that it may run.
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

/* The image of thread tid runs the program at path. Where memory is out, nobody will know. Returns its mark.
 */
uint64_t images_note(struct images *images, pid_t tid, const char *path);
/* NULL where it is not known. */
const char *images_find(const struct images *images, pid_t tid);
void images_finish(struct images *images);

#endif
