/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request: one syscall of a target, as the broker sees it after intake. Everything in it is the
 * broker's own copy, taken once and checked for size and form; nothing in it is a promise about what
 * the target's memory holds now. Addresses (uint64_t ..._address) are places in the target to which
 * results go; nothing is ever read back from them.
 *
 * Whether it came over the ring or as a notification shows only in struct caller.
 */
#ifndef FLICKER_POLICY_REQUEST_H
#define FLICKER_POLICY_REQUEST_H

#include <mqueue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "broker/policy/verdict.h"

#define REQUEST_PATH_MAX     4096         /* bytes, NUL included (PATH_MAX) */
#define REQUEST_XATTR_MAX    (64u << 10)  /* XATTR_SIZE_MAX */
#define REQUEST_DATA_MAX     (256u << 10) /* bytes of payload one brokered send may carry */
#define REQUEST_CONTROL_MAX  20480u       /* bytes of ancillary data (net.core.optmem_max's default) */
#define REQUEST_RIGHTS_MAX   253          /* SCM_MAX_FD */
#define REQUEST_MESSAGES_MAX 64           /* messages of one brokered sendmmsg; more are sent short */

enum request_kind {
        REQUEST_NONE = 0,
        /* files */
        REQUEST_OPEN,         /* open, openat, openat2, creat: path[0], open */
        REQUEST_STAT,         /* stat, lstat, newfstatat: path[0], at_flags, out_address (struct stat) */
        REQUEST_STATX,        /* path[0], at_flags, mask, out_address (struct statx) */
        REQUEST_STATFS,       /* path[0], out_address (struct statfs) */
        REQUEST_ACCESS,       /* access, faccessat, faccessat2: path[0], mode, at_flags */
        REQUEST_READLINK,     /* path[0], out_address, out_size */
        REQUEST_GETDENTS,     /* getdents64 on fd, out_address, out_size: only where names are hidden */
        REQUEST_MKDIR,        /* path[0], mode */
        REQUEST_RMDIR,        /* path[0] */
        REQUEST_UNLINK,       /* path[0] (unlinkat with AT_REMOVEDIR is REQUEST_RMDIR) */
        REQUEST_RENAME,       /* path[0] -> path[1], rename_flags */
        REQUEST_LINK,         /* path[0] -> path[1], at_flags */
        REQUEST_SYMLINK,      /* text -> path[0] */
        REQUEST_MKNOD,        /* path[0], mode, device */
        REQUEST_CHMOD,        /* chmod, fchmod, fchmodat, fchmodat2: path[0], mode, at_flags */
        REQUEST_CHOWN,        /* chown, lchown, fchown, fchownat: path[0], uid, gid, at_flags */
        REQUEST_UTIME,        /* utime, utimes, futimesat, utimensat: path[0], times, at_flags */
        REQUEST_TRUNCATE,     /* path[0], length */
        REQUEST_XATTR_GET,    /* path[0], at_flags, xattr_name, out_address, out_size */
        REQUEST_XATTR_SET,    /* path[0], at_flags, xattr_name, data, xattr_flags */
        REQUEST_XATTR_LIST,   /* path[0], at_flags, out_address, out_size */
        REQUEST_XATTR_REMOVE, /* path[0], at_flags, xattr_name */
        REQUEST_CHDIR,        /* path[0]; the kernel does it, the broker only checks */
        REQUEST_EXEC,         /* execve, execveat: path[0], at_flags */
        REQUEST_WATCH,        /* inotify_add_watch: fd, path[0], at_flags, mask */
        /* objects that have no path */
        REQUEST_IPC_GET,      /* shmget, semget, msgget: args */
        REQUEST_IPC_USE,      /* what is done by id: args; the kernel goes on */
        REQUEST_QUEUE_OPEN,   /* mq_open: text, open.flags, mode, queue_set, queue */
        REQUEST_QUEUE_UNLINK, /* mq_unlink: text */
        /* sockets */
        REQUEST_BIND,    /* fd, address */
        REQUEST_CONNECT, /* fd, address */
        REQUEST_SEND,    /* sendto, sendmsg, sendmmsg: fd, messages, send_flags */
        REQUEST_LISTEN,  /* fd, backlog */
        /* judged by number and registers alone */
        REQUEST_SYSCALL,     /* what the policy or the baseline refuses: nr, args */
        REQUEST_CREDENTIALS, /* set*id, setgroups, capset: noted, then the kernel does it */
};

