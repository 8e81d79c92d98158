/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a task. A task may end and its number be used again at any time: who acts on an answer
 * asks caller->alive() afterwards. */
#ifndef FLICKER_PROC_H
#define FLICKER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Process id of thread tid; -ESRCH. */
pid_t proc_tgid(pid_t tid);
/* Parent's process id; -ESRCH. */
pid_t proc_parent(pid_t pid);
/* Who traces thread tid; 0: nobody; -ESRCH. */
pid_t proc_tracer(pid_t tid);
/* "comm", NUL-terminated; "?" where the task is gone. */
void proc_comm(pid_t pid, char out[16]);
/* The ELF interpreter that the kernel mapped with the program, and the path that it shows for it (with
 * newlines escaped), allocated; NULL where there is none. Later mappings can hide it. 0 or -errno. */
struct proc_mapped {
        dev_t device;
        ino_t inode;
        char *path;
};
void proc_mapped_finish(struct proc_mapped *mapped);
int proc_interpreter(pid_t tid, struct proc_mapped *ret_mapped);
/* A number that is the same for all processes of one image, made by one exec, and for no others but by
 * chance; 0 where it cannot be told. */
uint64_t proc_image_mark(pid_t tid);
/* Identity of the executable file; -errno. */
int proc_exe(pid_t tid, dev_t *ret_device, ino_t *ret_inode);
/* Is tid a thread of process pid? */
bool proc_is_thread(pid_t pid, pid_t tid);
/* Is pid below root in the tree of processes (root not counted)? */
bool proc_is_descendant(pid_t pid, pid_t root);

#endif
