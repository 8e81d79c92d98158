/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second wall: a Landlock domain that is a superset of the policy, or exactly its file rules in the
 * kernel tier. It also keeps the target's signals (from ABI 6, Linux 6.12), ptrace and abstract sockets
 * inside the sandbox. What the broker does for the target happens outside the domain; so TCP, which only the
 * broker binds and connects, is shut altogether.
 */
#ifndef FLICKER_ENFORCE_LANDLOCK_H
#define FLICKER_ENFORCE_LANDLOCK_H

#include "broker/base/err.h"
#include "broker/policy/tiers.h"

/* Landlock's ABI version, or -errno where the kernel has none (then flicker refuses to start). */
int landlock_abi(void);

/* Builds the ruleset in the parent. also_executable: NULL-terminated paths that must stay executable and
 * readable whatever the policy says (the agent). Returns a ruleset descriptor (close-on-exec), or -errno. */
int landlock_build(const struct policy *policy, const struct tiers *tiers,
                   const char *const also_executable[], struct err *err);

/* A path that the broker needs for itself. */
enum landlock_own_use {
        LANDLOCK_OWN_READ,
        LANDLOCK_OWN_EXECUTE, /* and read */
        LANDLOCK_OWN_CHANGE,  /* write to it, and to what is beneath */
        LANDLOCK_OWN_REMOVE,  /* that, and remove it, a directory */
};
struct landlock_own {
        const char *path; /* what is not there is passed over */
        enum landlock_own_use use;
};

/*
 * Before anything is forked: the domain in which the broker and all that it starts are, the sandbox within
 * one of its own. It refuses to open, change and execute what no rule of the policy can grant and own (up to
 * a path of NULL) does not name. And from inside, no process outside can be traced, nor its memory reached,
 * nor its descriptors taken: so not even the broker can, where it goes by the number of a thread that has
 * died meanwhile and the number is another's. 0 or -errno with *err.
 */
int landlock_enclose(const struct policy *policy, const struct tiers *tiers, const struct landlock_own *own,
                     struct err *err);

/* In the child, after no_new_privs. Leaves errno alone. 0 or -errno. */
int landlock_restrict(int ruleset_fd);

#endif
