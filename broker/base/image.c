/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first bytes stay free, so that no distance is NULL. */
static bool make_room(struct image *image, size_t size)
{
        size_t wanted = image->room ? image->room : 4096;
        unsigned char *larger;

        if (image->failed || size > SIZE_MAX / 4)
                return false;
        while (wanted < image->size + size + 2 * IMAGE_ALIGNMENT)
                wanted *= 2;
        if (wanted == image->room)
                return true;
        larger = realloc(image->bytes, wanted);
        if (!larger)
                return false;
        memset(larger + image->room, 0, wanted - image->room);
        image->bytes = larger;
        image->room = wanted;
        return true;
}

void *image_add(struct image *image, const void *data, size_t size)
{
        size_t at;

        if (!data)
                return NULL;
        if (!make_room(image, size)) {
                image->failed = true;
                return NULL;
        }
        at = image->size ? image->size : IMAGE_ALIGNMENT;
        memcpy(image->bytes + at, data, size);
        image->size = (at + size + IMAGE_ALIGNMENT - 1) & ~(size_t)(IMAGE_ALIGNMENT - 1);
        return (void *)at;
}

char *image_add_text(struct image *image, const char *text)
{
        return image_add(image, text, text ? strlen(text) + 1 : 0);
}

void *image_at(const void *base, const void *stored)
{
        return stored ? (unsigned char *)base + (uintptr_t)stored : NULL;
}
