/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/kd.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "broker/enforce/scalar.h"

#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR 32 /* linux/in6.h, which does not go with netinet/in.h */
#endif

/* Newer than the headers we build with, or not in any. */
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif
#define BTRFS_IOC_SNAP_CREATE      0x50009401
#define BTRFS_IOC_SUBVOL_CREATE    0x5000940e
#define BTRFS_IOC_SNAP_DESTROY     0x5000940f
#define BTRFS_IOC_SNAP_CREATE_V2   0x50009417
#define BTRFS_IOC_SUBVOL_CREATE_V2 0x50009418
#define BTRFS_IOC_SUBVOL_SETFLAGS  0x4008941a
#define BTRFS_IOC_SET_RECEIVED     0xc0c89425
#define BTRFS_IOC_SNAP_DESTROY_V2  0x5000943f
#define FS_IOC_ENABLE_VERITY       0x40806685
#define FAT_IOCTL_SET_ATTRIBUTES   0x40047211

#define NAMESPACES                                                                                           \
        (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |        \
         CLONE_NEWNET)

#define IOPRIO_WHO_PROCESS 1 /* linux/ioprio.h, which older headers lack */
#define OTHER_PROCESS(number)                                                                                \
        {                                                                                                    \
                .nr = (number), .outcome = SCALAR_ASK, WHERE(1, INT_NE(0, 0))                                \
        }

bool scalar_rule_applies(const struct scalar_rule *rule, const struct tiers *tiers)
{
        switch (rule->when) {
        case WHEN_ALWAYS:
                break;
        case WHEN_NO_UNIX:
                return !tiers->unix_sockets;
        case WHEN_NO_IPV4:
                return !tiers->ipv4_sockets;
        case WHEN_NO_IPV6:
                return !tiers->ipv6_sockets;
        case WHEN_NO_TCP:
                return !tiers->tcp_sockets;
        case WHEN_NO_UDP:
                return !tiers->udp_sockets;
        case WHEN_NO_DATAGRAMS:
                return tiers->sends_in_kernel;
        case WHEN_NO_LISTENING:
                return !tiers->listening;
        case WHEN_HIDES:
                return tiers->hides;
        case WHEN_SIGNALS_UNSCOPED:
                return !tiers->signals_scoped;
        case WHEN_PRIVILEGED:
                return tiers->privileged;
        }
        return true;
}

/* clang-format off: a table, one rule an entry */
#define INT_EQ(i, v)                                                                                         \
        {                                                                                                    \
                .index = (i), .op = SCALAR_INT_EQ, .value = (v)                                              \
        }
#define INT_NE(i, v)                                                                                         \
        {                                                                                                    \
                .index = (i), .op = SCALAR_INT_NE, .value = (v)                                              \
        }
#define INT_GT(i, v)                                                                                         \
        {                                                                                                    \
                .index = (i), .op = SCALAR_INT_GT, .value = (v)                                              \
        }
#define INT_MASKED(i, m, v)                                                                                  \
        {                                                                                                    \
                .index = (i), .op = SCALAR_INT_MASKED, .mask = (m), .value = (v)                             \
        }
#define INT_ANY(i, m)                                                                                        \
        {                                                                                                    \
                .index = (i), .op = SCALAR_INT_ANY, .mask = (m)                                              \
        }
#define LONG_EQ(i, v)                                                                                        \
        {                                                                                                    \
                .index = (i), .op = SCALAR_LONG_EQ, .value = (v)                                             \
        }
#define LONG_NE(i, v)                                                                                        \
        {                                                                                                    \
                .index = (i), .op = SCALAR_LONG_NE, .value = (v)                                             \
        }
#define LONG_MASKED(i, m, v)                                                                                 \
        {                                                                                                    \
                .index = (i), .op = SCALAR_LONG_MASKED, .mask = (m), .value = (v)                            \
        }
#define WHERE(count, ...)      .condition_count = (count), .conditions = {__VA_ARGS__}
#define BASELINE(errno_value)  .outcome = SCALAR_REFUSE, .error = (errno_value), .baseline = true
#define GRANTABLE(errno_value) BASELINE(errno_value), .grantable = true
#define UNGRANTED              .outcome = SCALAR_REFUSE, .error = EACCES

/* AF_INET and AF_INET6 (2 and 10) differ in one bit. */
#define FAMILY_INET INT_MASKED(0, ~8u, AF_INET)
#define TYPE(t)     INT_MASKED(1, 0xfu, (t))

