/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker and the guardian against themselves: a seccomp filter of the calls that they make
 * (self_syscalls.def). It is there for the day when a target finds a way to make the broker do what it does
 * not do by itself. Made without libseccomp, since that takes longer than the whole start of a sandbox.
 */
#ifndef FLICKER_ENFORCE_SELF_FILTER_H
#define FLICKER_ENFORCE_SELF_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

enum self_role {
        SELF_BROKER = 1 << 0,
        SELF_GUARDIAN = 1 << 1,
        SELF_SCANNER = 1 << 2, /* with SELF_BROKER: one that starts flicker-scan */
};

#define SELF_FILTER_MAX 512 /* instructions */

/* The program for roles (enum self_role): the number of instructions in out, or -E2BIG. */
int self_filter_build(unsigned roles, struct sock_filter out[SELF_FILTER_MAX]);

/* Installs it for all threads of the calling process, after no_new_privs. A call that is not in the table
 * ends the process with exit_status and a message, or by SIGSYS in a thread that blocks that signal. A SIGSYS
 * that somebody sends goes to the main thread, which is to block it. 0 or -errno. */
int self_filter_install(unsigned roles, int exit_status);

#endif
