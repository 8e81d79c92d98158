/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a task. A task may end and its number be used again at any time: who acts on an answer
 * asks caller->alive() afterwards. */
#ifndef FLICKER_PROC_H
#define FLICKER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Process id of thread tid; -ESRCH. */
pid_t proc_tgid(pid_t tid);
/* Parent's process id; -ESRCH. */
pid_t proc_parent(pid_t pid);
/* Who traces thread tid; 0: nobody; -ESRCH. */
pid_t proc_tracer(pid_t tid);
/* "comm", NUL-terminated; "?" where the task is gone. */
void proc_comm(pid_t pid, char out[16]);
/* Identity of the executable file; -errno. */
int proc_exe(pid_t tid, dev_t *ret_device, ino_t *ret_inode);
/* Is tid a thread of process pid? */
bool proc_is_thread(pid_t pid, pid_t tid);
/* Is pid below root in the tree of processes (root not counted)? */
bool proc_is_descendant(pid_t pid, pid_t root);

#endif
