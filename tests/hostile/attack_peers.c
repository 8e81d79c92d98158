/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody outside connects to us (the listener does, to DIR/bound/service): what the kernel tells of peers,
 * their process ids and descriptors of their processes, must not give power over them. And a connection that
 * was accepted, turned round to lead elsewhere.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "attack.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#define PIDFD_TYPE       0xff
#define PIDFD_NAMESPACES 10 /* PIDFD_GET_CGROUP_NAMESPACE and those that follow */
#define MADVISE_COLD     20

static void refused(const char *what, long result)
{
        if (result >= 0)
                escaped("%s", what);
}

static void against_descriptor(int pidfd)
{
        char byte;
        struct iovec part = {&byte, 1};

        for (int fd = 0; fd < 32; fd++)
                refused("takes a peer's descriptor", syscall(SYS_pidfd_getfd, pidfd, fd, 0));
        refused("signals a peer", syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
        refused("enters a peer's namespaces", setns(pidfd, CLONE_NEWNS | CLONE_NEWNET));
        refused("advises a peer", syscall(SYS_process_madvise, pidfd, &part, 1, MADVISE_COLD, 0));
        refused("reaps a peer's memory", syscall(SYS_process_mrelease, pidfd, 0));
        for (unsigned i = 1; i <= PIDFD_NAMESPACES; i++)
                refused("opens a peer's namespace", ioctl(pidfd, _IO(PIDFD_TYPE, i), 0));
        close(pidfd);
}

static void against_process(pid_t pid)
{
        char path[64], byte;
        struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};

        refused("signals a peer by its id", kill(pid, SIGUSR1));
        refused("traces a peer", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
        refused("reads a peer's memory", process_vm_readv(pid, &here, 1, &there, 1, 0));
        snprintf(path, sizeof(path), "/proc/%d/mem", pid);
        refused("opens a peer's memory", open(path, O_RDWR));
        snprintf(path, sizeof(path), "/proc/%d/fd/3", pid);
        refused("opens a peer's descriptor", open(path, O_RDONLY));
        snprintf(path, sizeof(path), "/proc/%d/root/etc/hostname", pid);
        refused("goes by a peer's root", open(path, O_RDONLY));
}

/* What comes with a message: credentials, and a descriptor of the process. */
static void against_messages(int fd)
{
        char control[512], byte;
        struct iovec part = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

        if (recvmsg(fd, &message, 0) <= 0)
                return;
        for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
                if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_PIDFD)
                        against_descriptor(*(int *)CMSG_DATA(header));
}

static int listen_in(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), one = 1;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &one, sizeof(one));
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0) {
                printf("ESCAPED? cannot listen where it is granted: %s\n", strerror(errno));
                exit(1);
        }
        return fd;
}

static void callers(void)
{
        int listener = listen_in(in_dir("bound/service"));

        for (int i = 0; i < 3; i++) {
                struct sockaddr_un name;
                struct ucred peer = {0};
                socklen_t size = sizeof(name), credentials = sizeof(peer), number = sizeof(int);
                int pidfd = -1, fd = accept4(listener, (struct sockaddr *)&name, &size, SOCK_CLOEXEC);

                if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &credentials) < 0) {
                        printf("nobody calls: %s\n", strerror(errno));
                        exit(1);
                }
                if (size > sizeof(sa_family_t))
                        escaped("a caller without a name has one");
                if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &number) == 0)
                        against_descriptor(pidfd);
                against_process(peer.pid);
                against_messages(fd);
                close(fd);
        }
        close(listener);
}

static void turned_round(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.0.0.1")};
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        socklen_t size = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0), caller = socket(AF_INET, SOCK_STREAM, 0), fd;

        if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0 ||
            getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
            connect(caller, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            (fd = accept(listener, NULL, NULL)) < 0) {
                printf("ESCAPED? a granted connection does not come about: %s\n", strerror(errno));
                exit(1);
        }
        address.sin_port = htons((uint16_t)atoi(setting("PORT")));
        address.sin_addr.s_addr = inet_addr("127.0.0.3");
        connect(fd, &none, sizeof(none));
        refused("turns an accepted connection round",
                connect(fd, (struct sockaddr *)&address, sizeof(address)));
        connect(listener, &none, sizeof(none));
        refused("turns a listener round", connect(listener, (struct sockaddr *)&address, sizeof(address)));
        (void)sendto(fd, "leak", 4, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&address,
                     sizeof(address));
}

int main(void)
{
        alarm(60);
        callers();
        turned_round();
        still_confined();
        return finished();
}
