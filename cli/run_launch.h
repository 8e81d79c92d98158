/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three processes of a sandbox's start share: the broker (flicker-run itself), the guardian, and the
 * child that becomes the program. Guardian and child are started when all is decided, since the Landlock
 * domain that the broker enters by then has to be around theirs. So there are two parts: struct run_launch is
 * filled before, and each of the two sides goes on with its own; struct launch_state is in memory that all
 * three have.
 */
#ifndef FLICKER_CLI_RUN_LAUNCH_H
#define FLICKER_CLI_RUN_LAUNCH_H

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "broker/enforce/filter.h"
#include "cli/run_charge.h"

/* How far the child came. */
enum child_stage {
        CHILD_STAGE_SETUP = 0, /* signals, limits, no_new_privs */
        CHILD_STAGE_LANDLOCK,
        CHILD_STAGE_FILTER,
        CHILD_STAGE_AGENT,   /* executing the agent */
        CHILD_STAGE_PROGRAM, /* executing the program */
};

#define LAUNCH_NO_LISTENER 0 /* launch_state.listener holds the descriptor's number plus one */

/* Once the filter stands the child may not make a syscall to report anything (the filter may send it to a
 * broker that does not listen yet), hence shared memory and, for the wake-up, close(2), which no filter of
 * ours ever mediates. */
struct launch_state {
        pid_t guardian; /* written by itself */
        /* Written by the child; by the guardian where there is none: -errno. */
        pid_t child;       /* its process id */
        uint32_t listener; /* release/acquire pair with run_start.c */
        uint32_t stage;    /* enum child_stage */
        int32_t error;     /* positive errno where the child gave up at stage */
};

struct run_launch {
        const char *path;        /* of the program */
        char **arguments;        /* argv for the program */
        char **shell;            /* argv for /bin/sh where execve says ENOEXEC, or NULL */
        char **environment;      /* of the program */
        const char *agent;       /* the agent's path, or NULL where the program goes without */
        const char *tmpdir;      /* to be removed at the end, or NULL */
        struct ipc_objects *ipc; /* what the sandbox made of System V IPC and message queues */
        const struct filter *filter;
        int ruleset; /* Landlock, of the sandbox within the broker's domain */

        /* As flicker-run was started: what the program is to find. */
        struct rlimit open_files;
        sigset_t signal_mask;
        struct sigaction child_action;
        cpu_set_t cpus;

        int control_broker; /* the broker's end of the pair in charge */
        int lifeline;       /* the child's end of a pipe: hanging up there kills it */
        int lifeline_broker;
        int ready; /* the child's end of a pipe: end-of-file there says "look at state" */
        int ready_broker;
        struct launch_state *state;
        struct run_charge charge; /* for the guardian's next image; child and has_ended are the guardian's */
};

#endif
