/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a sandbox that the broker has to remember something about: an exec under way, the program
 * run by way of the agent, a ring. Others are known by their notifications alone and have no entry. Entries
 * are made for live processes, pinned by a pidfd, and swept once those have ended.
 */
#ifndef FLICKER_PROCESS_H
#define FLICKER_PROCESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/exec.h"
#include "broker/intake/ring_view.h"
#include "broker/proc.h"

#define PROCESS_BUCKETS       256
#define PROCESS_ANCESTORS_MAX 64 /* that are asked which program a forked process runs */
/* What one sandbox may make its broker remember. One more process that executes fails with EAGAIN, as it does
 * at a limit on processes; one more that wants a ring goes without. */
#define PROCESS_MAX       4096
#define PROCESS_RINGS_MAX 1024
#define PROCESS_EXECS_MAX 16 /* threads of one process that exec at the same time */

/* A ring, shared by its process's entry and the poller: the last one to let go destroys it. */
struct process_ring {
        atomic_uint references;
        atomic_bool gone;      /* its process ended or runs another image: not served any more */
        atomic_bool suspended; /* an exec is under way: answered NATIVE until the new image is known */
        atomic_bool polled;    /* the poller has it */
        struct ring_view *view;
        pid_t pid;
        int pidfd; /* its own */
};

/* An exec that was approved and let go on, until the new image shows itself or the thread asks for something
 * else. */
struct pending_exec {
        struct pending_exec *next;
        pid_t tid;     /* the thread that asked */
        bool by_agent; /* the image has to be the agent; else the approved file itself */
        struct exec_program program;
};

struct process {
        struct process *next; /* in its bucket */
        pid_t pid;
        int pidfd;

        struct pending_exec *execs; /* one a thread, the latest first */
        dev_t old_device;           /* what the process ran when the first of them asked */
        ino_t old_inode;
        struct proc_mapped old_interpreter;

        char *exe_path;      /* the program that runs by way of the agent; NULL where there is none */
        uint64_t image_mark; /* of what asked for the latest exec by an agent, or has said hello since
                                (proc.h) */
        bool may_describe;   /* an agent has said hello, and not yet described the program to the kernel */

        struct process_ring *ring;
        /* How often it asks (for the poller). */
        uint64_t window_start_ns;
        unsigned window_count;
};

struct process_table {
        pid_t root;           /* ancestor of all, which is none of them */
        pthread_mutex_t lock; /* guards every entry; held for short, never while asking the kernel to wait */
        struct process *buckets[PROCESS_BUCKETS];
        unsigned count, created;
        unsigned rings;         /* of the entries */
        unsigned execs_pending; /* entries with execs; read without the lock as a hint */
};

void process_table_init(struct process_table *table, pid_t root);
void process_table_finish(struct process_table *table);

/* With the lock held. find: NULL where pid has no entry or its process has ended. make: creates it. */
struct process *process_find(struct process_table *table, pid_t pid);
/* The same without asking whether it still lives: for hints that may be wrong. */
struct process *process_peek(struct process_table *table, pid_t pid);
/* What process runs by way of the agent; NULL: nothing. Where memory is out, nobody will know. */
void process_set_program(struct process *process, const char *path);
/* The path of the program that pid runs, as far as it is known: its own, or, of one that forked and did not
 * exec, its nearest ancestor's that has one; NULL where there is none. Valid while the lock is held. */
const char *process_program(struct process_table *table, pid_t pid);
/* -EAGAIN where there are PROCESS_MAX. */
int process_make(struct process_table *table, pid_t pid, struct process **ret_process);
struct pending_exec *process_exec_of(struct process *process, pid_t tid);
/* Puts exec in place of what its thread had pending. -EAGAIN where too many threads exec. */
int process_add_exec(struct process_table *table, struct process *process, struct pending_exec *exec);
void process_drop_exec(struct process_table *table, struct process *process, pid_t tid);
/* Those of threads that are gone: they exec no more. */
void process_drop_dead_execs(struct process_table *table, struct process *process);
void process_drop_execs(struct process_table *table, struct process *process);
/* A new one, in place of any it has. -ENOSPC where there are PROCESS_RINGS_MAX. */
int process_give_ring(struct process_table *table, struct process *process);
void process_drop_ring(struct process_table *table, struct process *process);

/* Any thread. */
void pending_exec_destroy(struct pending_exec *exec);
void process_ring_unref(struct process_ring *ring);

#endif
