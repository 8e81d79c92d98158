/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner gives up every right before it reads a byte of a foreign file. */
#ifndef FLICKER_PLAN_SCAN_CONFINE_H
#define FLICKER_PLAN_SCAN_CONFINE_H

#define CONFINE_CPU_SECONDS  20u
#define CONFINE_MEMORY_BYTES (1ull << 30)

/* From here on the process can read input_fd, write output_fd and message_fd (which may be the same), get
 * memory and exit. 0 or -errno; then nothing is to be read. Landlock is applied where the kernel has it; the
 * seccomp filter always. */
int confine(int input_fd, int output_fd, int message_fd);

#endif
