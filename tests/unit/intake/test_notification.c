/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp listener, with a child that asks for getppid (and others) over it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/intake/notification.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* Every getppid and getpgrp is a notification. */
static int install_filter(void)
{
        struct sock_filter program[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        };
        struct sock_fprog filter = {4, program};

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                            &filter);
}

static void send_descriptor(int channel, int fd)
{
        char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 0;
        struct iovec piece = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        *header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
        if (sendmsg(channel, &message, 0) < 0)
                _exit(99);
}

static int receive_descriptor(int channel)
{
        char control[CMSG_SPACE(sizeof(int))], byte;
        struct iovec piece = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        int fd = -1;

        cr_assert_eq(recvmsg(channel, &message, 0), 1);
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        return fd;
}

/* A child that runs body under the filter; its exit status is what body returns. */
static pid_t start(int (*body)(void), int *ret_listener)
{
        int channel[2];
        pid_t child;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
        child = fork();
        if (child == 0) {
                int listener = install_filter();

                send_descriptor(channel[0], listener);
                close(listener);
                _exit(body());
        }
        *ret_listener = receive_descriptor(channel[1]);
        notification_listener_setup(*ret_listener);
        close(channel[0]);
        close(channel[1]);
        return child;
}

static int exit_status(pid_t child)
{
        int status;

        cr_assert_eq(waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int ask_once(void)
{
        long r = syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);

        return r < 0 ? 100 + errno : (int)r;
}

Test(notification, value_and_caller, .timeout = 10)
{
        struct notification notification;
        struct caller caller;
        int listener;
        pid_t child = start(ask_once, &listener);

        cr_assert_eq(notification_receive(listener, &notification), 0);
        cr_assert_eq(notification.tid, child);
        cr_assert_eq(notification.call.nr, SYS_getppid);
        cr_assert_eq(notification.call.args[5], 6);
        notification_caller(listener, &notification, &caller);
        cr_assert_eq(caller.tid, child);
        cr_assert(caller.alive(&caller));
        cr_assert_eq(notification_answer(listener, notification.id, 42), 0);
        cr_assert(!caller.alive(&caller));
        cr_assert_eq(exit_status(child), 42);
        cr_assert_eq(notification_answer(listener, notification.id, 42), -ENOENT);
}

/* What lay in the structure before is no part of the call: decoding would follow it as a pointer. */
Test(notification, comes_without_text, .timeout = 10)
{
        struct notification notification;
        int listener;
        pid_t child = start(ask_once, &listener);

        memset(&notification, 0xa5, sizeof notification);
        cr_assert_eq(notification_receive(listener, &notification), 0);
        cr_assert_null(notification.call.text);
        cr_assert_eq(notification.call.text_length, 0);
        cr_assert_eq(notification.call.text_address, 0);
        cr_assert_eq(notification_answer(listener, notification.id, 0), 0);
        cr_assert_eq(exit_status(child), 0);
}

Test(notification, error, .timeout = 10)
{
        struct notification notification;
        int listener;
        pid_t child = start(ask_once, &listener);

        cr_assert_eq(notification_receive(listener, &notification), 0);
        cr_assert_eq(notification_answer(listener, notification.id, -EACCES), 0);
        cr_assert_eq(exit_status(child), 100 + EACCES);
}

static int ask_natively(void)
{
        return syscall(SYS_getppid) == getppid() ? 7 : 8;
}

Test(notification, go_on, .timeout = 10)
{
        struct notification notification;
        int listener;
        pid_t child = start(ask_natively, &listener);

        for (int i = 0; i < 2; i++) {
                cr_assert_eq(notification_receive(listener, &notification), 0);
                cr_assert_eq(notification_continue(listener, notification.id), 0);
        }
        cr_assert_eq(exit_status(child), 7);
}

/* What came is a descriptor of /dev/null, close-on-exec or not as bit 4 says. */
static int ask_descriptor(void)
{
        long fd = syscall(SYS_getppid);
        struct stat status;

        if (fd < 0)
                return 100 + errno;
        if (fstat((int)fd, &status) < 0 || status.st_rdev != 0x103)
                return 1;
        return fcntl((int)fd, F_GETFD) & FD_CLOEXEC ? 16 : 32;
}

static void give(bool cloexec, int expected)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), listener;
        struct notification notification;
        struct caller caller;
        pid_t child = start(ask_descriptor, &listener);

        cr_assert_eq(notification_receive(listener, &notification), 0);
        notification_caller(listener, &notification, &caller);
        cr_assert_eq(notification_give(listener, &caller, fd, cloexec), 0);
        cr_assert_lt(fcntl(fd, F_GETFD), 0);
        cr_assert_eq(exit_status(child), expected);
}

