/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy that grants some of what the baseline refuses (policy_allowed.json) grants that and no more: no
 * other arguments, no upper half of a register, no process outside, and the broker goes on.
 */
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "attack.h"

static void sockets(void)
{
        static const long families[] = {AF_PACKET, AF_ALG, AF_VSOCK, AF_INET, AF_INET6,
                                        AF_UNIX,   AF_KEY, 45,       1000};
        struct sockaddr_nl address = {.nl_family = AF_NETLINK};
        int fd;

        for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
                for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
                        if (syscall(SYS_socket, families[i], type, 0) >= 0)
                                escaped("a socket of family %ld, type %d", families[i], type);
                        if (syscall(SYS_socket, families[i] | 0x100000000l, type, 0) >= 0)
                                escaped("family %ld with dirt in the register", families[i]);
                }
        for (int protocol = 1; protocol < 32; protocol++)
                if (socket(AF_NETLINK, SOCK_RAW, protocol) >= 0)
                        escaped("netlink protocol %d", protocol);
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
                printf("what is granted does not work: %s\n", strerror(errno));
                exit(1);
        }
        close(fd);
}

static long perf(pid_t pid, int cpu, unsigned long flags)
{
        struct perf_event_attr attribute = {.type = PERF_TYPE_SOFTWARE,
                                            .size = sizeof attribute,
                                            .config = PERF_COUNT_SW_CPU_CLOCK,
                                            .exclude_kernel = 1};

        return syscall(SYS_perf_event_open, &attribute, (long)pid, (long)cpu, -1l, flags);
}

static void counters(void)
{
        pid_t guardian = getppid(), broker = parent_of(guardian);
        const pid_t others[] = {1, guardian, broker};
        int group = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);

        for (size_t i = 0; i < 3; i++)
                if (perf(others[i], -1, 0) >= 0)
                        escaped("counts process %d", others[i]);
        if (perf(-1, 0, 0) >= 0)
                escaped("counts a whole core");
        if (group >= 0 && perf(group, 0, PERF_FLAG_PID_CGROUP) >= 0)
                escaped("counts a control group");
        if (syscall(SYS_perf_event_open, NULL, 0xffffffffl, 0, -1, 0) >= 0 || errno == EFAULT)
                escaped("a whole core, by the lower half");
}

/* Faults that the program handles must not hold up the broker. */
static void faults(void)
{
        struct uffdio_api api = {.api = UFFD_API};
        struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
        int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
        char *page;

        if (fd >= 0)
                escaped("handles faults of the kernel");
        fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
        if (fd < 0) {
                printf("userfaultfd: %s\n", strerror(errno));
                return; /* not in every kernel */
        }
        page = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        range.range.start = (unsigned long)page;
        range.range.len = 1 << 16;
        if (ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &range) < 0)
                return;
        alarm(20);
        for (int i = 0; i < 16; i++) {
                char *path = page + i * 4096;

                if (open(path, O_RDONLY) >= 0 || mkdir(path, 0755) == 0)
                        escaped("a path that is not there");
        }
        alarm(0);
}

static void the_rest(void)
{
        if (syscall(SYS_ptrace, 0, 0, 0, 0) >= 0)
                escaped("ptrace");
        if (syscall(SYS_keyctl, 0, -3, 0) >= 0)
                escaped("keyctl");
        if (syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno == EFAULT)
                escaped("bpf");
        if (syscall(SYS_reboot, 0xfee1deadul, 672274793ul, 0x1234, NULL) >= 0)
                escaped("reboot with another command");
        if (syscall(SYS_reboot, 0, 0, 0x89abcdef00000000ul, NULL) >= 0 || errno == EINVAL)
                escaped("reboot with dirt in the register");
}

int main(void)
{
        sockets();
        counters();
        faults();
        the_rest();
        still_confined();
        return finished();
}
