/* SPDX-License-Identifier: Apache-2.0 */
/* One line a syscall. Sources: the prototypes of include/linux/syscalls.h, and the functions behind them for
 * the order of checks. */
#include <fcntl.h>
#include <sys/syscall.h>

#include "broker/intake/decode_internal.h"

/* Newer than the headers of Debian 12. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat    463
#define SYS_getxattrat    464
#define SYS_listxattrat   465
#define SYS_removexattrat 466
#endif

#define AT_STATX_ALL   0x6000u
#define AT_LINK        (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
#define AT_STAT        (AT_LINK | AT_NO_AUTOMOUNT | AT_STATX_ALL)
#define AT_ANY         UINT32_MAX /* checked later */
#define MODE_ALL       07777u     /* S_IALLUGO */
#define MODE_DIRECTORY 01777u     /* what vfs_mkdir() keeps */

/* Shapes that many share. */
#define PATH_1      .paths = {{0, 1}}
#define AT_PATH_1_2 .paths = {{1, 2}}
#define FD_1        .paths = {{1, 0}}
#define NO_FOLLOW   .at_fixed = AT_SYMLINK_NOFOLLOW
#define AT(n, bits) .at_flags = (n), .at_allowed = (bits), .empty = EMPTY_BY_FLAG

const struct decoder decode_table[] = {
        [SYS_open] = {REQUEST_OPEN, PATH_1, .before = HOOK_OPEN},
        [SYS_creat] = {REQUEST_OPEN, PATH_1, .before = HOOK_CREAT},
        [SYS_openat] = {REQUEST_OPEN, AT_PATH_1_2, .before = HOOK_OPENAT},
        [SYS_openat2] = {REQUEST_OPEN, AT_PATH_1_2, .before = HOOK_OPENAT2},

        [SYS_stat] = {REQUEST_STAT, PATH_1, .out_address = 2},
        [SYS_lstat] = {REQUEST_STAT, PATH_1, NO_FOLLOW, .out_address = 2},
        [SYS_newfstatat] = {REQUEST_STAT, AT_PATH_1_2, AT(4, AT_STAT), .null_path = NULL_AS_EMPTY,
                            .descriptor_ignores_flags = true, .out_address = 3},
        [SYS_statx] = {REQUEST_STATX, AT_PATH_1_2, AT(3, AT_STAT), .null_path = NULL_AS_EMPTY,
                       .descriptor_ignores_flags = true, .out_address = 5, .before = HOOK_STATX},
        [SYS_statfs] = {REQUEST_STATFS, PATH_1, .out_address = 2},
        [SYS_access] = {REQUEST_ACCESS, PATH_1, .mode = 2, .mode_mask = 7, .before = HOOK_ACCESS},
        [SYS_faccessat] = {REQUEST_ACCESS, AT_PATH_1_2, .mode = 3, .mode_mask = 7, .before = HOOK_ACCESS},
        [SYS_faccessat2] = {REQUEST_ACCESS, AT_PATH_1_2, AT(4, AT_LINK | AT_EACCESS), .mode = 3,
                            .mode_mask = 7, .before = HOOK_ACCESS},
        [SYS_readlink] = {REQUEST_READLINK, PATH_1, NO_FOLLOW, .out_address = 2, .before = HOOK_READLINK},
        [SYS_readlinkat] = {REQUEST_READLINK, AT_PATH_1_2, NO_FOLLOW, .empty = EMPTY_ALWAYS, .out_address = 3,
                            .before = HOOK_READLINK, .after = HOOK_READLINK_PATH},
        [SYS_getdents64] = {REQUEST_GETDENTS, FD_1, .out_address = 2, .before = HOOK_GETDENTS},

        [SYS_mkdir] = {REQUEST_MKDIR, PATH_1, .mode = 2, .mode_mask = MODE_DIRECTORY},
        [SYS_mkdirat] = {REQUEST_MKDIR, AT_PATH_1_2, .mode = 3, .mode_mask = MODE_DIRECTORY},
        [SYS_rmdir] = {REQUEST_RMDIR, PATH_1},
        [SYS_unlink] = {REQUEST_UNLINK, PATH_1},
        [SYS_unlinkat] = {REQUEST_UNLINK, AT_PATH_1_2, .before = HOOK_UNLINKAT},
        [SYS_rename] = {REQUEST_RENAME, .paths = {{0, 1}, {0, 2}}},
        [SYS_renameat] = {REQUEST_RENAME, .paths = {{1, 2}, {3, 4}}},
        [SYS_renameat2] = {REQUEST_RENAME, .paths = {{1, 2}, {3, 4}}, .before = HOOK_RENAMEAT2},
        [SYS_link] = {REQUEST_LINK, .paths = {{0, 1}, {0, 2}}},
        [SYS_linkat] = {REQUEST_LINK, .paths = {{1, 2}, {3, 4}}, AT(5, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)},
        [SYS_symlink] = {REQUEST_SYMLINK, .paths = {{0, 2}}, .before = HOOK_SYMLINK},
        [SYS_symlinkat] = {REQUEST_SYMLINK, .paths = {{2, 3}}, .before = HOOK_SYMLINK},
        [SYS_mknod] = {REQUEST_MKNOD, PATH_1, .mode = 2, .mode_mask = 0xffff, .before = HOOK_MKNOD},
        [SYS_mknodat] = {REQUEST_MKNOD, AT_PATH_1_2, .mode = 3, .mode_mask = 0xffff, .before = HOOK_MKNODAT},

        [SYS_chmod] = {REQUEST_CHMOD, PATH_1, .mode = 2, .mode_mask = MODE_ALL},
        [SYS_fchmod] = {REQUEST_CHMOD, FD_1, .mode = 2, .mode_mask = MODE_ALL},
        [SYS_fchmodat] = {REQUEST_CHMOD, AT_PATH_1_2, .mode = 3, .mode_mask = MODE_ALL},
        [SYS_fchmodat2] = {REQUEST_CHMOD, AT_PATH_1_2, AT(4, AT_LINK), .mode = 3, .mode_mask = MODE_ALL},
        [SYS_chown] = {REQUEST_CHOWN, PATH_1, .before = HOOK_CHOWN},
        [SYS_lchown] = {REQUEST_CHOWN, PATH_1, NO_FOLLOW, .before = HOOK_CHOWN},
        [SYS_fchown] = {REQUEST_CHOWN, FD_1, .before = HOOK_CHOWN},
        [SYS_fchownat] = {REQUEST_CHOWN, AT_PATH_1_2, AT(5, AT_LINK), .before = HOOK_FCHOWNAT},
        [SYS_utime] = {REQUEST_UTIME, PATH_1, .before = HOOK_UTIME},
        [SYS_utimes] = {REQUEST_UTIME, PATH_1, .before = HOOK_UTIMES},
        [SYS_futimesat] = {REQUEST_UTIME, AT_PATH_1_2, .null_path = NULL_BY_FD, .before = HOOK_FUTIMESAT},
        [SYS_utimensat] = {REQUEST_UTIME, AT_PATH_1_2, AT(4, AT_ANY), .null_path = NULL_BY_FD,
                           .before = HOOK_UTIMENSAT, .after = HOOK_TIMES_FLAGS},
        [SYS_truncate] = {REQUEST_TRUNCATE, PATH_1, .before = HOOK_TRUNCATE},

        [SYS_inotify_add_watch] = {REQUEST_WATCH, .paths = {{0, 2}}, .before = HOOK_WATCH},

        /* System V IPC is all in registers. */
        [SYS_shmget] = {REQUEST_IPC_GET},
        [SYS_semget] = {REQUEST_IPC_GET},
        [SYS_msgget] = {REQUEST_IPC_GET},
        [SYS_shmat] = {REQUEST_IPC_USE},
        [SYS_shmctl] = {REQUEST_IPC_USE},
        [SYS_semop] = {REQUEST_IPC_USE},
        [SYS_semtimedop] = {REQUEST_IPC_USE},
        [SYS_semctl] = {REQUEST_IPC_USE},
        [SYS_msgsnd] = {REQUEST_IPC_USE},
        [SYS_msgrcv] = {REQUEST_IPC_USE},
        [SYS_msgctl] = {REQUEST_IPC_USE},
        [SYS_mq_open] = {REQUEST_QUEUE_OPEN, .before = HOOK_QUEUE_OPEN},
        [SYS_mq_unlink] = {REQUEST_QUEUE_UNLINK, .before = HOOK_QUEUE_NAME},

        [SYS_getxattr] = {REQUEST_XATTR_GET, PATH_1, .out_address = 3, .out_size = 4,
                          .out_size_max = REQUEST_XATTR_MAX, .before = HOOK_XATTR_NAME},
        [SYS_lgetxattr] = {REQUEST_XATTR_GET, PATH_1, NO_FOLLOW, .out_address = 3, .out_size = 4,
                           .out_size_max = REQUEST_XATTR_MAX, .before = HOOK_XATTR_NAME},
        [SYS_getxattrat] = {REQUEST_XATTR_GET, AT_PATH_1_2, AT(3, AT_LINK), .null_path = NULL_AS_EMPTY,
                            .first = HOOK_XATTR_ARGUMENTS, .before = HOOK_GETXATTRAT},
        [SYS_listxattr] = {REQUEST_XATTR_LIST, PATH_1, .out_address = 2, .out_size = 3,
                           .out_size_max = REQUEST_XATTR_MAX},
        [SYS_llistxattr] = {REQUEST_XATTR_LIST, PATH_1, NO_FOLLOW, .out_address = 2, .out_size = 3,
                            .out_size_max = REQUEST_XATTR_MAX},
        [SYS_listxattrat] = {REQUEST_XATTR_LIST, AT_PATH_1_2, AT(3, AT_LINK), .null_path = NULL_AS_EMPTY,
                             .out_address = 4, .out_size = 5, .out_size_max = REQUEST_XATTR_MAX},
        [SYS_setxattr] = {REQUEST_XATTR_SET, PATH_1, .before = HOOK_XATTR_SET},
        [SYS_lsetxattr] = {REQUEST_XATTR_SET, PATH_1, NO_FOLLOW, .before = HOOK_XATTR_SET},
        [SYS_fsetxattr] = {REQUEST_XATTR_SET, FD_1, .before = HOOK_XATTR_SET},
        [SYS_setxattrat] = {REQUEST_XATTR_SET, AT_PATH_1_2, AT(3, AT_LINK), .null_path = NULL_AS_EMPTY,
                            .first = HOOK_XATTR_ARGUMENTS, .before = HOOK_SETXATTRAT},
        [SYS_removexattr] = {REQUEST_XATTR_REMOVE, PATH_1, .before = HOOK_XATTR_NAME},
        [SYS_lremovexattr] = {REQUEST_XATTR_REMOVE, PATH_1, NO_FOLLOW, .before = HOOK_XATTR_NAME},
        [SYS_fremovexattr] = {REQUEST_XATTR_REMOVE, FD_1, .before = HOOK_XATTR_NAME},
        [SYS_removexattrat] = {REQUEST_XATTR_REMOVE, AT_PATH_1_2, AT(3, AT_LINK), .null_path = NULL_AS_EMPTY,
                               .before = HOOK_XATTR_NAME_AT},

        [SYS_chdir] = {REQUEST_CHDIR, PATH_1},
        [SYS_execve] = {REQUEST_EXEC, PATH_1},
        [SYS_execveat] = {REQUEST_EXEC, AT_PATH_1_2, AT(5, AT_LINK), .at_flags_late = true},

        [SYS_bind] = {REQUEST_BIND, .before = HOOK_SOCKET_ADDRESS},
        [SYS_connect] = {REQUEST_CONNECT, .before = HOOK_SOCKET_ADDRESS},
        [SYS_listen] = {REQUEST_LISTEN, .before = HOOK_LISTEN},
        [SYS_sendto] = {REQUEST_SEND, .before = HOOK_SENDTO},
        [SYS_sendmsg] = {REQUEST_SEND, .before = HOOK_SENDMSG},
        [SYS_sendmmsg] = {REQUEST_SEND, .before = HOOK_SENDMMSG},

        /* By registers alone: the broker notes that credentials may change. */
        [SYS_setuid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setgid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setreuid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setregid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setgroups] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setresuid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setresgid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setfsuid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_setfsgid] = {.kind = REQUEST_CREDENTIALS},
        [SYS_capset] = {.kind = REQUEST_CREDENTIALS},
};

const size_t decode_table_size = sizeof decode_table / sizeof decode_table[0];
