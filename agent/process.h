/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent knows: of the policy (the broker's hello, the same for the life of an image) and of the
 * process (a page that a fork child finds wiped, MADV_WIPEONFORK, so that it starts over without a ring).
 *
 * All of it lies in the target's memory and may be overwritten by the target; the broker trusts none of it.
 */
#ifndef FLICKER_AGENT_PROCESS_H
#define FLICKER_AGENT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/ring_client.h"
#include "proto/call.h"

/* What the gate does with a syscall number. Zero: nothing, a site with it is not worth a patch. */
enum ag_hot_bits {
        AG_HOT_RING = 1u << 0,   /* may be submitted */
        AG_HOT_REDO = 1u << 1,   /* never fails with EINTR natively: done again where the backstop makes it */
        AG_HOT_REPORT = 1u << 2, /* refusals are reported */
        AG_HOT_EXE = 1u << 3,    /* takes a path that may be "/proc/self/exe" */
        AG_HOT_OPEN = 1u << 4,   /* the ring answers only its errors */
        AG_HOT_HOOK = 1u << 5,   /* ag_hook knows it */
        AG_HOT_PATH2 = 1u << 6,  /* with AG_HOT_EXE: the path is the second argument */
        AG_HOT_SITE =
                1u << 7, /* as AG_HOT_REDO, but made at the site: it is about the caller's stack or mask */
};

#define AG_HOT_NUMBERS 65536u /* what 16 bits can name; FL_SYSCALL_LIMIT and up are zero */

enum ag_ring_state {
        AG_RING_NONE = 0, /* not asked for yet */
        AG_RING_ASKING,   /* one thread is at it */
        AG_RING_SETTLED,  /* attached, or off for good */
};

struct ag_process {
        struct ring_client client;
        uint32_t owner;        /* process id; 0: a fork child that has not looked yet */
        uint32_t ring_state;   /* enum ag_ring_state */
        uint32_t calls;        /* made that the ring could have carried, until it is asked for */
        uint32_t ring_rest;    /* calls to make natively before the ring is tried again */
        uint32_t ring_wasted;  /* how often in a row it was waited for in vain */
        uint32_t open_failing; /* 0 to 3: how much opens fail of late */
        uint32_t open_turn;    /* counts opens that did not ask the ring for certain */
        uint32_t code_lock;    /* of code_map.h */
        uint64_t empty_string; /* where the program keeps a "" that could be read */
};

extern struct fl_hello ag_hello;
extern uint8_t ag_hot[AG_HOT_NUMBERS];
extern bool ag_stands_down;           /* after ag_process_stand_down */
extern struct ag_process *ag_process; /* never NULL once ag_process_init is done */

/* Sets up ag_hot from ag_hello, and ag_process. */
void ag_process_init(void);

/* Pure: what the gate does with nr under hello. */
uint8_t ag_hot_bits(const struct fl_hello *hello, unsigned nr);

/* Opens: the ring can only refuse them. */
bool ag_is_open(unsigned nr);

/* The program installs a seccomp filter of its own. It is to see every syscall, and none that the program
 * does not make: from here on the agent sends all to the kernel, and makes none itself but for rt_sigaction.
 */
void ag_process_stand_down(void);

/* Is the calling thread one of the process that ag_process belongs to, and not of a vfork child that borrows
 * its memory? *ret_tid is the thread. */
bool ag_process_is_mine(struct ag_process *process, uint32_t *ret_tid);

/* After enough calls asks the broker for a ring, once. tid: the calling thread. */
void ag_process_want_ring(struct ag_process *process);

#endif
