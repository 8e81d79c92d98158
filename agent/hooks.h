/* SPDX-License-Identifier: Apache-2.0 */
/* Syscalls that the agent has a part in itself: mapping and unmapping code, executing programs, and the few
 * that would show the agent where the program should be. */
#ifndef FLICKER_AGENT_HOOKS_H
#define FLICKER_AGENT_HOOKS_H

#include "agent/gate.h"

/* mmap, munmap, mremap, execve, execveat; newfstatat(fd, "", buffer, AT_EMPTY_PATH), which is fstat(fd,
 * buffer) and that nobody mediates; sendmsg; rt_sigaction; seccomp and prctl. A hook is started over after a
 * signal, see gate.h.
 */
enum ag_outcome ag_hook(struct ag_frame *frame);

/* The frame's syscall, which takes a path, ran natively with this result. Where the path is "/proc/self/exe"
 * it met the agent: finishes the frame with what the program should have got. Else AG_NATIVE. */
enum ag_outcome ag_hook_exe(struct ag_frame *frame, long result);

#endif
