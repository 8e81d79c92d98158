/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told what loading a policy rests on beside the policy's own text. */
#ifndef FLICKER_POLICY_WITNESS_H
#define FLICKER_POLICY_WITNESS_H

#include <sys/stat.h>

/* What lies at a path of a policy's rules, its directory being resolved. */
enum path_kind {
        PATH_PLAIN, /* it is there, and no symbolic link */
        PATH_LINK,
        PATH_ABSENT, /* or out of reach */
};

/* Told of everything outside the policy's own text that loading it rests on, as it is looked at: who
 * remembers what came of it can tell later whether it would come out the same. */
struct policy_witness {
        /* A policy file that was read, or (status NULL) one that would have been, had it been there. */
        void (*file)(void *context, const char *path, const struct stat *status);
        void (*path)(void *context, const char *path, enum path_kind kind, const char *target);
        void *context;
};

#endif
