/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/images.h"

#include <stdlib.h>
#include <string.h>

#include "broker/proc.h"

uint64_t images_note(struct images *images, pid_t tid, const char *path)
{
        uint64_t mark = proc_image_mark(tid);
        struct image_of_agent *image;

        if (!images->list)
                images->list = calloc(IMAGES_MAX, sizeof *images->list);
        if (!images->list || mark == 0)
                return mark;
        image = &images->list[images->next++ % IMAGES_MAX];
        free(image->path);
        image->path = strdup(path);
        image->mark = mark;
        return mark;
}

/* The latest comes first: a script's image greets twice. */
const char *images_find(const struct images *images, pid_t tid)
{
        uint64_t mark = images->list ? proc_image_mark(tid) : 0;

        for (unsigned i = 1; mark && i <= IMAGES_MAX; i++) {
                const struct image_of_agent *image = &images->list[(images->next - i) % IMAGES_MAX];

                if (image->mark == mark)
                        return image->path;
        }
        return NULL;
}

void images_finish(struct images *images)
{
        for (unsigned i = 0; images->list && i < IMAGES_MAX; i++)
                free(images->list[i].path);
        free(images->list);
}
