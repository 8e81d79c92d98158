/* SPDX-License-Identifier: Apache-2.0 */
/* A target's memory, by thread id. Everything read is hostile; the thread may be gone or another by the time
 * a call returns, so the reader asks caller->alive() before it believes what it got. */
#ifndef FLICKER_INTAKE_TARGET_MEMORY_H
#define FLICKER_INTAKE_TARGET_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads exactly size bytes. 0, -EFAULT (unmapped, or not readable to the end), -ESRCH, -EPERM. */
int target_read(pid_t tid, uint64_t address, void *out, size_t size);

/* Reads a NUL-terminated string of at most size bytes, NUL included, never touching a page beyond the NUL's.
 * The length without NUL; -EFAULT; -ENAMETOOLONG where no NUL is in size bytes. */
ssize_t target_read_string(pid_t tid, uint64_t address, char *out, size_t size);

struct iovec;

/* Reads size bytes from the pieces of a vector (at most 1024, the target's addresses), in order; size may be
 * less than they hold. 0, -EFAULT, -ESRCH, -EPERM. */
int target_read_vector(pid_t tid, const struct iovec *pieces, unsigned count, void *out, size_t size);

/* Writes size bytes, honouring the protection of the target's pages. 0, -EFAULT, -ESRCH, -EPERM. */
int target_write(pid_t tid, uint64_t address, const void *data, size_t size);

#endif
