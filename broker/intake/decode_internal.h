/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside decoding: what the table of decoders is made of, and the bounded readers that its hooks share. Every
 * reader copies what it reads into the request, once; nothing else in the broker reads a target's arguments.
 */
#ifndef FLICKER_INTAKE_DECODE_INTERNAL_H
#define FLICKER_INTAKE_DECODE_INTERNAL_H

#include "broker/intake/decode.h"

/* Linux 6.13, struct xattr_args. */
struct attribute_arguments {
        uint64_t value;
        uint32_t size;
        uint32_t flags;
};

/* One call being decoded. */
struct decoding {
        const struct caller *caller;
        const struct raw_call *call;
        struct request *request;
        uint32_t unknown_flags;               /* of AT_* */
        struct attribute_arguments attribute; /* of setxattrat and getxattrat */
        bool touched; /* the target's memory was read, so that it matters whether the caller still lives */
};

/* A check or copy of arguments: 0 or the -errno that the syscall returns. */
typedef int decode_hook(struct decoding *decoding);

/* Arguments are counted from 1, so that 0 says "has none". */
struct decoder {
        enum request_kind kind; /* REQUEST_NONE: no decoder for this number */
        struct {
                uint8_t directory; /* a descriptor; none: AT_FDCWD */
                uint8_t path;      /* none (and a directory): the call is on that descriptor */
        } paths[2];
        uint8_t at_flags; /* AT_* argument; bits beyond at_allowed are EINVAL, before or after the path */
        bool at_flags_late;
        bool descriptor_ignores_flags; /* where a descriptor stands for the path (Linux 6.11) */
        uint32_t at_allowed, at_fixed; /* at_fixed: what the syscall implies */
        enum {
                EMPTY_REFUSED = 0, /* ENOENT */
                EMPTY_BY_FLAG,     /* means the descriptor, where AT_EMPTY_PATH is given */
                EMPTY_ALWAYS,      /* means the descriptor */
        } empty;                   /* of the first path */
        enum {
                NULL_REFUSED = 0, /* EFAULT */
                NULL_AS_EMPTY,    /* where AT_EMPTY_PATH is given (Linux 6.11) */
                NULL_BY_FD,       /* means the descriptor, where one is given */
        } null_path;              /* of the first path */
        uint8_t mode;
        uint16_t mode_mask;
        uint8_t out_address, out_size; /* where results go, and how many bytes there */
        uint32_t out_size_max;         /* larger sizes are cut to this */
        /* enum hook: what the kernel looks at before the flags, before the paths, after them */
        uint8_t first, before, after;
};

/* By number, since a table of pointers would have to be relocated at each start. */
#define DECODE_HOOKS(HOOK)                                                                                   \
        HOOK(access, ACCESS)                                                                                 \
        HOOK(chown, CHOWN)                                                                                   \
        HOOK(creat, CREAT)                                                                                   \
        HOOK(fchownat, FCHOWNAT)                                                                             \
        HOOK(futimesat, FUTIMESAT)                                                                           \
        HOOK(getdents, GETDENTS)                                                                             \
        HOOK(getxattrat, GETXATTRAT)                                                                         \
        HOOK(xattr_arguments, XATTR_ARGUMENTS)                                                               \
        HOOK(listen, LISTEN)                                                                                 \
        HOOK(mknod, MKNOD)                                                                                   \
        HOOK(mknodat, MKNODAT)                                                                               \
        HOOK(open, OPEN)                                                                                     \
        HOOK(openat, OPENAT)                                                                                 \
        HOOK(openat2, OPENAT2)                                                                               \
        HOOK(queue_name, QUEUE_NAME)                                                                         \
        HOOK(queue_open, QUEUE_OPEN)                                                                         \
        HOOK(readlink, READLINK)                                                                             \
        HOOK(readlink_path, READLINK_PATH)                                                                   \
        HOOK(renameat2, RENAMEAT2)                                                                           \
        HOOK(sendmmsg, SENDMMSG)                                                                             \
        HOOK(sendmsg, SENDMSG)                                                                               \
        HOOK(sendto, SENDTO)                                                                                 \
        HOOK(setxattrat, SETXATTRAT)                                                                         \
        HOOK(socket_address, SOCKET_ADDRESS)                                                                 \
        HOOK(statx, STATX)                                                                                   \
        HOOK(symlink, SYMLINK)                                                                               \
        HOOK(times_flags, TIMES_FLAGS)                                                                       \
        HOOK(truncate, TRUNCATE)                                                                             \
        HOOK(unlinkat, UNLINKAT)                                                                             \
        HOOK(utime, UTIME)                                                                                   \
        HOOK(utimensat, UTIMENSAT)                                                                           \
        HOOK(utimes, UTIMES)                                                                                 \
        HOOK(watch, WATCH)                                                                                   \
        HOOK(xattr_name, XATTR_NAME)                                                                         \
        HOOK(xattr_name_at, XATTR_NAME_AT)                                                                   \
        HOOK(xattr_set, XATTR_SET)

#define DECODE_HOOK_NUMBER(name, number) HOOK_##number,
enum hook { HOOK_NONE = 0, DECODE_HOOKS(DECODE_HOOK_NUMBER) HOOK_COUNT };
#undef DECODE_HOOK_NUMBER

extern const struct decoder decode_table[];
extern const size_t decode_table_size;

/* Argument number index, counted from 0: as a whole register, as the kernel takes an int or unsigned. */
static inline uint64_t arg(const struct decoding *decoding, unsigned index)
{
        return decoding->call->args[index];
}

static inline int32_t arg_int(const struct decoding *decoding, unsigned index)
{
        return (int32_t)(uint32_t)decoding->call->args[index];
}

static inline uint32_t arg_unsigned(const struct decoding *decoding, unsigned index)
{
        return (uint32_t)decoding->call->args[index];
}

/* Exactly size bytes at address, or -EFAULT. */
int decoding_read(struct decoding *decoding, uint64_t address, void *out, size_t size);

/* A string as getname() takes a path: its length; -EFAULT, -ENAMETOOLONG from 4096 bytes on. */
ssize_t decoding_read_path(struct decoding *decoding, uint64_t address, char out[REQUEST_PATH_MAX]);

/* A structure whose size the caller says, as copy_struct_from_user() takes it: of at least minimum bytes;
 * what the caller's is shorter is zero, what it is longer has to be. -EINVAL, -E2BIG, -EFAULT. */
int decoding_read_struct(struct decoding *decoding, uint64_t address, uint64_t size, size_t minimum,
                         void *out, size_t out_size);

/* decode_files.c */
decode_hook decode_open, decode_openat, decode_openat2, decode_creat, decode_statx, decode_access,
        decode_readlink, decode_readlink_path, decode_getdents, decode_unlinkat, decode_renameat2,
        decode_symlink, decode_mknod, decode_mknodat, decode_chown, decode_fchownat, decode_utime,
        decode_utimes, decode_futimesat, decode_utimensat, decode_times_flags, decode_truncate, decode_watch;

/* decode_ipc.c */
decode_hook decode_queue_open, decode_queue_name;

/* decode_xattr.c */
decode_hook decode_xattr_arguments, decode_xattr_name, decode_xattr_set, decode_setxattrat, decode_getxattrat,
        decode_xattr_name_at;

/* decode_socket.c */
decode_hook decode_socket_address, decode_listen, decode_sendto, decode_sendmsg, decode_sendmmsg;

#endif