Test(notification, descriptor, .timeout = 10)
{
        give(true, 16);
        give(false, 32);
}

static int ask_descriptor_full(void)
{
        while (dup(2) >= 0)
                ;
        return ask_once();
}

Test(notification, no_room_for_a_descriptor, .timeout = 10)
{
        struct notification notification;
        int fd = open("/dev/null", O_RDONLY), listener;
        struct caller caller;
        pid_t child = start(ask_descriptor_full, &listener);

        cr_assert_eq(notification_receive(listener, &notification), 0);
        notification_caller(listener, &notification, &caller);
        cr_assert_eq(notification_give(listener, &caller, fd, true), 0);
        cr_assert_eq(exit_status(child), 100 + EMFILE);
}

Test(notification, notifier_killed_meanwhile, .timeout = 10)
{
        struct notification notification;
        int fd = open("/dev/null", O_RDONLY), listener;
        struct caller caller;
        pid_t child = start(ask_once, &listener);

        cr_assert_eq(notification_receive(listener, &notification), 0);
        notification_caller(listener, &notification, &caller);
        kill(child, SIGKILL);
        cr_assert_eq(exit_status(child), -SIGKILL);
        cr_assert(!notification_alive(listener, notification.id));
        cr_assert_eq(notification_give(listener, &caller, fd, true), -ENOENT);
        cr_assert_lt(fcntl(fd, F_GETFD), 0);
        cr_assert_eq(notification_continue(listener, notification.id), -ENOENT);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
        (void)number;
        handled++;
}

static int ask_with_handler(int flags)
{
        struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
        int r;

        sigaction(SIGUSR1, &action, NULL);
        r = ask_once();
        return handled == 1 ? r : 1;
}

static int ask_interruptibly(void)
{
        return ask_with_handler(0);
}

static int ask_restartably(void)
{
        return ask_with_handler(SA_RESTART);
}

/* A signal waits for the child while the broker works; the answer is "restart". */
static pid_t interrupt(int (*body)(void), int *ret_listener)
{
        struct notification notification;
        struct timespec pause = {.tv_nsec = 20000000};
        pid_t child = start(body, ret_listener);

        cr_assert_eq(notification_receive(*ret_listener, &notification), 0);
        kill(child, SIGUSR1);
        nanosleep(&pause, NULL);
        cr_assert(notification_alive(*ret_listener, notification.id));
        cr_assert_eq(notification_answer(*ret_listener, notification.id, -512), 0);
        return child;
}

Test(notification, restart_codes_fail_with_eintr, .timeout = 10)
{
        int listener;
        pid_t child = interrupt(ask_interruptibly, &listener);

        cr_assert_eq(exit_status(child), 100 + EINTR);
}

Test(notification, restart_codes_restart, .timeout = 10)
{
        struct notification notification;
        int listener;
        pid_t child = interrupt(ask_restartably, &listener);

        cr_assert_eq(notification_receive(listener, &notification), 0);
        cr_assert_eq(notification.call.nr, SYS_getppid);
        cr_assert_eq(notification_answer(listener, notification.id, 9), 0);
        cr_assert_eq(exit_status(child), 9);
}

static int ask_nothing(void)
{
        return 0;
}

static void wake(int number)
{
        (void)number;
}

Test(notification, nobody_left, .timeout = 10)
{
        struct sigaction action = {.sa_handler = wake};
        struct notification notification;
        int listener, r;
        pid_t child = start(ask_nothing, &listener);

        cr_assert_eq(exit_status(child), 0);
        sigaction(SIGALRM, &action, NULL);
        alarm(2); /* kernels before 6.11 wait on, and are interrupted */
        do
                r = notification_receive(listener, &notification);
        while (r == -ENOENT);
        cr_assert(r == -ESHUTDOWN || r == -EINTR, "%d", r);
}