#define IOCTL_REFUSED(request_name, number)                                                                  \
        {                                                                                                    \
                .nr = SYS_ioctl, BASELINE(EPERM), .object = request_name,                                    \
                WHERE(1, INT_EQ(1, (uint32_t)(number)))                                                      \
        }
#define IOCTL_ADMINISTRATION(type_and_number_mask, number)                                                   \
        {                                                                                                    \
                .nr = SYS_ioctl, BASELINE(EPERM), .when = WHEN_PRIVILEGED,                                   \
                .object = "file system administration",                                                      \
                WHERE(1, INT_MASKED(1, type_and_number_mask, number))                                        \
        }
#define IOCTL_NETWORK_QUERY(number)                                                                          \
        {                                                                                                    \
                .nr = SYS_ioctl, .outcome = SCALAR_ALLOW, .when = WHEN_PRIVILEGED,                           \
                WHERE(1, INT_EQ(1, (number)))                                                                \
        }
#define SOCKET_OPTIONS(option_mask, first)                                                                   \
        {.nr = SYS_setsockopt,                                                                               \
         GRANTABLE(EPERM),                                                                                   \
         .when = WHEN_PRIVILEGED,                                                                            \
         .object = "packet filter or routing",                                                               \
         WHERE(2, INT_EQ(1, IPPROTO_IP), INT_MASKED(2, option_mask, first))},                                \
        {                                                                                                    \
                .nr = SYS_setsockopt, GRANTABLE(EPERM), .when = WHEN_PRIVILEGED,                             \
                .object = "packet filter or routing",                                                        \
                WHERE(2, INT_EQ(1, IPPROTO_IPV6), INT_MASKED(2, option_mask, first))                         \
        }

#define SOURCE_ROUTE(level, option)                                                                          \
        {                                                                                                    \
                .nr = SYS_setsockopt, BASELINE(EPERM), .object = "a route of its own",                       \
                WHERE(3, INT_EQ(1, level), INT_EQ(2, option), INT_NE(4, 0))                                  \
        }

