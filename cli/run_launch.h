/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flicker-run prepares before it forks, and what its three processes share: the broker (flicker-run
 * itself), the guardian, and the child that becomes the program. Everything here is filled by the broker
 * before the fork and read-only afterwards, but for struct launch_state, a page that all three map until the
 * program is executed.
 */
#ifndef FLICKER_CLI_RUN_LAUNCH_H
#define FLICKER_CLI_RUN_LAUNCH_H

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "broker/enforce/filter.h"

/* How far the child came. */
enum child_stage {
        CHILD_STAGE_SETUP = 0, /* signals, limits, parent-death signal, no_new_privs */
        CHILD_STAGE_LANDLOCK,
        CHILD_STAGE_FILTER,
        CHILD_STAGE_APPROVE, /* asking the broker for leave to execute the program */
        CHILD_STAGE_AGENT,   /* executing the agent */
        CHILD_STAGE_PROGRAM, /* executing the program */
};

#define LAUNCH_NO_LISTENER 0 /* launch_state.listener holds the descriptor's number plus one */

/* Written by the child, but for guardian_child; read by the broker. Once the filter stands the child may not
 * make a syscall to report anything (the filter may send it to a broker that does not listen yet), hence
 * shared memory and, for the wake-up, close(2), which no filter of ours ever mediates. */
struct launch_state {
        pid_t child;       /* written by the guardian: the child's process id, or -errno of fork */
        uint32_t listener; /* release/acquire pair with run_supervise.c */
        uint32_t stage;    /* enum child_stage */
        int32_t error;     /* positive errno where the child gave up at stage */
};

struct run_launch {
        const char *path;  /* of the program */
        char **arguments;  /* argv for the program */
        char **shell;      /* argv for /bin/sh where execve says ENOEXEC, or NULL */
        const char *agent; /* the agent's path, or NULL */
        const struct filter *filter;
        int ruleset_fd;
        const char *tmpdir; /* to remove at the end, or NULL */

        /* As flicker-run was started: what the program is to find. */
        struct rlimit open_files;
        sigset_t signal_mask;
        struct sigaction child_action;

        pid_t broker;
        int broker_pidfd;
        int control;        /* the guardian's end */
        int control_broker; /* the broker's end */
        int ready;          /* the child's end of a pipe: end-of-file there says "look at state" */
        int ready_broker;
        struct launch_state *state;

        char *command_line; /* flicker-run's own argv in memory, for the guardian to overwrite */
        size_t command_line_size;
};

/* Messages over the control socket (SOCK_SEQPACKET). */
enum control_kind {
        CONTROL_ENDED = 1, /* guardian: the program ended; value is its wait status */
        CONTROL_STOPPED,   /* guardian: it was stopped by signal value */
        CONTROL_SIGNAL,    /* broker: send signal value to the program; flags, info */
        CONTROL_CONTINUE,  /* broker: wake the program should it be stopped still */
        CONTROL_END,       /* broker: end the sandbox now */
};

enum control_flags {
        CONTROL_IF_ELSEWHERE = 1u << 0, /* only if the program has left flicker-run's process group */
};

struct control_message {
        uint32_t kind;
        uint32_t flags;
        int32_t value;
        int32_t code;   /* si_code of the signal to forward */
        int64_t number; /* si_value of a queued one */
        int32_t pid, uid;
};

#endif
