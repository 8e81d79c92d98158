/* SPDX-License-Identifier: Apache-2.0 */
/* How the agent gives up. Nothing here returns. */
#ifndef FLICKER_AGENT_FAULT_H
#define FLICKER_AGENT_FAULT_H

enum ag_fault_code {
        AG_FAULT_HELLO = 1, /* the broker's hello has another version or is malformed */
        AG_FAULT_WORKSPACE, /* no memory for the start */
        AG_FAULT_TEXT,      /* code could be neither patched nor restored */
};

/* A broken invariant: leaves the code in a register for a debugger and a core file, and traps. */
_Noreturn void ag_fault(enum ag_fault_code code);

/* Before a program runs: says message on standard error and exits with 125, as flicker-run does. */
_Noreturn void ag_refuse(const char *message);

/* What the kernel does to a process whose new image cannot be loaded after the old one is gone: SIGSEGV that
 * cannot be caught (execve(2), bprm_execve() in Linux). */
_Noreturn void ag_die_as_exec(void);

#endif