/* One path argument. fd is the target's descriptor number (AT_FDCWD for none). An absent path (a call on a
 * descriptor: fchmod, or a NULL pathname where the kernel takes one) has by_fd set and names fd itself. */
struct request_path {
        int fd;
        bool by_fd;
        int error;     /* 0, or the -errno of reading it, which counts when it comes to the path */
        size_t length; /* bytes, NUL not counted */
        char text[REQUEST_PATH_MAX]; /* NUL-terminated, no NUL inside */
};

/* One message of a brokered send. Pointers are into the request's own buffers. */
struct request_message {
        bool has_address;
        socklen_t address_size;
        struct sockaddr_storage address;
        uint8_t *data;
        size_t data_size;
        uint8_t *control; /* ancillary data; SCM_RIGHTS holds the *target's* descriptor numbers */
        size_t control_size;
};

struct request {
        enum request_kind kind;
        int nr;           /* x86-64 syscall number, or FL_CALL_NR */
        uint64_t args[6]; /* registers as submitted */

        struct request_path path[2];
        char text[REQUEST_PATH_MAX]; /* symlink's target; a message queue's name */

        int fd;
        unsigned at_flags; /* AT_* as validated for this syscall; unknown bits are EINVAL at intake */
        struct {
                uint64_t flags, mode, resolve; /* openat2(2)'s struct open_how, normalised from all four */
                bool how;                      /* openat2 itself: strict about unknown bits */
        } open;
        mode_t mode;
        dev_t device;
        uid_t uid;
        gid_t gid;
        unsigned mask;
        unsigned rename_flags;
        int xattr_flags;
        int send_flags;
        int64_t length;
        bool times_set; /* false: both now */
        struct timespec times[2];
        char xattr_name[256];
        uint8_t *data; /* allocated; xattr value */
        size_t data_size;

        struct sockaddr_storage address;
        socklen_t address_size;

        struct request_message *messages; /* allocated */
        unsigned message_count;
        bool is_sendmmsg; /* each msg_len is written back */
        int backlog;      /* of listen */
        bool queue_set;   /* attributes for a new queue were given */
        struct mq_attr queue;
        uint64_t lengths_address[REQUEST_MESSAGES_MAX];

        uint64_t out_address;
        size_t out_size;
};

/* Who asks. Filled by the session from what the kernel says (notification pid, ring owner). */
struct caller {
        pid_t tid; /* thread; /proc/TID names it while the request lives */
        bool via_ring;
        int pidfd;     /* of the process, or -1 where only tid is known */
        pid_t process; /* likewise; 0 where only tid is known */
        /* True as long as tid is still the thread that asked (the notification is live, the ring's process
         * is alive). Called after anything was read through tid and before it is trusted. */
        bool (*alive)(const struct caller *caller);
        int listener;
        uint64_t notification_id;
};

enum reply_kind {
        REPLY_RESULT = 0, /* result: a value or -errno; outputs are written first */
        REPLY_DESCRIPTOR, /* fd is given to the caller; what it gets as a number is the result */
        REPLY_CONTINUE,   /* the kernel goes on with the caller's own syscall; why says what makes it sound */
        REPLY_NATIVE,     /* ring only: not to be done over a ring, run the instruction */
        REPLY_KILL,       /* the caller's process is killed */
};

struct reply_output {
        uint64_t address; /* in the target */
        void *data;       /* allocated, owned by the reply */
        size_t size;
};

#define REPLY_OUTPUTS_MAX REQUEST_MESSAGES_MAX /* the lengths of a sendmmsg; other calls have two at most */

struct reply {
        enum reply_kind kind;
        int64_t result;
        int fd; /* REPLY_DESCRIPTOR; owned by the reply */
        bool fd_cloexec;
        const char *why; /* REPLY_CONTINUE */
        unsigned output_count;
        struct reply_output outputs[REPLY_OUTPUTS_MAX];
        /* What the policy said, for audit and explanation. Filled for every judged operation. */
        struct verdict verdict;
        bool judged;
};

void request_init(struct request *request);
void request_finish(struct request *request); /* frees what is allocated; the struct may be used again */
void reply_init(struct reply *reply);
void reply_finish(struct reply *reply);

/* Takes ownership of data (malloc'd). */
void reply_add_output(struct reply *reply, uint64_t address, void *data, size_t size);

void reply_drop_outputs(struct reply *reply); /* they went another way */

static inline void reply_result(struct reply *reply, int64_t result)
{
        reply->kind = REPLY_RESULT;
        reply->result = result;
}

#endif
