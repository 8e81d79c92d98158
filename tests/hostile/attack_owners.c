/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals to processes outside by way of what sends them later: the owner of a descriptor (input, urgent
 * data, leases, directories), timers, the parent of who ends; and groups of processes, in which outsiders
 * are. The listener outside tells of every signal that it gets; a broker or guardian that got one would be
 * gone.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "attack.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP 4 /* Linux 6.9 */
#endif
#define FLAG_FIOSETOWN 0x8901ul

static const int numbers[] = {0, SIGUSR1, SIGALRM, 40 /* a real-time one */};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

enum way { BY_SETOWN, BY_SETOWN_EX, BY_FIOSETOWN, BY_SIOCSPGRP, WAYS };

/* Positive: a process; negative: a group. */
static void own(int fd, enum way way, int owner)
{
        static const int types[] = {F_OWNER_PID, F_OWNER_TID};
        struct f_owner_ex ex = {.type = F_OWNER_PGRP, .pid = -owner};

        switch (way) {
        case BY_SETOWN:
                (void)fcntl(fd, F_SETOWN, owner);
                return;
        case BY_SETOWN_EX:
                for (int i = 0; owner > 0 && i < 2; i++) {
                        ex = (struct f_owner_ex){.type = (enum __pid_type)types[i], .pid = owner};
                        (void)fcntl(fd, F_SETOWN_EX, &ex);
                }
                (void)fcntl(fd, F_SETOWN_EX, &ex);
                return;
        case BY_FIOSETOWN:
                (void)ioctl(fd, FIOSETOWN, &owner);
                (void)syscall(SYS_ioctl, fd, 0xffffffff00000000ul | FLAG_FIOSETOWN, &owner);
                return;
        default:
                (void)ioctl(fd, SIOCSPGRP, &owner);
        }
}

static void own_with_signal(int fd, enum way way, int owner, int number)
{
        own(fd, way, owner);
        (void)fcntl(fd, F_SETSIG, number);
        (void)fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
}

static void by_input(enum way way, int owner, int number)
{
        int pipes[2], sockets[2];

        if (pipe(pipes) == 0) {
                own_with_signal(pipes[0], way, owner, number);
                (void)!write(pipes[1], "x", 1);
                close(pipes[0]);
                close(pipes[1]);
        }
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0) {
                own_with_signal(sockets[0], way, owner, number);
                (void)!write(sockets[1], "x", 1);
                (void)send(sockets[1], "x", 1, MSG_OOB);
                close(sockets[1]);
                close(sockets[0]);
        }
}

/* SIGURG, which no F_SETSIG is needed for. */
static void by_urgent_data(enum way way, int owner)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)atoi(setting("PORT"))),
                                      .sin_addr.s_addr = inet_addr("127.0.0.1")};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        own_with_signal(fd, way, owner, SIGUSR1);
        (void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
        (void)send(fd, "x", 1, MSG_OOB | MSG_NOSIGNAL);
        close(fd);
}

/* Told by the kernel of what others do to files. */
static void by_files(enum way way, int owner, int number)
{
        int file = open(in_dir("public/file"), O_RDONLY), directory = open(in_dir("public"), O_RDONLY);

        own_with_signal(file, way, owner, number);
        if (fcntl(file, F_SETLEASE, F_RDLCK) == 0)
                close(open(in_dir("public/file"), O_RDWR | O_NONBLOCK));
        own_with_signal(directory, way, owner, number);
        if (fcntl(directory, F_NOTIFY, DN_CREATE | DN_ATTRIB | DN_MULTISHOT) == 0) {
                close(open(in_dir("public/told"), O_CREAT | O_WRONLY, 0600));
                unlink(in_dir("public/told"));
        }
        close(file);
        close(directory);
}

static void by_timers(int owner)
{
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
        struct itimerspec soon = {.it_value.tv_nsec = 1000};
        timer_t timer;

        event._sigev_un._tid = owner;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
                timer_settime(timer, 0, &soon, NULL);
                escaped("a timer for process %d", owner);
        }
}

/* Not kill(-1): where a sandbox fails, this would be the end of everybody on the machine. */
static void at_once(pid_t pid, pid_t group)
{
        siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

        (void)kill(pid, SIGUSR1);
        (void)kill(-group, SIGUSR1);
        (void)syscall(SYS_tkill, pid, SIGUSR1);
        (void)syscall(SYS_tgkill, pid, pid, SIGUSR1);
        (void)syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info);
        (void)syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGUSR1, &info);
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0);
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, PIDFD_SIGNAL_PROCESS_GROUP);
        (void)kill(0, SIGUSR1);
        close(pidfd);
}

static void against(pid_t pid)
{
        pid_t group = getpgid(pid);

        for (enum way way = 0; way < WAYS; way++)
                for (size_t i = 0; i < NUMBERS; i++) {
                        by_input(way, pid, numbers[i]);
                        by_input(way, -group, numbers[i]);
                        by_files(way, pid, numbers[i]);
                        by_files(way, -group, numbers[i]);
                }
        for (enum way way = 0; way < WAYS; way++)
                by_urgent_data(way, pid);
        by_timers(pid);
        at_once(pid, group);
}

/* Children of whoever watches over us: what they tell it when they end must not be taken for ours. */
static void adopted(void)
{
        for (int i = 0; i < 50; i++) {
                pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGUSR1, NULL, NULL, NULL, NULL);

                if (pid == 0)
                        _exit(42);
        }
        usleep(100000);
}

int main(void)
{
        pid_t outsider = (pid_t)atoi(setting("LISTENER"));

        /* Ours among the others: signals for groups reach us, too. */
        for (size_t i = 1; i < NUMBERS; i++)
                signal(numbers[i], SIG_IGN);
        signal(SIGIO, SIG_IGN);
        signal(SIGURG, SIG_IGN);
        against(outsider);
        against(getppid());
        against(parent_of(getppid()));
        adopted();
        still_confined();
        return finished();
}
