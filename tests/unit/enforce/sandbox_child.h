/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: runs a body in a child process, as the user of the test and, where that is root, as nobody too.
 */
#ifndef FLICKER_TESTS_SANDBOX_CHILD_H
#define FLICKER_TESTS_SANDBOX_CHILD_H

#include <criterion/criterion.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* In a child: a check that fails says so and ends it. */
#define CHILD_CHECK(condition)                                                                               \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: %s (errno %m)\n", __FILE__, __LINE__, #condition);           \
                        _exit(1);                                                                            \
                }                                                                                            \
        } while (0)

static inline void become_nobody(void)
{
        CHILD_CHECK(setgroups(0, NULL) == 0);
        CHILD_CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0);
        CHILD_CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
        CHILD_CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

static inline void run_child(void (*body)(void), bool as_nobody)
{
        pid_t pid = fork();
        int status;

        cr_assert(pid >= 0);
        if (pid == 0) {
                alarm(30);
                if (as_nobody)
                        become_nobody();
                body();
                _exit(0);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "as %s: wait status %#x",
                  as_nobody ? "nobody" : "oneself", (unsigned)status);
}

static inline void run_child_as_everyone(void (*body)(void))
{
        run_child(body, false);
        if (geteuid() == 0)
                run_child(body, true);
}

#endif
