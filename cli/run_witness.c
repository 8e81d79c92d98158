/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_witness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#define STACK_SIZE 16384

/* Shares memory, errno included, with flicker-run: nothing here may fail, or return. */
static int stand(void *broker)
{
        syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        while (syscall(SYS_getppid) == (long)(intptr_t)broker)
                syscall(SYS_pause);
        syscall(SYS_exit, 0);
        return 0;
}

/* Sharing memory and descriptors makes it cheap, and keeps it from holding a pipe open. It joined the group
 * after flicker-run, and the kernel signals a group's latest member first: what flicker-run has, it has. */
void run_witness_start(struct run_witness *witness)
{
        static _Alignas(16) char stack[STACK_SIZE];
        int pid = clone(stand, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES,
                        (void *)(intptr_t)getpid());

        witness->pid = pid > 0 ? pid : 0;
}

void run_witness_dismiss(const struct run_witness *witness)
{
        if (witness->pid)
                kill(witness->pid, SIGKILL);
}

void run_witness_finish(struct run_witness *witness)
{
        run_witness_dismiss(witness);
        if (!witness->pid)
                return;
        while (waitpid(witness->pid, NULL, __WALL) < 0 && errno == EINTR)
                ;
        witness->pid = 0;
}

/* Signals pending for the whole process, as a mask (proc(5), ShdPnd). */
static uint64_t pending(pid_t pid)
{
        static const char field[] = "\nShdPnd:";
        char path[64], text[4096];
        _cleanup_close_ int fd = -1;
        const char *found;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/status", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (n <= 0)
                return 0;
        text[n] = '\0';
        found = strstr(text, field);
        return found ? strtoull(found + sizeof field - 1, NULL, 16) : 0;
}

bool run_witness_saw(struct run_witness *witness, int signal)
{
        if (!witness->pid || !(pending(witness->pid) >> (signal - 1) & 1))
                return false;
        /* A fresh one has nothing pending. */
        run_witness_finish(witness);
        run_witness_start(witness);
        return true;
}
