/* SPDX-License-Identifier: Apache-2.0 */
/* What the caches on disk, and what fills them, need of the file system. */
#ifndef FLICKER_FILES_H
#define FLICKER_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the directories that lead to path and path itself, all 0700; what exists is left alone. Is path there
 * now? */
bool files_make_directories(const char *path);
/* May this process write a file of size bytes? A write past its limit would not only fail, but send a signal
 * that kills. */
bool files_size_allowed(size_t size);

/* Writes all of data (size bytes) to fd. 0 or -errno. */
int files_write_whole(int fd, const void *data, size_t size);

#endif
