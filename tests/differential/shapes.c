/* SPDX-License-Identifier: Apache-2.0 */
/* The syscalls that are tried, and what their arguments are (enum argument). */
#include <sys/syscall.h>

#include "tests/differential/case.h"

#ifndef SYS_setxattrat /* Linux 6.13 */
#define SYS_setxattrat    463
#define SYS_getxattrat    464
#define SYS_listxattrat   465
#define SYS_removexattrat 466
#endif

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* clang-format off */
const struct shape shapes[] = {
        {"open", SYS_open, 20, "pom", RESULT_OPEN, false},
        {"openat", SYS_openat, 60, "dpom", RESULT_OPEN, false},
        {"openat2", SYS_openat2, 30, "dphz", RESULT_OPEN, false},
        {"creat", SYS_creat, 6, "nm", RESULT_OPEN, false},
        {"stat", SYS_stat, 12, "pb", RESULT_STAT, false},
        {"lstat", SYS_lstat, 12, "pb", RESULT_STAT, false},
        {"newfstatat", SYS_newfstatat, 20, "dpba", RESULT_STAT, false},
        {"fstat", SYS_fstat, 4, "fb", RESULT_STAT, false},
        {"statx", SYS_statx, 12, "dpaKb", RESULT_STATX, false},
        {"statfs", SYS_statfs, 5, "pb", RESULT_STATFS, false},
        {"access", SYS_access, 8, "pA", RESULT_NONE, false},
        {"faccessat", SYS_faccessat, 5, "dpA", RESULT_NONE, false},
        {"faccessat2", SYS_faccessat2, 12, "dpAa", RESULT_NONE, false},
        {"readlink", SYS_readlink, 12, "pbc", RESULT_TEXT, false},
        {"readlinkat", SYS_readlinkat, 14, "dpbc", RESULT_TEXT, false},
        {"getcwd", SYS_getcwd, 6, "bc", RESULT_PATH, false},
        {"getdents64", SYS_getdents64, 8, "fbc", RESULT_LIST, false},
        {"chdir", SYS_chdir, 14, "p", RESULT_NONE, false},
        {"fchdir", SYS_fchdir, 6, "f", RESULT_NONE, false},
        {"mkdir", SYS_mkdir, 8, "nm", RESULT_NONE, false},
        {"mkdirat", SYS_mkdirat, 10, "dnm", RESULT_NONE, false},
        {"rmdir", SYS_rmdir, 8, "p", RESULT_NONE, false},
        {"unlink", SYS_unlink, 8, "p", RESULT_NONE, false},
        {"unlinkat", SYS_unlinkat, 10, "dpR", RESULT_NONE, false},
        {"rename", SYS_rename, 8, "pn", RESULT_NONE, false},
        {"renameat", SYS_renameat, 5, "dpdn", RESULT_NONE, false},
        {"renameat2", SYS_renameat2, 14, "dpdnr", RESULT_NONE, false},
        {"link", SYS_link, 8, "pn", RESULT_NONE, false},
        {"linkat", SYS_linkat, 14, "dpdnL", RESULT_NONE, false},
        {"symlink", SYS_symlink, 8, "tn", RESULT_NONE, false},
        {"symlinkat", SYS_symlinkat, 8, "tdn", RESULT_NONE, false},
        {"mknod", SYS_mknod, 6, "nMD", RESULT_NONE, false},
        {"mknodat", SYS_mknodat, 8, "dnMD", RESULT_NONE, false},
        {"chmod", SYS_chmod, 10, "pm", RESULT_NONE, false},
        {"fchmod", SYS_fchmod, 5, "fm", RESULT_NONE, false},
        {"fchmodat", SYS_fchmodat, 6, "dpm", RESULT_NONE, false},
        {"fchmodat2", SYS_fchmodat2, 8, "dpma", RESULT_NONE, false},
        {"chown", SYS_chown, 6, "pug", RESULT_NONE, false},
        {"lchown", SYS_lchown, 5, "pug", RESULT_NONE, false},
        {"fchown", SYS_fchown, 4, "fug", RESULT_NONE, false},
        {"fchownat", SYS_fchownat, 8, "dpuga", RESULT_NONE, false},
        {"utime", SYS_utime, 4, "pU", RESULT_NONE, false},
        {"utimes", SYS_utimes, 4, "pv", RESULT_NONE, false},
        {"futimesat", SYS_futimesat, 4, "dpv", RESULT_NONE, false},
        {"utimensat", SYS_utimensat, 10, "dpTa", RESULT_NONE, false},
        {"truncate", SYS_truncate, 10, "pl", RESULT_NONE, false},
        {"ftruncate", SYS_ftruncate, 4, "fl", RESULT_NONE, false},
        {"setxattr", SYS_setxattr, 5, "pkVzF", RESULT_NONE, false},
        {"lsetxattr", SYS_lsetxattr, 4, "pkVzF", RESULT_NONE, false},
        {"fsetxattr", SYS_fsetxattr, 3, "fkVzF", RESULT_NONE, false},
        {"getxattr", SYS_getxattr, 5, "pkbc", RESULT_TEXT, false},
        {"lgetxattr", SYS_lgetxattr, 3, "pkbc", RESULT_TEXT, false},
        {"fgetxattr", SYS_fgetxattr, 3, "fkbc", RESULT_TEXT, false},
        {"listxattr", SYS_listxattr, 4, "pbc", RESULT_NAMES, false},
        {"llistxattr", SYS_llistxattr, 3, "pbc", RESULT_NAMES, false},
        {"flistxattr", SYS_flistxattr, 2, "fbc", RESULT_NAMES, false},
        {"removexattr", SYS_removexattr, 3, "pk", RESULT_NONE, false},
        {"lremovexattr", SYS_lremovexattr, 2, "pk", RESULT_NONE, false},
        {"fremovexattr", SYS_fremovexattr, 2, "fk", RESULT_NONE, false},
        {"setxattrat", SYS_setxattrat, 4, "dpakxX", RESULT_NONE, false},
        {"getxattrat", SYS_getxattrat, 5, "dpakyX", RESULT_TEXT, false},
        {"listxattrat", SYS_listxattrat, 4, "dpabc", RESULT_NAMES, false},
        {"removexattrat", SYS_removexattrat, 3, "dpak", RESULT_NONE, false},
        {"inotify_add_watch", SYS_inotify_add_watch, 10, "ipw", RESULT_NONE, false},
        {"bind", SYS_bind, 10, "SqQ", RESULT_BOUND, false},
        {"connect", SYS_connect, 10, "SqQ", RESULT_CONNECTED, false},
        {"sendto", SYS_sendto, 6, "SB1NqQ", RESULT_NONE, false},
        {"umask", SYS_umask, 5, "m", RESULT_NONE, false},
        {"setfsuid", SYS_setfsuid, 8, "u", RESULT_NONE, true},
        {"setfsgid", SYS_setfsgid, 6, "g", RESULT_NONE, true},
};
/* clang-format on */

const unsigned shape_count = sizeof shapes / sizeof *shapes;
