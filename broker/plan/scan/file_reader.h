/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a file's bytes into memory: all of a small one; of a large one what the scanner looks at, since
 * most of a large one is debugging information. Only pread(2), by a process that can do little else.
 */
#ifndef FLICKER_PLAN_SCAN_FILE_READER_H
#define FLICKER_PLAN_SCAN_FILE_READER_H

#include <stddef.h>
#include <stdint.h>

#define FILE_READ_WHOLE_MAX (64u << 20) /* bytes of a file that is read as it is */
#define FILE_READ_FRONT     (64u << 10) /* bytes in front that hold the headers of a larger one */

/* Fills buffer, size bytes of zeroes, from the file of that size at fd; what is not needed stays zero. 0;
 * -ENODATA where the file is shorter than that; -errno of pread. */
int file_read(int fd, uint8_t *buffer, size_t size);

#endif
