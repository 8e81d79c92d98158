/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller as the kernel shows it: working directory, descriptors, credentials, umask, pending signals. All
 * of it is read through /proc/TID or a pidfd with the broker's own credentials, and every function asks
 * caller->alive() after it read and before it returns what it read, so that a recycled thread id never speaks
 * for the caller.
 *
 * The caller's root directory and mount namespace are the broker's: nothing in a sandbox can change them
 * (chroot, pivot_root, setns, unshare and namespaces of clone are refused by the baseline).
 */
#ifndef FLICKER_ENFORCE_CALLER_VIEW_H
#define FLICKER_ENFORCE_CALLER_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/policy/request.h"

#define CALLER_GROUPS_MAX 1024 /* supplementary groups; nobody with more is served by a privileged broker */

struct operation;
struct worker;

/* /proc/TID/status (proc_pid_status(5)). */
struct caller_status {
        pid_t tgid;
        bool ended; /* only its number is left */
        mode_t umask;
        unsigned threads;
        struct {
                uid_t real, effective, saved, file;
        } uid;
        struct {
                gid_t real, effective, saved, file;
        } gid;
        uint64_t cap_permitted, cap_effective, cap_bounding;
        uint64_t signals_pending, signals_pending_shared, signals_blocked, signals_ignored, signals_caught;
        unsigned group_count;
        bool groups_cut; /* there are more */
        bool complete;   /* internal */
        gid_t groups[CALLER_GROUPS_MAX];
};

/* The status of the caller's thread, read at most once a request. 0 or -errno (-ESRCH: gone). */
int caller_status(struct operation *operation, const struct caller_status **ret_status);

/* What of the caller's credentials the kernel tells at once (PIDFD_GET_INFO, Linux 6.13). */
struct caller_ids {
        uint32_t tid, tgid;
        uint32_t uid[4], gid[4]; /* real, effective, saved, file */
};

/* 0 or -errno: -ENOTTY where the kernel cannot. */
int caller_ids(struct operation *operation, struct caller_ids *ret_ids);

/* Makes the caller's umask this thread's, for what is created next. 0 or -errno. */
int caller_umask(struct operation *operation);

/* A duplicate (close-on-exec, same open file description) of the caller's descriptor fd: -EBADF where there
 * is none, -ESRCH where the caller is gone. The broker's own credentials are restored by this. */
int caller_descriptor(struct operation *operation, int fd);

/* The directory that a relative path starts from: fd is AT_FDCWD or the caller's descriptor number. A
 * descriptor to close, good for *at() calls; what it leads to need not be a directory. -EBADF, -ESRCH. */
int caller_directory(struct operation *operation, int fd);

/* The caller's RLIMIT_FSIZE in bytes, UINT64_MAX for none. 0 or -errno. */
int caller_file_size_limit(struct operation *operation, uint64_t *ret_limit);

/* Sends signal to the caller's thread. 0 or -errno. */
int caller_signal(struct operation *operation, int signal);

/* Should work that blocks for the caller be given up? Asked now and then (see block.h), *seen being 0 at
 * first and not 0 where it should be asked soon. 0: no. Otherwise what the syscall returns: -ERESTARTSYS
 * (512; the kernel restarts the syscall, or makes it EINTR, as the handler's SA_RESTART says) where a signal
 * waits for the caller, -EINTR where it is not certain that the signal is this thread's, -ESRCH where the
 * caller is gone. */
int caller_interrupted(const struct caller *caller, unsigned *seen);

#define CALLER_ERESTARTSYS 512 /* the kernel's own, not in errno.h */

#endif