const struct scalar_rule scalar_rules[] = {
        /*
         * Sockets. What the policy language does not know fails as on a kernel without it: programs
         * (resolvers, audit libraries) have a way out of that. What it knows may be made where it grants any.
         */
        {.nr = SYS_socket, GRANTABLE(EAFNOSUPPORT), .family = "AF_", WHERE(1, INT_EQ(0, AF_UNSPEC))},
        {.nr = SYS_socket, GRANTABLE(EAFNOSUPPORT), .family = "AF_", WHERE(1, INT_EQ(0, AF_AX25))},
        {.nr = SYS_socket, GRANTABLE(EAFNOSUPPORT), .family = "AF_", WHERE(1, INT_MASKED(0, ~3u, 4))},
        {.nr = SYS_socket, GRANTABLE(EAFNOSUPPORT), .family = "AF_", WHERE(1, INT_MASKED(0, ~1u, 8))},
        {.nr = SYS_socket, GRANTABLE(EAFNOSUPPORT), .family = "AF_", WHERE(1, INT_GT(0, AF_INET6))},
        /* SOCK_RAW of AF_UNIX is SOCK_DGRAM by another name. */
        {.nr = SYS_socket,
         BASELINE(ESOCKTNOSUPPORT),
         .object = "AF_UNIX, SOCK_RAW",
         WHERE(2, INT_EQ(0, AF_UNIX), TYPE(SOCK_RAW))},
        {.nr = SYS_socket, GRANTABLE(EPERM), .object = "SOCK_RAW", WHERE(2, FAMILY_INET, TYPE(SOCK_RAW))},
        {.nr = SYS_socket,
         GRANTABLE(ESOCKTNOSUPPORT),
         .object = "neither tcp nor udp",
         WHERE(2, FAMILY_INET, INT_MASKED(1, 0xcu, 4))},
        {.nr = SYS_socket,
         GRANTABLE(ESOCKTNOSUPPORT),
         .object = "neither tcp nor udp",
         WHERE(2, FAMILY_INET, INT_MASKED(1, 0x8u, 8))}, /* SOCK_PACKET among them */
        /* The kernel has no stream protocol below TCP's number; above it MPTCP, SCTP, SMC. */
        {.nr = SYS_socket,
         GRANTABLE(EPROTONOSUPPORT),
         .object = "neither tcp nor udp",
         WHERE(3, FAMILY_INET, TYPE(SOCK_STREAM), INT_GT(2, IPPROTO_TCP))},
        {.nr = SYS_socket,
         GRANTABLE(EPROTONOSUPPORT),
         .object = "neither tcp nor udp",
         WHERE(3, FAMILY_INET, TYPE(SOCK_DGRAM), INT_EQ(2, IPPROTO_ICMP))},
        {.nr = SYS_socket,
         GRANTABLE(EPROTONOSUPPORT),
         .object = "neither tcp nor udp",
         WHERE(3, FAMILY_INET, TYPE(SOCK_DGRAM), INT_GT(2, IPPROTO_UDP))},
        {.nr = SYS_socket,
         UNGRANTED,
         .when = WHEN_NO_UNIX,
         .object = "AF_UNIX",
         WHERE(1, INT_EQ(0, AF_UNIX))},
        {.nr = SYS_socket,
         UNGRANTED,
         .when = WHEN_NO_IPV4,
         .object = "AF_INET",
         WHERE(1, INT_EQ(0, AF_INET))},
        {.nr = SYS_socket,
         UNGRANTED,
         .when = WHEN_NO_IPV6,
         .object = "AF_INET6",
         WHERE(1, INT_EQ(0, AF_INET6))},
        {.nr = SYS_socket,
         UNGRANTED,
         .when = WHEN_NO_TCP,
         .object = "tcp",
         WHERE(2, FAMILY_INET, TYPE(SOCK_STREAM))},
        {.nr = SYS_socket,
         UNGRANTED,
         .when = WHEN_NO_UDP,
         .object = "udp",
         WHERE(2, FAMILY_INET, TYPE(SOCK_DGRAM))},

        {.nr = SYS_socketpair, BASELINE(EAFNOSUPPORT), .family = "AF_", WHERE(1, INT_NE(0, AF_UNIX))},
        {.nr = SYS_socketpair, BASELINE(ESOCKTNOSUPPORT), .object = "SOCK_RAW", WHERE(1, TYPE(SOCK_RAW))},
        /* Each end of a datagram pair can send to any name that is given with the message. */
        {.nr = SYS_socketpair,
         UNGRANTED,
         .when = WHEN_NO_DATAGRAMS,
         .object = "SOCK_DGRAM",
         WHERE(1, TYPE(SOCK_DGRAM))},
        {.nr = SYS_listen, UNGRANTED, .when = WHEN_NO_LISTENING, .object = "on a socket"},

        {.nr = SYS_sendto, .outcome = SCALAR_ASK, WHERE(1, LONG_NE(4, 0))},
        /* Connects, to an address in memory. */
        {.nr = SYS_sendmsg, .outcome = SCALAR_ASK, WHERE(1, INT_MASKED(2, MSG_FASTOPEN, MSG_FASTOPEN))},
        {.nr = SYS_sendmmsg, .outcome = SCALAR_ASK, WHERE(1, INT_MASKED(3, MSG_FASTOPEN, MSG_FASTOPEN))},

        /* Where a packet goes first is where it goes: a route would lead round the judged address. Taking one
         * off (a length of 0) is fine. */
        SOURCE_ROUTE(IPPROTO_IP, IP_OPTIONS),
        SOURCE_ROUTE(IPPROTO_IPV6, IPV6_RTHDR),
        SOURCE_ROUTE(IPPROTO_IPV6, IPV6_2292PKTOPTIONS),
        /* A flow label is 32 bytes (struct in6_flowlabel_req); headers of all its packets may follow, routes
         * among them. */
        {.nr = SYS_setsockopt,
         BASELINE(EPERM),
         .object = "a route of its own",
         WHERE(3, INT_EQ(1, IPPROTO_IPV6), INT_EQ(2, IPV6_FLOWLABEL_MGR), INT_GT(4, 32))},
        /* iptables, arptables, ebtables, ipvs; multicast routing is 200 to 212. */
        SOCKET_OPTIONS(~1u, 64),
        SOCKET_OPTIONS(~1u, 96),
        SOCKET_OPTIONS(~1u, 128),
        SOCKET_OPTIONS(~7u, 200),
        SOCKET_OPTIONS(~7u, 208),
        SOCKET_OPTIONS(~0xfu, 0x480),

        /* Processes. clone takes the lower half of its flags. */
        {.nr = SYS_clone,
         .outcome = SCALAR_ANSWER,
         .error = EPERM,
         .baseline = true,
         .object = "namespaces",
         WHERE(1, INT_ANY(0, NAMESPACES))},
        {.nr = SYS_unshare,
         .outcome = SCALAR_ALLOW,
         WHERE(1, LONG_MASKED(0, ~(uint64_t)(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM), 0))},
        {.nr = SYS_unshare, BASELINE(EPERM), .object = "namespaces"},
        /* An unprivileged broker could not serve a process that nobody may look into. */
        {.nr = SYS_prctl,
         .outcome = SCALAR_ANSWER,
         .error = 0,
         .baseline = true,
         .object = "PR_SET_DUMPABLE",
         WHERE(2, INT_EQ(0, PR_SET_DUMPABLE), LONG_EQ(1, 0))},
        /* /proc/PID/exe is what the broker knows an image by. */
        {.nr = SYS_prctl, BASELINE(EPERM), .object = "PR_SET_MM", WHERE(1, INT_EQ(0, PR_SET_MM))},
        /* Decides what the next exec leaves of root's capabilities: the broker takes note. */
        {.nr = SYS_prctl,
         .outcome = SCALAR_ASK,
         .when = WHEN_PRIVILEGED,
         WHERE(1, INT_EQ(0, PR_SET_SECUREBITS))},
        /* Goes by the address of the syscall instruction, which the agent moves. */
        {.nr = SYS_prctl,
         BASELINE(EINVAL),
         .object = "PR_SET_SYSCALL_USER_DISPATCH",
         WHERE(1, INT_EQ(0, PR_SET_SYSCALL_USER_DISPATCH))},
        {.nr = SYS_personality, .outcome = SCALAR_ALLOW, WHERE(1, INT_EQ(0, 0))},
        {.nr = SYS_personality, .outcome = SCALAR_ALLOW, WHERE(1, INT_EQ(0, UINT32_MAX))},
        {.nr = SYS_personality, .outcome = SCALAR_ALLOW, WHERE(1, INT_EQ(0, ADDR_NO_RANDOMIZE))},
        {.nr = SYS_personality, GRANTABLE(EPERM), .family = "PER_", WHERE(1, INT_MASKED(0, 0, 0))},
        /* A second listener in the chain is EBUSY in the kernel too. */
        {.nr = SYS_seccomp,
         BASELINE(EBUSY),
         .object = "SECCOMP_FILTER_FLAG_NEW_LISTENER",
         WHERE(2, INT_EQ(0, SECCOMP_SET_MODE_FILTER),
               INT_MASKED(1, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER))},
        /* Other processes, where they are in the sandbox: that only the broker knows. Groups and users reach
         * out of it (flicker-run is of the program's group). */
        OTHER_PROCESS(SYS_prlimit64),
        OTHER_PROCESS(SYS_move_pages),
        OTHER_PROCESS(SYS_migrate_pages),
        OTHER_PROCESS(SYS_sched_setparam),
        OTHER_PROCESS(SYS_sched_setscheduler),
        OTHER_PROCESS(SYS_sched_setaffinity),
        OTHER_PROCESS(SYS_sched_setattr),
        {.nr = SYS_setpriority,
         BASELINE(EPERM),
         .object = "a group or user",
         WHERE(1, INT_NE(0, PRIO_PROCESS))},
        {.nr = SYS_setpriority, .outcome = SCALAR_ASK, WHERE(1, INT_NE(1, 0))},
        {.nr = SYS_ioprio_set,
         BASELINE(EPERM),
         .object = "a group or user",
         WHERE(1, INT_NE(0, IOPRIO_WHO_PROCESS))},
        {.nr = SYS_ioprio_set, .outcome = SCALAR_ASK, WHERE(1, INT_NE(1, 0))},
        /* Granted by the policy only. Of a whole core it would show what all others do; a fault that user
         * space handles while the kernel, or the broker, waits for it would hold them up. */
        {.nr = SYS_perf_event_open,
         BASELINE(EACCES),
         .object = "of a whole core",
         WHERE(1, INT_EQ(1, UINT32_MAX))},
        {.nr = SYS_perf_event_open,
         BASELINE(EACCES),
         .object = "of a control group",
         WHERE(1, INT_MASKED(4, PERF_FLAG_PID_CGROUP, PERF_FLAG_PID_CGROUP))},
        {.nr = SYS_perf_event_open, .outcome = SCALAR_ASK, WHERE(1, INT_NE(1, 0))},
        {.nr = SYS_userfaultfd,
         BASELINE(EPERM),
         .object = "without UFFD_USER_MODE_ONLY",
         WHERE(1, INT_MASKED(0, UFFD_USER_MODE_ONLY, 0))},
        /* Who gets SIGIO. Landlock's scope for signals covers it; without it, only one process can be looked
           at. */
        {.nr = SYS_fcntl,
         BASELINE(EPERM),
         .when = WHEN_SIGNALS_UNSCOPED,
         .object = "F_SETOWN_EX",
         WHERE(1, INT_EQ(1, F_SETOWN_EX))},
        {.nr = SYS_fcntl,
         BASELINE(EPERM),
         .when = WHEN_SIGNALS_UNSCOPED,
         .object = "F_SETOWN of a group",
         WHERE(2, INT_EQ(1, F_SETOWN), INT_GT(2, INT32_MAX))},
        {.nr = SYS_fcntl,
         .outcome = SCALAR_ASK,
         .when = WHEN_SIGNALS_UNSCOPED,
         WHERE(1, INT_EQ(1, F_SETOWN))},
        {.nr = SYS_ioctl,
         BASELINE(EPERM),
         .when = WHEN_SIGNALS_UNSCOPED,
         .object = "FIOSETOWN",
         WHERE(1, INT_EQ(1, FIOSETOWN))},
        {.nr = SYS_ioctl,
         BASELINE(EPERM),
         .when = WHEN_SIGNALS_UNSCOPED,
         .object = "SIOCSPGRP",
         WHERE(1, INT_EQ(1, SIOCSPGRP))},
        {.nr = SYS_getdents, BASELINE(ENOSYS), .when = WHEN_HIDES, .object = "getdents"},

        /* Typing into, or taking over, a terminal that is shared with what is outside. */
        IOCTL_REFUSED("TIOCSTI", TIOCSTI),
        IOCTL_REFUSED("TIOCLINUX", TIOCLINUX),
        IOCTL_REFUSED("TIOCSETD", TIOCSETD),
        IOCTL_REFUSED("TIOCCONS", TIOCCONS),
        IOCTL_REFUSED("TIOCVHANGUP", TIOCVHANGUP),
        /* What the keys of a console type, for whoever sits there later. */
        IOCTL_REFUSED("KDSKBENT", KDSKBENT),
        IOCTL_REFUSED("KDSKBSENT", KDSKBSENT),
        IOCTL_REFUSED("KDSKBDIACR", KDSKBDIACR),
        IOCTL_REFUSED("KDSKBDIACRUC", KDSKBDIACRUC),
        IOCTL_REFUSED("KDSETKEYCODE", KDSETKEYCODE),
        /* Metadata and volumes, through a descriptor that need only be open for reading. */
        IOCTL_REFUSED("FS_IOC_SETFLAGS", FS_IOC_SETFLAGS),
        IOCTL_REFUSED("FS_IOC32_SETFLAGS", FS_IOC32_SETFLAGS),
        IOCTL_REFUSED("FS_IOC_FSSETXATTR", FS_IOC_FSSETXATTR),
        IOCTL_REFUSED("FS_IOC_SETVERSION", FS_IOC_SETVERSION),
        IOCTL_REFUSED("FS_IOC32_SETVERSION", FS_IOC32_SETVERSION),
        IOCTL_REFUSED("FS_IOC_SETFSLABEL", FS_IOC_SETFSLABEL),
        IOCTL_REFUSED("FS_IOC_ENABLE_VERITY", FS_IOC_ENABLE_VERITY),
        /* 'f' 19, 23, 24 and 25 */
        {.nr = SYS_ioctl,
         BASELINE(EPERM),
         .object = "file encryption",
         WHERE(1, INT_MASKED(1, 0xffff, 0x6613))},
        {.nr = SYS_ioctl,
         BASELINE(EPERM),
         .object = "file encryption",
         WHERE(1, INT_MASKED(1, 0xffff, 0x6617))},
        {.nr = SYS_ioctl,
         BASELINE(EPERM),
         .object = "file encryption",
         WHERE(1, INT_MASKED(1, 0xfffe, 0x6618))},
        IOCTL_REFUSED("FIFREEZE", FIFREEZE),
        IOCTL_REFUSED("FITHAW", FITHAW),
        IOCTL_REFUSED("FITRIM", FITRIM),
        IOCTL_REFUSED("BTRFS_IOC_SNAP_CREATE", BTRFS_IOC_SNAP_CREATE),
        IOCTL_REFUSED("BTRFS_IOC_SNAP_CREATE_V2", BTRFS_IOC_SNAP_CREATE_V2),
        IOCTL_REFUSED("BTRFS_IOC_SNAP_DESTROY", BTRFS_IOC_SNAP_DESTROY),
        IOCTL_REFUSED("BTRFS_IOC_SNAP_DESTROY_V2", BTRFS_IOC_SNAP_DESTROY_V2),
        IOCTL_REFUSED("BTRFS_IOC_SUBVOL_CREATE", BTRFS_IOC_SUBVOL_CREATE),
        IOCTL_REFUSED("BTRFS_IOC_SUBVOL_CREATE_V2", BTRFS_IOC_SUBVOL_CREATE_V2),
        IOCTL_REFUSED("BTRFS_IOC_SUBVOL_SETFLAGS", BTRFS_IOC_SUBVOL_SETFLAGS),
        IOCTL_REFUSED("BTRFS_IOC_SET_RECEIVED_SUBVOL", BTRFS_IOC_SET_RECEIVED),
        IOCTL_REFUSED("FAT_IOCTL_SET_ATTRIBUTES", FAT_IOCTL_SET_ATTRIBUTES),
        /* Files by handle, growing, swapping, shutting down: what a capability makes work on any descriptor.
         */
        IOCTL_ADMINISTRATION(0xfffe, 0x586a), /* XFS: 106 to 127 */
        IOCTL_ADMINISTRATION(0xfffc, 0x586c),
        IOCTL_ADMINISTRATION(0xfff0, 0x5870),
        IOCTL_ADMINISTRATION(0xffff, 0x6607), /* ext4: growing, swapping the boot loader's inode */
        IOCTL_ADMINISTRATION(0xffff, 0x6608),
        IOCTL_ADMINISTRATION(0xfffe, 0x6610),
        /* Network set-up, where capabilities would make it work: of 0x89xx the queries only. */
        IOCTL_NETWORK_QUERY(FIOSETOWN),
        IOCTL_NETWORK_QUERY(SIOCSPGRP),
        IOCTL_NETWORK_QUERY(FIOGETOWN),
        IOCTL_NETWORK_QUERY(SIOCGPGRP),
        IOCTL_NETWORK_QUERY(SIOCATMARK),
        IOCTL_NETWORK_QUERY(SIOCGSTAMP_OLD),
        IOCTL_NETWORK_QUERY(SIOCGSTAMPNS_OLD),
        IOCTL_NETWORK_QUERY(SIOCGIFNAME),
        IOCTL_NETWORK_QUERY(SIOCGIFCONF),
        IOCTL_NETWORK_QUERY(SIOCGIFFLAGS),
        IOCTL_NETWORK_QUERY(SIOCGIFADDR),
        IOCTL_NETWORK_QUERY(SIOCGIFDSTADDR),
        IOCTL_NETWORK_QUERY(SIOCGIFBRDADDR),
        IOCTL_NETWORK_QUERY(SIOCGIFNETMASK),
        IOCTL_NETWORK_QUERY(SIOCGIFMETRIC),
        IOCTL_NETWORK_QUERY(SIOCGIFMTU),
        IOCTL_NETWORK_QUERY(SIOCGIFHWADDR),
        IOCTL_NETWORK_QUERY(SIOCGIFINDEX),
        IOCTL_NETWORK_QUERY(SIOCGIFTXQLEN),
        IOCTL_NETWORK_QUERY(SIOCGIFMAP),
        {.nr = SYS_ioctl,
         GRANTABLE(EPERM),
         .when = WHEN_PRIVILEGED,
         .family = "SIOC",
         WHERE(1, INT_MASKED(1, ~0xffu, 0x8900))},
        {.nr = SYS_ioctl,
         GRANTABLE(EPERM),
         .when = WHEN_PRIVILEGED,
         .object = "wireless set-up",
         WHERE(1, INT_MASKED(1, ~0xfeu, 0x8b00))},
};
/* clang-format on */

const size_t scalar_rule_count = sizeof scalar_rules / sizeof scalar_rules[0];
