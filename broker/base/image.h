/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data structures as one piece of memory that can lie anywhere: written to a file by one run and mapped by
 * the next. What points to something in the image is stored as its distance from the image's beginning.
 */
#ifndef FLICKER_BASE_IMAGE_H
#define FLICKER_BASE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#define IMAGE_ALIGNMENT 16u /* of everything added, given that the image itself is */

/* Zero-initialised is empty and ready. */
struct image {
        unsigned char *bytes; /* allocated */
        size_t size, room;
        bool failed; /* memory was out: nothing in it counts */
};

/* A copy of size bytes at the end. Returns its distance from the beginning, dressed as the pointer that it is
 * to stand for; NULL for NULL. */
void *image_add(struct image *image, const void *data, size_t size);
char *image_add_text(struct image *image, const char *text);

/* The other way: what a stored pointer stands for, in the image at base. NULL for NULL. */
void *image_at(const void *base, const void *stored);

#endif
