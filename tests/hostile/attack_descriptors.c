/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, signals and filters of our own, in the way of whoever relies on having them. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "attack.h"

static void must_serve(const char *what)
{
        int fd = open(in_dir("public/file"), O_RDONLY);

        if (fd < 0) {
                printf("ESCAPED? %s: the sandbox no longer serves: %s\n", what, strerror(errno));
                attack_escapes++;
        }
        close(fd);
}

static void close_all(void)
{
        syscall(SYS_close_range, 3u, ~0u, 0u);
        for (int fd = 3; fd < 4096; fd++)
                close(fd);
        must_serve("after closing every descriptor");
}

static void cover_all(void)
{
        for (int fd = 3; fd < 1024; fd++)
                dup2(0, fd);
        for (int fd = 3; fd < 1024; fd += 2)
                close(fd);
        must_serve("after covering every descriptor");
}

static void no_more_descriptors(void)
{
        struct rlimit limit = {0, 0};

        setrlimit(RLIMIT_NOFILE, &limit);
}

static int install(struct sock_filter *code, unsigned short length, unsigned flags)
{
        struct sock_fprog program = {length, code};

        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void own_listener(void)
{
        struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};

        int fd = install(code, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        if (fd >= 0)
                escaped("a listener of its own");
}

static void own_filter(void)
{
        struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_filter trace[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)};
        struct sock_filter log[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_LOG)};

        install(allow, 1, 0);
        install(log, 1, 0);
        still_confined();
        install(trace, 1, 0);
}

/* Nothing but read, write, exit and signal returns: what is refused by us must be refused, and end. */
static void strict(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };

        install(code, 5, 0);
        if (open(in_dir("public/file"), O_RDONLY) >= 0)
                escaped("a filter of its own does not bind a brokered open");
}

static void trap_handler(int number, siginfo_t *info, void *context)
{
        (void)number;
        (void)info;
        (void)context;
}

static void takes_signals(void)
{
        struct sigaction action = {.sa_sigaction = trap_handler, .sa_flags = SA_SIGINFO};
        sigset_t all;

        for (int i = 1; i < 65; i++)
                sigaction(i, &action, NULL);
        must_serve("after taking every signal");
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        must_serve("after blocking every signal");
}

static void undumpable(void)
{
        prctl(PR_SET_DUMPABLE, 0);
        (void)open(in_dir("public/file"), O_RDONLY);
}

int main(void)
{
        try_in_child("close all", close_all);
        try_in_child("cover all", cover_all);
        try_in_child("no more descriptors", no_more_descriptors);
        try_in_child("own listener", own_listener);
        try_in_child("own filter", own_filter);
        try_in_child("strict filter", strict);
        try_in_child("signals", takes_signals);
        try_in_child("undumpable", undumpable);
        still_confined();
        return finished();
}
