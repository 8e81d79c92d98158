/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/proc.h"

#define SWEEP_EVERY 32 /* entries created between two sweeps */

void process_table_init(struct process_table *table, pid_t root)
{
        memset(table, 0, sizeof *table);
        table->root = root;
        pthread_mutex_init(&table->lock, NULL);
}

static struct process **bucket_of(struct process_table *table, pid_t pid)
{
        return &table->buckets[(unsigned)pid % PROCESS_BUCKETS];
}

void process_ring_unref(struct process_ring *ring)
{
        if (atomic_fetch_sub(&ring->references, 1) != 1)
                return;
        ring_view_destroy(ring->view);
        close(ring->pidfd);
        free(ring);
}

void process_drop_ring(struct process_table *table, struct process *process)
{
        if (!process->ring)
                return;
        atomic_store(&process->ring->gone, true);
        process_ring_unref(process->ring);
        process->ring = NULL;
        table->rings--;
}

int process_give_ring(struct process_table *table, struct process *process)
{
        struct process_ring *ring;
        int r;

        process_drop_ring(table, process);
        if (table->rings >= PROCESS_RINGS_MAX)
                return -ENOSPC;
        ring = calloc(1, sizeof *ring);
        if (!ring)
                return -ENOMEM;
        ring->pidfd = fcntl(process->pidfd, F_DUPFD_CLOEXEC, 3);
        r = ring->pidfd < 0 ? -errno : ring_view_create(process->pid, &ring->view);
        if (r < 0) {
                if (ring->pidfd >= 0)
                        close(ring->pidfd);
                free(ring);
                return r;
        }
        atomic_store(&ring->references, 1);
        ring->pid = process->pid;
        process->ring = ring;
        table->rings++;
        return 0;
}

void pending_exec_destroy(struct pending_exec *exec)
{
        if (!exec)
                return;
        exec_program_finish(&exec->program);
        free(exec);
}

struct pending_exec *process_exec_of(struct process *process, pid_t tid)
{
        struct pending_exec *exec = process->execs;

        while (exec && exec->tid != tid)
                exec = exec->next;
        return exec;
}

static void drop_exec_at(struct process_table *table, struct process *process, struct pending_exec **link)
{
        struct pending_exec *exec = *link;

        *link = exec->next;
        pending_exec_destroy(exec);
        if (process->execs)
                return;
        if (process->ring)
                atomic_store(&process->ring->suspended, false);
        __atomic_sub_fetch(&table->execs_pending, 1, __ATOMIC_RELAXED);
}

void process_drop_exec(struct process_table *table, struct process *process, pid_t tid)
{
        for (struct pending_exec **link = &process->execs; *link; link = &(*link)->next)
                if ((*link)->tid == tid) {
                        drop_exec_at(table, process, link);
                        return;
                }
}

void process_drop_dead_execs(struct process_table *table, struct process *process)
{
        struct pending_exec **link = &process->execs;

        while (*link)
                if (proc_is_thread(process->pid, (*link)->tid))
                        link = &(*link)->next;
                else
                        drop_exec_at(table, process, link);
}

void process_drop_execs(struct process_table *table, struct process *process)
{
        while (process->execs)
                drop_exec_at(table, process, &process->execs);
}

static unsigned count_execs(const struct process *process)
{
        unsigned count = 0;

        for (const struct pending_exec *exec = process->execs; exec; exec = exec->next)
                count++;
        return count;
}

int process_add_exec(struct process_table *table, struct process *process, struct pending_exec *exec)
{
        process_drop_exec(table, process, exec->tid);
        if (count_execs(process) >= PROCESS_EXECS_MAX)
                process_drop_dead_execs(table, process);
        if (count_execs(process) >= PROCESS_EXECS_MAX)
                return -EAGAIN;
        if (!process->execs)
                __atomic_add_fetch(&table->execs_pending, 1, __ATOMIC_RELAXED);
        exec->next = process->execs;
        process->execs = exec;
        if (process->ring)
                atomic_store(&process->ring->suspended, true);
        return 0;
}

void process_set_program(struct process *process, const char *path)
{
        free(process->exe_path);
        process->exe_path = path ? strdup(path) : NULL;
}

static void destroy(struct process_table *table, struct process *process)
{
        process_drop_execs(table, process);
        process_drop_ring(table, process);
        close(process->pidfd);
        proc_mapped_finish(&process->old_interpreter);
        free(process->exe_path);
        free(process);
        table->count--;
}

static bool has_ended(const struct process *process)
{
        struct pollfd pollfd = {.fd = process->pidfd, .events = POLLIN};

        return poll(&pollfd, 1, 0) != 0; /* readable, or an error: either way no longer ours */
}

static void sweep(struct process_table *table)
{
        for (unsigned i = 0; i < PROCESS_BUCKETS; i++) {
                struct process **link = &table->buckets[i];

                while (*link) {
                        struct process *process = *link;

                        if (!has_ended(process)) {
                                link = &process->next;
                                continue;
                        }
                        *link = process->next;
                        destroy(table, process);
                }
        }
}

struct process *process_find(struct process_table *table, pid_t pid)
{
        for (struct process **link = bucket_of(table, pid); *link; link = &(*link)->next) {
                struct process *process = *link;

                if (process->pid != pid)
                        continue;
                if (!has_ended(process))
                        return process;
                *link = process->next;
                destroy(table, process);
                return NULL;
        }
        return NULL;
}

struct process *process_peek(struct process_table *table, pid_t pid)
{
        struct process *process = *bucket_of(table, pid);

        while (process && process->pid != pid)
                process = process->next;
        return process;
}

const char *process_program(struct process_table *table, pid_t pid)
{
        for (unsigned i = 0; pid > 1 && pid != table->root && i < PROCESS_ANCESTORS_MAX; i++) {
                const struct process *process = process_peek(table, pid);

                if (process && process->exe_path)
                        return process->exe_path;
                pid = proc_parent(pid);
        }
        return NULL;
}

int process_make(struct process_table *table, pid_t pid, struct process **ret_process)
{
        struct process *process = process_find(table, pid);

        if (process) {
                *ret_process = process;
                return 0;
        }
        if (++table->created % SWEEP_EVERY == 0 || table->count >= PROCESS_MAX)
                sweep(table);
        if (table->count >= PROCESS_MAX)
                return -EAGAIN;

        process = calloc(1, sizeof *process);
        if (!process)
                return -ENOMEM;
        process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (process->pidfd < 0) {
                int error = errno;

                free(process);
                return -error;
        }
        process->pid = pid;
        process->next = *bucket_of(table, pid);
        *bucket_of(table, pid) = process;
        table->count++;
        *ret_process = process;
        return 0;
}

void process_table_finish(struct process_table *table)
{
        for (unsigned i = 0; i < PROCESS_BUCKETS; i++) {
                while (table->buckets[i]) {
                        struct process *process = table->buckets[i];

                        table->buckets[i] = process->next;
                        destroy(table, process);
                }
        }
        pthread_mutex_destroy(&table->lock);
}
