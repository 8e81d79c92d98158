/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes: a resource is let go where its variable ends, errno untouched. */
#ifndef FLICKER_BASE_CLEANUP_H
#define FLICKER_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer_address)
{
        free(*(void **)pointer_address);
}

static inline void cleanup_close(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        errno = saved;
}

static inline void cleanup_fclose(FILE **stream)
{
        int saved = errno;

        if (*stream)
                fclose(*stream);
        errno = saved;
}

#define _cleanup_free_   __attribute__((cleanup(cleanup_free)))
#define _cleanup_close_  __attribute__((cleanup(cleanup_close)))
#define _cleanup_fclose_ __attribute__((cleanup(cleanup_fclose)))

/* Hands a descriptor on: the variable forgets it. */
static inline int fd_take(int *fd)
{
        int taken = *fd;

        *fd = -1;
        return taken;
}

#endif
