/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker thread keeps between requests: descriptors, and facts about the machine. */
#ifndef FLICKER_ENFORCE_WORKER_H
#define FLICKER_ENFORCE_WORKER_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "broker/enforce/links.h"
#include "broker/enforce/operations.h"

#define WORKER_PIDFDS 8

/* See block.h. */
struct ticker {
        timer_t timer;
        bool created;
        unsigned period_ms, ticks; /* of this wait */
        unsigned signals_seen;     /* see caller_interrupted() */
};

struct worker_files {
        int links; /* O_PATH of /proc/self/fd: "N" in it leads to the object of the broker's descriptor N */
        /* Threads asked for descriptors lately. A pidfd never speaks for a recycled id: it fails with ESRCH.
         */
        struct {
                pid_t tid;
                int fd;
        } pidfds[WORKER_PIDFDS];
        unsigned pidfd_next;
        dev_t proc_device;   /* of /proc */
        dev_t memory_device; /* of memfds */
        bool protected_symlinks;
        unsigned protected_regular, protected_fifos;
        struct ticker ticker;
        struct known_links known_links;
};

#endif
