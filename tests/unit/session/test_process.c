/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/proc.h"
#include "broker/process.h"

static pid_t sleeper(void)
{
        pid_t pid = fork();

        if (pid == 0) {
                pause();
                _exit(0);
        }
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static struct pending_exec *exec_of(pid_t tid)
{
        struct pending_exec *exec = calloc(1, sizeof *exec);

        exec->tid = tid;
        exec_program_init(&exec->program);
        return exec;
}

/* One thread's exec says nothing about another's. */
Test(process, execs_are_a_threads)
{
        struct process_table table;
        struct process *process;
        pid_t pid = sleeper();

        process_table_init(&table, 0);
        cr_assert_eq(process_make(&table, pid, &process), 0);
        cr_assert_eq(process_add_exec(&table, process, exec_of(pid)), 0);
        cr_assert_eq(process_add_exec(&table, process, exec_of(0x3ffffff0)), 0);
        cr_assert_eq(process_add_exec(&table, process, exec_of(pid)), 0);
        cr_assert_eq(table.execs_pending, 1);
        process_drop_dead_execs(&table, process);
        cr_assert_null(process_exec_of(process, 0x3ffffff0));
        cr_assert_not_null(process_exec_of(process, pid));
        process_drop_exec(&table, process, pid);
        cr_assert_null(process->execs);
        cr_assert_eq(table.execs_pending, 0);
        /* Of threads that are gone there is no end. */
        for (pid_t i = 0; i < 4 * PROCESS_EXECS_MAX; i++)
                cr_assert_eq(process_add_exec(&table, process, exec_of(0x3ffffff0 + i)), 0);
        end(pid);
        process_table_finish(&table);
}

Test(process, entry_ends_with_its_process)
{
        struct process_table table;
        struct process *process, *again;
        pid_t pid = sleeper();

        process_table_init(&table, 0);
        cr_assert_eq(process_make(&table, pid, &process), 0);
        cr_assert_eq(process_make(&table, pid, &again), 0);
        cr_assert_eq(process, again);
        cr_assert_eq(process_find(&table, pid), process);
        cr_assert_eq(process_add_exec(&table, process, exec_of(pid)), 0);
        cr_assert_eq(table.execs_pending, 1);
        end(pid);
        cr_assert_null(process_find(&table, pid));
        cr_assert_eq(table.execs_pending, 0);
        cr_assert_eq(table.count, 0);
        process_table_finish(&table);
}

Test(process, table_is_swept)
{
        struct process_table table;
        struct process *process;

        process_table_init(&table, 0);
        for (unsigned i = 0; i < 200; i++) {
                pid_t pid = sleeper();

                cr_assert_eq(process_make(&table, pid, &process), 0);
                end(pid);
                cr_assert_lt(table.count, 64);
        }
        process_table_finish(&table);
}

/* Counted as if others had them: so many processes take too long to start. */
Test(process, number_is_bounded)
{
        struct process_table table;
        struct process *process;
        pid_t pid = sleeper();

        process_table_init(&table, 0);
        table.count = PROCESS_MAX - 1;
        cr_assert_eq(process_make(&table, getpid(), &process), 0);
        cr_assert_eq(process_make(&table, pid, &process), -EAGAIN);
        cr_assert_null(process_peek(&table, pid));
        cr_assert_eq(process_make(&table, getpid(), &process), 0, "it is there already");
        table.rings = PROCESS_RINGS_MAX - 1;
        cr_assert_eq(process_give_ring(&table, process), 0);
        cr_assert_eq(process_give_ring(&table, process), 0, "in place of the one it has");
        cr_assert_eq(table.rings, PROCESS_RINGS_MAX);
        process_drop_ring(&table, process);
        table.rings = PROCESS_RINGS_MAX;
        cr_assert_eq(process_give_ring(&table, process), -ENOSPC);
        cr_assert_null(process->ring);
        end(pid);
        process_table_finish(&table);
}

Test(process, full_table_is_swept_first)
{
        struct process_table table;
        struct process *process;
        pid_t pid = sleeper();

        process_table_init(&table, 0);
        cr_assert_eq(process_make(&table, pid, &process), 0);
        table.count = PROCESS_MAX;
        end(pid);
        cr_assert_eq(process_make(&table, getpid(), &process), 0);
        process_table_finish(&table);
}

Test(process, ring_outlives_its_entry)
{
        struct process_table table;
        struct process *process;
        struct process_ring *ring;

        process_table_init(&table, 0);
        cr_assert_eq(process_make(&table, getpid(), &process), 0);
        cr_assert_eq(process_give_ring(&table, process), 0);
        ring = process->ring;
        atomic_fetch_add(&ring->references, 1);
        cr_assert_eq(process_add_exec(&table, process, exec_of(getpid())), 0);
        cr_assert(ring->suspended);
        process_drop_ring(&table, process);
        cr_assert(ring->gone);
        cr_assert_eq(ring->view->owner, getpid());
        process_ring_unref(ring);
        process_table_finish(&table);
}

Test(proc, facts)
{
        char comm[16];
        dev_t device;
        ino_t inode;

        cr_assert_eq(proc_tgid(getpid()), getpid());
        cr_assert_eq(proc_parent(getpid()), getppid());
        cr_assert(proc_is_thread(getpid(), getpid()));
        cr_assert_not(proc_is_thread(getpid(), getppid()));
        cr_assert(proc_is_descendant(getpid(), getppid()));
        cr_assert_not(proc_is_descendant(getppid(), getpid()));
        cr_assert_eq(proc_exe(getpid(), &device, &inode), 0);
        proc_comm(getpid(), comm);
        cr_assert_str_neq(comm, "?");
        cr_assert_eq(proc_tgid(0x3ffffff0), -ESRCH);
}

Test(process, a_forked_process_runs_its_ancestors_program)
{
        struct process_table table;
        struct process *parent, *child;
        pid_t pid;

        process_table_init(&table, 0);
        cr_assert_eq(process_make(&table, getpid(), &parent), 0);
        process_set_program(parent, "/bin/program");
        pid = fork();
        if (pid == 0) {
                pause();
                _exit(0);
        }
        cr_assert_eq(process_make(&table, pid, &child), 0);
        cr_assert_str_eq(process_program(&table, pid), "/bin/program");
        process_set_program(parent, NULL);
        cr_assert_null(process_program(&table, pid));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        process_table_finish(&table);
}
