/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a signal is for, where Landlock does not keep signals inside. */
#include "broker/signal_check.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/proc.h"

static pid_t member; /* the only process of the sandbox, and its children */

static bool is_member(void *context, pid_t pid)
{
        (void)context;
        return pid == member || (pid > 0 && proc_is_descendant(pid, member));
}

static const struct program_lookup programs = {.is_member = is_member};

static int check(int nr, int64_t first)
{
        return signal_check(&programs, member, nr, (const uint64_t[6]){(uint64_t)first, 0, SIGTERM});
}

/* A process in a group of its own, if group says so. */
static pid_t sleeper(bool group)
{
        pid_t pid = fork();

        if (pid == 0) {
                pause();
                _exit(0);
        }
        if (group)
                setpgid(pid, pid);
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

Test(signal_check, processes)
{
        static const int numbers[] = {SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
                                      SYS_rt_tgsigqueueinfo};
        pid_t other = sleeper(false), gone = sleeper(false);

        member = sleeper(false);
        end(gone);
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                cr_expect_eq(check(numbers[i], member), 0, "%d", numbers[i]);
                cr_expect_eq(check(numbers[i], (int64_t)(0xabcd00000000ull | (unsigned)member)), 0, "an int");
                cr_expect_eq(check(numbers[i], other), -EPERM, "%d", numbers[i]);
                cr_expect_eq(check(numbers[i], getpid()), -EPERM, "%d", numbers[i]);
                cr_expect_eq(check(numbers[i], 1), -EPERM, "%d", numbers[i]);
                cr_expect_eq(check(numbers[i], gone), -ESRCH, "%d", numbers[i]);
        }
        end(other);
        end(member);
}

Test(signal_check, groups)
{
        pid_t other;

        member = sleeper(true);
        cr_expect_eq(check(SYS_kill, 0), 0, "its own group");
        cr_expect_eq(check(SYS_kill, -member), 0);
        cr_expect_eq(check(SYS_kill, -1), -EPERM, "everybody");
        cr_expect_eq(check(SYS_kill, -getpgrp()), -EPERM);
        cr_expect_eq(check(SYS_kill, INT32_MIN), -ESRCH);
        other = sleeper(false);
        cr_assert_eq(setpgid(other, member), 0);
        cr_expect_eq(check(SYS_kill, 0), -EPERM, "somebody else is in the group");
        cr_expect_eq(check(SYS_kill, -member), -EPERM);
        end(other);
        end(member);
}
