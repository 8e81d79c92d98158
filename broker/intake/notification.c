/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/intake/notification.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.6; the headers of Debian 12 are older. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* The kernel may know larger structures than these headers; it writes as many bytes as it says. */
#define NOTIFICATION_BYTES_MAX 1024u

union receive_buffer {
        struct seccomp_notif notification;
        char bytes[NOTIFICATION_BYTES_MAX];
};

union answer_buffer {
        struct seccomp_notif_resp answer;
        char bytes[NOTIFICATION_BYTES_MAX];
};

static struct seccomp_notif_sizes sizes;
static pthread_once_t sizes_once = PTHREAD_ONCE_INIT;

static void sizes_ask(void)
{
        if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
                sizes = (struct seccomp_notif_sizes){sizeof(struct seccomp_notif),
                                                     sizeof(struct seccomp_notif_resp),
                                                     sizeof(struct seccomp_data)};
}

static bool sizes_fit(void)
{
        pthread_once(&sizes_once, sizes_ask);
        return sizes.seccomp_notif <= NOTIFICATION_BYTES_MAX &&
               sizes.seccomp_notif_resp <= NOTIFICATION_BYTES_MAX;
}

void notification_listener_setup(int listener)
{
        (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

/* RECV answers ENOENT both where the notifier died and, on newer kernels, where none can come any more. */
static bool listener_is_done(int listener)
{
        struct pollfd poll_fd = {.fd = listener, .events = POLLIN};

        return poll(&poll_fd, 1, 0) > 0 && !(poll_fd.revents & POLLIN) &&
               (poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL));
}

int notification_receive(int listener, struct notification *ret_notification)
{
        union receive_buffer buffer;
        const struct seccomp_notif *received = &buffer.notification;

        if (!sizes_fit())
                return -EMSGSIZE;
        memset(buffer.bytes, 0,
               sizes.seccomp_notif > sizeof *received ? sizes.seccomp_notif : sizeof *received);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) < 0) {
                int error = errno;

                if (error == ENOENT && listener_is_done(listener))
                        return -ESHUTDOWN;
                return -error;
        }
        /* Whole: no text came along, and decoding would take what is left there for one. */
        *ret_notification = (struct notification){
                .id = received->id,
                .tid = (pid_t)received->pid,
                .call.nr = received->data.nr,
        };
        for (unsigned i = 0; i < 6; i++)
                ret_notification->call.args[i] = received->data.args[i];
        return 0;
}

bool notification_alive(int listener, uint64_t id)
{
        int r;

        do
                r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
        while (r < 0 && errno == EINTR);
        return r == 0;
}

static int send_answer(int listener, uint64_t id, int64_t value, int error, uint32_t flags)
{
        union answer_buffer buffer;
        int r;

        if (!sizes_fit())
                return -EMSGSIZE;
        memset(&buffer, 0, sizeof buffer);
        buffer.answer.id = id;
        buffer.answer.val = value;
        buffer.answer.error = error;
        buffer.answer.flags = flags;
        do
                r = ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int notification_answer(int listener, uint64_t id, int64_t result)
{
        /* The kernel takes any error, the restart codes (-512 and on) included: with a signal pending they do
         * what they do for a syscall of its own. */
        if (result < 0 && result >= -4095)
                return send_answer(listener, id, 0, (int)result, 0);
        return send_answer(listener, id, result, 0, 0);
}

int notification_continue(int listener, uint64_t id)
{
        return send_answer(listener, id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

/* Puts fd into the notifier's table. The number there, or -errno. */
static int add_descriptor(int listener, uint64_t id, int fd, bool cloexec)
{
        struct seccomp_notif_addfd add = {
                .id = id,
                .srcfd = (uint32_t)fd,
                .newfd_flags = cloexec ? O_CLOEXEC : 0,
        };
        int number;

        do
                number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
        while (number < 0 && errno == EINTR);
        return number < 0 ? -errno : number;
}

/*
 * Handing a descriptor over wakes the notifier by an ordinary completion, which likes to move it to an idle
 * core: ten times the cost of going on where it and the listener are. So it is held on this core meanwhile.
 * It stays in the notification until it is let go and answered; what may fail here changes nothing but time.
 */
struct hold {
        pid_t tid; /* 0: not held */
        cpu_set_t cpus;
};

static void hold_here(struct hold *hold, pid_t tid)
{
        int cpu = sched_getcpu();
        cpu_set_t here;

        hold->tid = 0;
        if (cpu < 0 || sched_getaffinity(tid, sizeof hold->cpus, &hold->cpus) < 0 ||
            CPU_COUNT(&hold->cpus) < 2 || !CPU_ISSET(cpu, &hold->cpus))
                return;
        CPU_ZERO(&here);
        CPU_SET(cpu, &here);
        if (sched_setaffinity(tid, sizeof here, &here) == 0)
                hold->tid = tid;
}

static void let_go(const struct hold *hold)
{
        if (hold->tid)
                sched_setaffinity(hold->tid, sizeof hold->cpus, &hold->cpus);
}

int notification_give(int listener, const struct caller *caller, int fd, bool cloexec)
{
        const uint64_t id = caller->notification_id;
        struct hold hold;
        int number;

        hold_here(&hold, caller->tid);
        number = add_descriptor(listener, id, fd, cloexec);
        let_go(&hold);
        close(fd);
        /* Killed in between: its table goes with it, and the number too. */
        return number == -ENOENT ? -ENOENT : notification_answer(listener, id, number);
}

static bool caller_alive(const struct caller *caller)
{
        return notification_alive(caller->listener, caller->notification_id);
}

void notification_caller(int listener, const struct notification *notification, struct caller *ret_caller)
{
        *ret_caller = (struct caller){
                .tid = notification->tid,
                .via_ring = false,
                .pidfd = -1,
                .alive = caller_alive,
                .listener = listener,
                .notification_id = notification->id,
        };
}
