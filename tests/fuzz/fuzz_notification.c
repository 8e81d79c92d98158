/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications from a process that makes any call with any arguments, is answered in any way, dies at any
 * time. The process is real, and so is the filter. Input: steps of STEP_BYTES: what the broker does with the
 * call, the call's number, a value; the rest of the arguments follow from the value.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/intake/notification.h"
#include "proto/call.h"

#define STEP_BYTES    8
#define STEPS_MAX     16u
#define NUMBER_MIN    1024u /* numbers from here on are no calls of any kernel, and all are notified */
#define NUMBER_SPREAD 0x4000u
#define DIE           0xdd
#define WAIT_MS       10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Shared with the process: what it is to do, and what came of it. */
struct order {
        int nr;
        uint64_t args[6];
        int64_t result;
};

static struct order *order;
static int go[2], done[2], listener = -1;
static pid_t target;

static void require(int condition)
{
        if (!condition)
                abort();
}

static int install(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NUMBER_MIN, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        };
        struct sock_fprog program = {sizeof code / sizeof *code, code};

        require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Raw calls only: the sanitizers' memory is shared with the fuzzer by copy. */
_Noreturn static void obey(void)
{
        char byte = 0;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        order->result = install();
        while (write(done[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1) {
                const uint64_t *args = order->args;
                long r = syscall(order->nr, args[0], args[1], args[2], args[3], args[4], args[5]);

                order->result = r < 0 ? -errno : r;
        }
        _exit(0);
}

static void await_done(void)
{
        struct pollfd fd = {.fd = done[0], .events = POLLIN};
        char byte;
        int r;

        while ((r = poll(&fd, 1, WAIT_MS)) < 0 && errno == EINTR) /* the fuzzer's own timer */
                ;
        require(r == 1 && read(done[0], &byte, 1) == 1);
}

/* The fuzzer's timer is to interrupt as little as it can. */
static void restart_after_alarm(void)
{
        struct sigaction action;

        require(sigaction(SIGALRM, NULL, &action) == 0);
        action.sa_flags |= SA_RESTART;
        require(sigaction(SIGALRM, &action, NULL) == 0);
}

static void start_target(void)
{
        int pidfd;

        if (!order)
                order = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        require(order != MAP_FAILED && pipe2(go, O_CLOEXEC) == 0 && pipe2(done, O_CLOEXEC) == 0);
        target = fork();
        require(target >= 0);
        if (target == 0)
                obey();
        await_done();
        pidfd = (int)syscall(SYS_pidfd_open, target, 0);
        listener = (int)syscall(SYS_pidfd_getfd, pidfd, (int)order->result, 0);
        require(pidfd >= 0 && listener >= 0);
        close(pidfd);
        notification_listener_setup(listener);
}

static void forget_target(void)
{
        for (unsigned i = 0; i < 2; i++) {
                close(go[i]);
                close(done[i]);
        }
        close(listener);
        target = 0;
}

static void end_target(void)
{
        kill(target, SIGKILL);
        require(waitpid(target, NULL, 0) == target);
        forget_target();
}

/* The descriptor that the process got is the one that was meant, and it is told so. */
static void check_given(int file)
{
        char path[64], link[64] = {0}, wanted[64] = {0}, own[64];
        int fd = (int)order->result;

        require(fd >= 0);
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)target, fd);
        snprintf(own, sizeof own, "/proc/self/fd/%d", file);
        require(readlink(path, link, sizeof link - 1) > 0 && readlink(own, wanted, sizeof wanted - 1) > 0);
        require(strcmp(link, wanted) == 0);
}

static void give(const struct caller *caller, uint32_t value)
{
        int file = open("/dev/null", O_RDWR | O_CLOEXEC), kept = fcntl(file, F_DUPFD_CLOEXEC, 3);

        require(file >= 0 && kept >= 0);
        require(notification_give(listener, caller, file, value & 2) == 0);
        require(fcntl(file, F_GETFD) < 0);
        await_done();
        check_given(kept);
        if (order->result > 200) { /* a table that grows would end at its limit */
                end_target();
                start_target();
        }
        close(kept);
}

static void die(const struct caller *caller, const struct notification *notification)
{
        int file = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct notification none;
        int r;

        require(caller->alive(caller));
        kill(target, SIGKILL);
        require(waitid(P_PID, (id_t)target, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
        require(!caller->alive(caller));
        require(notification_answer(listener, notification->id, 0) == -ENOENT);
        require(notification_continue(listener, notification->id) == -ENOENT);
        require(notification_give(listener, caller, file, true) == -ENOENT);
        require(waitpid(target, NULL, 0) == target);
        while ((r = notification_receive(listener, &none)) == -EINTR)
                ;
        require(r == -ESHUTDOWN);
        forget_target();
        start_target();
}

static void answer(const struct notification *notification, int64_t result)
{
        require(notification_answer(listener, notification->id, result) == 0);
        await_done();
        require(order->result == result);
}

static void serve(const struct notification *notification, uint8_t what, uint32_t value)
{
        static struct request request;
        struct caller caller;

        notification_caller(listener, notification, &caller);
        require(caller.tid == target && caller.alive(&caller));
        request_init(&request);
        require(decode(&caller, &notification->call, &request) <= 0);
        request_finish(&request);
        if (what == DIE) { /* rarely, since starting another takes long */
                die(&caller, notification);
                return;
        }
        switch (what % 4) {
        case 0:
                answer(notification, value);
                return;
        case 1:
                /* Not the restart codes, which the kernel takes for its own. */
                answer(notification, -(int64_t)(value % 511) - 1);
                return;
        case 2:
                require(notification_continue(listener, notification->id) == 0);
                await_done();
                require(order->result == -ENOSYS);
                return;
        case 3:
                give(&caller, value);
                return;
        }
}

static void step(const uint8_t *bytes)
{
        struct notification notification;
        uint32_t value;
        int r;

        memcpy(&value, bytes + 4, sizeof value);
        order->nr = (int)(NUMBER_MIN + (bytes[1] | (unsigned)bytes[2] << 8) % NUMBER_SPREAD);
        if (bytes[3] & 1)
                order->nr = FL_CALL_NR;
        for (unsigned i = 0; i < 6; i++)
                order->args[i] = value * 0x9e3779b97f4a7c15ull >> (bytes[3] >> 2 & 31) ^ i;
        require(write(go[1], "", 1) == 1);
        while ((r = notification_receive(listener, &notification)) == -EINTR)
                ;
        require(r == 0);
        require(notification.tid == target && notification.call.nr == order->nr);
        require(memcmp(notification.call.args, order->args, sizeof order->args) == 0);
        require(!notification.call.text);
        serve(&notification, bytes[0], value);
}

/* Handing over on one core is much faster than across. */
static void stay_on_core(void)
{
        int cpu = sched_getcpu();
        cpu_set_t here;

        CPU_ZERO(&here);
        CPU_SET(cpu, &here);
        require(cpu >= 0 && sched_setaffinity(0, sizeof here, &here) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!target) {
                restart_after_alarm();
                stay_on_core();
                start_target();
        }
        for (unsigned i = 0; i < STEPS_MAX && size >= STEP_BYTES; i++, data += STEP_BYTES, size -= STEP_BYTES)
                step(data);
        return 0;
}
