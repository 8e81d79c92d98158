/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker does for a caller under a policy that grants everything, against what the kernel does for
 * it: results and the trees that come of it are the same. Steps that somebody thought of, under sanitizers,
 * and no descriptor leaks; tests/differential/ generates far more of them, and runs whole programs. */
#include <ftw.h>

#include "tests/unit/enforce/differential.h"

#define CWD AT_FDCWD
#define OPEN(fd_, path_, flags_, mode_)                                                                      \
        {                                                                                                    \
                .kind = REQUEST_OPEN, .fd = (fd_), .path = (path_), .flags = (unsigned)(flags_),             \
                .mode = (mode_)                                                                              \
        }
#define OPEN2(fd_, path_, flags_, resolve_)                                                                  \
        {                                                                                                    \
                .kind = REQUEST_OPEN, .fd = (fd_), .path = (path_), .flags = (unsigned)(flags_),             \
                .resolve = (resolve_)                                                                        \
        }
#define STAT(fd_, path_, at_)                                                                                \
        {                                                                                                    \
                .kind = REQUEST_STAT, .fd = (fd_), .path = (path_), .at_flags = (at_)                        \
        }
#define ACCESS(path_, mode_, at_)                                                                            \
        {                                                                                                    \
                .kind = REQUEST_ACCESS, .fd = CWD, .path = (path_), .mode = (mode_), .at_flags = (at_)       \
        }
#define READLINK(fd_, path_)                                                                                 \
        {                                                                                                    \
                .kind = REQUEST_READLINK, .fd = (fd_), .path = (path_)                                       \
        }
#define MKDIR(path_, mode_)                                                                                  \
        {                                                                                                    \
                .kind = REQUEST_MKDIR, .fd = CWD, .path = (path_), .mode = (mode_)                           \
        }
#define RMDIR(path_)                                                                                         \
        {                                                                                                    \
                .kind = REQUEST_RMDIR, .fd = CWD, .path = (path_)                                            \
        }
#define UNLINK(path_)                                                                                        \
        {                                                                                                    \
                .kind = REQUEST_UNLINK, .fd = CWD, .path = (path_)                                           \
        }
#define RENAME(from_, to_, flags_)                                                                           \
        {                                                                                                    \
                .kind = REQUEST_RENAME, .fd = CWD, .path = (from_), .fd2 = CWD, .path2 = (to_),              \
                .flags = (flags_)                                                                            \
        }
#define LINK(fd_, from_, to_, at_)                                                                           \
        {                                                                                                    \
                .kind = REQUEST_LINK, .fd = (fd_), .path = (from_), .fd2 = CWD, .path2 = (to_),              \
                .at_flags = (at_)                                                                            \
        }
#define SYMLINK(text_, path_)                                                                                \
        {                                                                                                    \
                .kind = REQUEST_SYMLINK, .fd = CWD, .path = (path_), .path2 = (text_)                        \
        }
#define MKNOD(path_, mode_)                                                                                  \
        {                                                                                                    \
                .kind = REQUEST_MKNOD, .fd = CWD, .path = (path_), .mode = (mode_)                           \
        }
#define CHMOD(fd_, path_, mode_, at_)                                                                        \
        {                                                                                                    \
                .kind = REQUEST_CHMOD, .fd = (fd_), .path = (path_), .mode = (mode_), .at_flags = (at_)      \
        }
#define CHOWN(fd_, path_, uid_, gid_, at_)                                                                   \
        {                                                                                                    \
                .kind = REQUEST_CHOWN, .fd = (fd_), .path = (path_), .flags = (uid_), .mode = (gid_),        \
                .at_flags = (at_)                                                                            \
        }
#define UTIME(fd_, path_, set_, at_)                                                                         \
        {                                                                                                    \
                .kind = REQUEST_UTIME, .fd = (fd_), .path = (path_), .mode = (set_), .at_flags = (at_)       \
        }
#define TRUNCATE(path_, length_)                                                                             \
        {                                                                                                    \
                .kind = REQUEST_TRUNCATE, .fd = CWD, .path = (path_), .length = (length_)                    \
        }
#define XGET(path_, name_, size_, at_)                                                                       \
        {                                                                                                    \
                .kind = REQUEST_XATTR_GET, .fd = CWD, .path = (path_), .path2 = (name_), .flags = (size_),   \
                .at_flags = (at_)                                                                            \
        }
#define XLIST(path_, size_)                                                                                  \
        {                                                                                                    \
                .kind = REQUEST_XATTR_LIST, .fd = CWD, .path = (path_), .flags = (size_)                     \
        }
#define XSET(path_, name_, value_, flags_, at_)                                                              \
        {                                                                                                    \
                .kind = REQUEST_XATTR_SET, .fd = CWD, .path = (path_), .path2 = (name_), .value = (value_),  \
                .flags = (flags_), .at_flags = (at_)                                                         \
        }
#define XREMOVE(path_, name_)                                                                                \
        {                                                                                                    \
                .kind = REQUEST_XATTR_REMOVE, .fd = CWD, .path = (path_), .path2 = (name_)                   \
        }
#define CHDIR(path_)                                                                                         \
        {                                                                                                    \
                .kind = REQUEST_CHDIR, .fd = CWD, .path = (path_)                                            \
        }
#define NOFOLLOW AT_SYMLINK_NOFOLLOW

#define LONG_NAME                                                                                            \
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
        "nnnnnnnnnn"                                                                                         \
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
        "nnnnnnnnnn"                                                                                         \
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* clang-format off */
static const struct step steps[] = {
        /* open: what is there */
        OPEN(CWD, "%/file", O_RDONLY, 0),
        OPEN(CWD, "file", O_RDONLY | O_CLOEXEC, 0),
        OPEN(CWD, "./dir/../file", O_RDWR, 0),
        OPEN(CWD, "%/dir/../file", O_RDONLY, 0),
        OPEN(CWD, "%//dir/.///inner", O_RDONLY, 0),
        OPEN(CALLER_DIR, "inner", O_RDWR | O_APPEND, 0),
        OPEN(CALLER_DIR, "../file", O_RDONLY, 0),
        OPEN(CALLER_PATH, "x", O_RDONLY, 0),
        OPEN(99, "x", O_RDONLY, 0),
        OPEN(-5, "x", O_RDONLY, 0),
        OPEN(CWD, "", O_RDONLY, 0),
        OPEN(CWD, "%/absent", O_RDONLY, 0),
        OPEN(CWD, "absent/x", O_RDONLY, 0),
        OPEN(CWD, "file/x", O_RDONLY, 0),
        OPEN(CWD, "file/", O_RDONLY, 0),
        OPEN(CWD, "dir/", O_RDONLY, 0),
        OPEN(CWD, "dir", O_RDONLY | O_DIRECTORY, 0),
        OPEN(CWD, "file", O_RDONLY | O_DIRECTORY, 0),
        OPEN(CWD, "dir", O_WRONLY, 0),
        OPEN(CWD, "dir", O_RDONLY | O_TRUNC, 0),
        OPEN(CWD, "dir", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "dir/", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "file/", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "absent/", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, ".", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "/", O_RDONLY, 0),
        OPEN(CWD, LONG_NAME, O_RDONLY, 0),
        OPEN(CWD, LONG_NAME, O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "secret", O_RDONLY, 0),
        OPEN(CWD, "locked/x", O_RDONLY, 0),
        OPEN(CWD, "locked/absent", O_RDONLY, 0),
        OPEN(CWD, "locked/absent", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "file", O_RDONLY | O_NOATIME, 0),
        OPEN(CWD, "file", O_RDWR | O_NONBLOCK, 0),
        OPEN(CWD, "file", O_ACCMODE, 0),
        OPEN(CWD, "socket", O_RDONLY, 0),
        OPEN(CWD, "fifo", O_RDONLY | O_NONBLOCK, 0),
        OPEN(CWD, "fifo", O_WRONLY | O_NONBLOCK, 0),
        OPEN(CWD, "fifo", O_RDWR, 0),
        OPEN(CWD, "fifo", O_RDONLY | O_DIRECTORY, 0),
        OPEN(CWD, "/dev/null", O_RDWR, 0),
        OPEN(CWD, "/dev/zero", O_RDONLY, 0),
        /* open: symbolic links */
        OPEN(CWD, "%/link", O_RDONLY, 0),
        OPEN(CWD, "link", O_RDWR, 0),
        OPEN(CWD, "link", O_RDONLY | O_NOFOLLOW, 0),
        OPEN(CWD, "link", O_PATH | O_NOFOLLOW, 0),
        OPEN(CWD, "link", O_PATH, 0),
        OPEN(CWD, "link", O_PATH | O_DIRECTORY, 0),
        OPEN(CWD, "link/", O_RDONLY, 0),
        OPEN(CWD, "dirlink", O_RDONLY | O_NOFOLLOW, 0),
        OPEN(CWD, "dirlink/", O_RDONLY | O_NOFOLLOW, 0),
        OPEN(CWD, "dirlink/inner", O_RDONLY | O_NOFOLLOW, 0),
        OPEN(CWD, "dirlink/../file", O_RDONLY, 0),
        OPEN(CWD, "loop", O_RDONLY, 0),
        OPEN(CWD, "loop", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "loop/x", O_RDONLY, 0),
        OPEN(CWD, "dangling", O_RDONLY, 0),
        OPEN(CWD, "dangling", O_RDWR | O_CREAT | O_EXCL, 0600),
        OPEN(CWD, "dangling", O_RDWR | O_CREAT | O_NOFOLLOW, 0600),
        OPEN(CWD, "dangling/", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "chain", O_RDONLY, 0),
        OPEN(CWD, "abslink", O_RDONLY, 0),
        /* open: creating */
        OPEN(CWD, "new1", O_RDWR | O_CREAT, 0666),
        OPEN(CWD, "new1", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "new1", O_RDWR | O_CREAT | O_EXCL, 0600),
        OPEN(CWD, "%/dir/new2", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0777),
        OPEN(CALLER_DIR, "new3", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 04755),
        OPEN(CWD, "dangling", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "danglingfar", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "danglingdir", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "dirlink/new4", O_RDWR | O_CREAT, 0640),
        OPEN(CWD, "absent/new", O_RDWR | O_CREAT, 0640),
        OPEN(CWD, "file/new", O_RDWR | O_CREAT, 0640),
        OPEN(CWD, "setgid/new", O_RDWR | O_CREAT, 0660),
        OPEN(CWD, "link", O_WRONLY | O_CREAT | O_TRUNC, 0600),
        OPEN(CWD, "file", O_RDONLY, 0),
        OPEN(CWD, "noread", O_WRONLY | O_CREAT, 0),
        OPEN(CWD, "new5", O_RDWR | O_CREAT, 0),
        OPEN(CWD, "sticky/theirs", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "sticky/theirs", O_RDWR, 0600),
        OPEN(CWD, "sticky/theirlink", O_RDONLY, 0600),
        OPEN(CWD, "sticky/mine", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "new6", O_CREAT | O_DIRECTORY, 0600),
        OPEN(CWD, "dir", O_TMPFILE | O_RDWR, 0666),
        OPEN(CWD, "dir", O_TMPFILE | O_RDONLY, 0666),
        OPEN(CWD, "file", O_TMPFILE | O_RDWR, 0666),
        OPEN(CWD, "dir", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0666),
        OPEN(CWD, "dir", O_TMPFILE | O_RDWR | O_EXCL, 0600),
        /* openat2 */
        OPEN2(CALLER_DIR, "inner", O_RDONLY, RESOLVE_BENEATH),
        OPEN2(CALLER_DIR, "../file", O_RDONLY, RESOLVE_BENEATH),
        OPEN2(CALLER_DIR, "../file", O_RDONLY, RESOLVE_IN_ROOT),
        OPEN2(CALLER_DIR, "/inner", O_RDONLY, RESOLVE_IN_ROOT),
        OPEN2(CALLER_DIR, "/inner", O_RDONLY, RESOLVE_BENEATH),
        OPEN2(99, "/inner", O_RDONLY, RESOLVE_BENEATH),
        OPEN2(CWD, "dirlink/", O_RDONLY | O_CREAT, RESOLVE_NO_SYMLINKS),
        OPEN2(CALLER_DIR, "up", O_RDONLY, RESOLVE_BENEATH),
        OPEN2(CALLER_DIR, "up", O_RDONLY, RESOLVE_IN_ROOT),
        OPEN2(CALLER_DIR, "up", O_RDONLY, RESOLVE_NO_SYMLINKS),
        OPEN2(CALLER_DIR, "up", O_RDONLY, RESOLVE_NO_MAGICLINKS),
        OPEN2(CWD, "/proc/self/fd/101", O_RDONLY, RESOLVE_NO_MAGICLINKS),
        OPEN2(CWD, "/proc/self/comm", O_RDONLY, RESOLVE_NO_MAGICLINKS),
        OPEN2(CWD, "/proc/self/comm", O_RDONLY, RESOLVE_NO_SYMLINKS),
        OPEN2(CWD, "/proc/version", O_RDONLY, RESOLVE_NO_XDEV),
        OPEN2(CWD, "file", O_RDONLY, 1ul << 40),
        OPEN2(CWD, "file", O_RDONLY | 1ul << 30, RESOLVE_NO_XDEV),
        /* magic links */
        OPEN(CWD, "/proc/self/cwd/file", O_RDONLY, 0),
        OPEN(CWD, "/proc/thread-self/cwd/dir/inner", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/root/proc/self/cwd/file", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/fd/101", O_RDONLY, 0),
        OPEN(CWD, "/dev/fd/101", O_RDWR | O_CREAT, 0600),
        OPEN(CWD, "/proc/self/fd/100/inner", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/fd/100/", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/fd/101/", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/fd/101/x", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/fd/101", O_RDONLY | O_NOFOLLOW, 0),
        OPEN(CWD, "/proc/self/fd/101", O_RDONLY | O_CREAT | O_EXCL, 0600),
        OPEN(CWD, "/proc/self/fd/99", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/fd/99", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "/proc/self/fd/103", O_RDWR, 0),
        OPEN(CWD, "/proc/self/fd/102", O_RDONLY | O_NONBLOCK, 0),
        OPEN(CWD, "/proc/self/status", O_RDONLY | O_DIRECTORY, 0),
        OPEN(CWD, "/proc/self/status/", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/", O_RDONLY, 0),
        OPEN(CWD, "/proc/self", O_PATH | O_NOFOLLOW, 0),
        OPEN(CWD, "/proc/self/absent", O_RDONLY, 0),
        OPEN(CWD, "/proc/absent", O_RDONLY | O_CREAT, 0600),
        OPEN(CWD, "/proc/self/mem", O_RDWR, 0),
        OPEN(CWD, "/proc/self/environ", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/exe", O_RDONLY, 0),
        OPEN(CWD, "/proc/self/exe", O_WRONLY, 0),
        /* metadata */
        STAT(CWD, "%/file", 0),
        STAT(CWD, "link", 0),
        STAT(CWD, "link", NOFOLLOW),
        STAT(CWD, "dirlink/", NOFOLLOW),
        STAT(CWD, "absent", 0),
        STAT(CWD, "file/", 0),
        STAT(CWD, "dir/.", 0),
        STAT(CWD, "locked/x", 0),
        STAT(CALLER_FILE, "", AT_EMPTY_PATH),
        STAT(CALLER_PIPE, "", AT_EMPTY_PATH),
        STAT(CWD, "", AT_EMPTY_PATH),
        STAT(CWD, "", 0),
        STAT(99, "", AT_EMPTY_PATH),
        STAT(CWD, "/proc/self/cwd/file", 0),
        STAT(CWD, "/proc/self/fd/102", 0),
        STAT(CWD, "/proc/self/fd", 0),
        STAT(CWD, "/dev/null", 0),
        { .kind = REQUEST_STATX, .fd = CWD, .path = "link", .at_flags = NOFOLLOW },
        { .kind = REQUEST_STATX, .fd = CALLER_FILE, .path = "", .at_flags = AT_EMPTY_PATH },
        { .kind = REQUEST_STATFS, .fd = CWD, .path = "file" },
        { .kind = REQUEST_STATFS, .fd = CWD, .path = "/proc/self" },
        { .kind = REQUEST_STATFS, .fd = CWD, .path = "absent" },
        ACCESS("file", R_OK | W_OK, 0),
        ACCESS("file", X_OK, 0),
        ACCESS("program", X_OK, 0),
        ACCESS("secret", R_OK, 0),
        ACCESS("secret", R_OK, AT_EACCESS),
        ACCESS("secret", F_OK, 0),
        ACCESS("absent", F_OK, 0),
        ACCESS("dangling2", F_OK, 0),
        ACCESS("dangling2", F_OK, NOFOLLOW),
        ACCESS("/proc/self/fd/101", W_OK, 0),
        READLINK(CWD, "link"),
        READLINK(CWD, "abslink"),
        READLINK(CWD, "file"),
        READLINK(CWD, "absent"),
        READLINK(CWD, ""),
        READLINK(CWD, "/proc/self/cwd"),
        READLINK(CWD, "/proc/self/fd/101"),
        READLINK(CWD, "/proc/self/fd/99"),
        READLINK(CWD, "/proc/self/root"),
        READLINK(CWD, "/proc/mounts"),
        READLINK(CALLER_FILE, ""),
        READLINK(CALLER_DIR, "up"),
        READLINK(CWD, "link/"),
        /* making names */
        MKDIR("made", 0777),
        MKDIR("made", 0777),
        MKDIR("made2/", 02777),
        MKDIR("made/a/b", 0777),
        MKDIR(".", 0777),
        MKDIR("..", 0777),
        MKDIR("/", 0777),
        MKDIR("", 0777),
        MKDIR("file/x", 0777),
        MKDIR("link", 0777),
        MKDIR("dangling2", 0777),
        MKDIR("dangling2/", 0777),
        MKDIR("dirlink/made3", 0700),
        MKDIR("locked/made", 0700),
        MKDIR("setgid/made", 0700),
        MKDIR("/proc/self/cwd/made4", 0755),
        MKDIR(LONG_NAME, 0755),
        SYMLINK("anything", "symlink1"),
        SYMLINK("anything", "symlink1"),
        SYMLINK("", "symlink2"),
        SYMLINK("x", "symlink3/"),
        SYMLINK("x", "."),
        SYMLINK("x", "dirlink/symlink4"),
        MKNOD("node1", S_IFREG | 0666),
        MKNOD("node2", S_IFIFO | 0666),
        MKNOD("node3", S_IFSOCK | 0666),
        MKNOD("node4", 0644),
        MKNOD("node5", S_IFDIR | 0644),
        MKNOD("node6", S_IFLNK | 0644),
        MKNOD("node1", S_IFREG | 0666),
        MKNOD("node7/", S_IFREG | 0666),
        LINK(CWD, "file", "hard1", 0),
        LINK(CWD, "file", "hard1", 0),
        LINK(CWD, "link", "hard2", 0),
        LINK(CWD, "link", "hard3", AT_SYMLINK_FOLLOW),
        LINK(CWD, "dir", "hard4", 0),
        LINK(CWD, "absent", "hard5", 0),
        LINK(CWD, "file", "absent/x", 0),
        LINK(CWD, "file", "hard6/", 0),
        LINK(CWD, "file", ".", 0),
        LINK(CWD, "file", "dir/hard7", 0),
        LINK(CWD, "/proc/self/fd/101", "hard8", AT_SYMLINK_FOLLOW),
        LINK(CWD, "/proc/self/fd/103", "hard9", AT_SYMLINK_FOLLOW),
        LINK(CWD, "/proc/self/fd/102", "hard10", AT_SYMLINK_FOLLOW),
        LINK(CWD, "secret", "hard11", 0),
        /* moving and removing */
        RENAME("hard1", "moved1", 0),
        RENAME("absent", "moved2", 0),
        RENAME("absent/x", "moved2", 0),
        RENAME("hard3", "dir/moved3", 0),
        RENAME("made", "dir/made", 0),
        RENAME("dir/made", "dir/made/x", 0),
        RENAME("dir", "file", 0),
        RENAME("file", "dir", 0),
        RENAME("moved1", "dir/moved3", RENAME_NOREPLACE),
        RENAME("moved1", "dir/moved3", RENAME_EXCHANGE),
        RENAME("moved1", "absent", RENAME_EXCHANGE),
        RENAME("made2", "moved1", RENAME_EXCHANGE),
        RENAME("moved1", "made2", RENAME_EXCHANGE),
        RENAME("made2", "made2b", RENAME_EXCHANGE | RENAME_NOREPLACE),
        RENAME("made2", "made2b", 64),
        RENAME("made2/", "made2c/", 0),
        RENAME("file/", "filex", 0),
        RENAME("file", "filex/", 0),
        RENAME(".", "x", 0),
        RENAME("made2c", "..", 0),
        RENAME("/", "x", 0),
        RENAME("symlink1", "symlink5", 0),
        RENAME("dir", "dir", 0),
        RENAME("dir", "/proc/x", 0),
        RENAME("sticky/theirs", "sticky/x", 0),
        RENAME("locked/x", "absent/x", 0),
        RENAME(LONG_NAME, "absent/x", 0),
        RENAME("absent", LONG_NAME, 0),
        RENAME("file", LONG_NAME, 0),
        RENAME(".", "/proc/x", 0),
        RENAME("/proc/self/fd/101", "hard1", 0),
        RMDIR("/proc/self/fd/101"),
        UNLINK("/proc/self/fd/101"),
        UNLINK("/proc/self/fd/101/"),
        MKDIR("absent/" LONG_NAME, 0755),
        MKDIR("locked/" LONG_NAME, 0755),
        RMDIR("dir"),
        RMDIR("file"),
        RMDIR("dirlink"),
        RMDIR("dirlink/"),
        RMDIR("absent"),
        RMDIR("."),
        RMDIR("dir/.."),
        RMDIR("/"),
        RMDIR("made2c/"),
        RMDIR("dir/made"),
        UNLINK("dir"),
        UNLINK("absent"),
        UNLINK("file/"),
        UNLINK("symlink5/"),
        UNLINK("symlink5"),
        UNLINK("."),
        UNLINK("/"),
        UNLINK("node2"),
        UNLINK("dirlink/new4"),
        UNLINK("locked/x"),
        UNLINK("sticky/theirs"),
        /* attributes */
        CHMOD(CWD, "file", 0751, 0),
        CHMOD(CWD, "link", 0750, 0),
        CHMOD(CWD, "link", 0750, NOFOLLOW),
        CHMOD(CWD, "program", 06755, 0),
        CHMOD(CWD, "secret", 0777, 0),
        CHMOD(CWD, "absent", 0777, 0),
        CHMOD(CWD, "dir/", 0775, 0),
        CHMOD(CALLER_FILE, NULL, 0644, 0),
        CHMOD(CALLER_PATH, NULL, 0644, 0),
        CHMOD(CALLER_PATH, "", 0640, AT_EMPTY_PATH),
        CHMOD(CALLER_MEMFD, NULL, 0600, 0),
        CHMOD(99, NULL, 0600, 0),
        CHMOD(CWD, "/proc/self/status", 0600, 0),
        CHOWN(CWD, "file", -1u, -1u, 0),
        CHOWN(CWD, "file", 1, -1u, 0),
        CHOWN(CWD, "link", 2, 2, NOFOLLOW),
        CHOWN(CWD, "program", 3, 3, 0),
        CHOWN(CALLER_FILE, "", 4, -1u, AT_EMPTY_PATH),
        UTIME(CWD, "file", 1, 0),
        UTIME(CWD, "link", 1, NOFOLLOW),
        UTIME(CWD, "secret", 0, 0),
        UTIME(CWD, "secret", 1, 0),
        UTIME(CALLER_FILE, NULL, 1, 0),
        UTIME(CALLER_PATH, NULL, 1, 0),
        UTIME(CALLER_MEMFD, NULL, 1, 0),
        UTIME(CWD, "absent", 1, 0),
        TRUNCATE("program", 3),
        TRUNCATE("program", 30),
        TRUNCATE("program", -1),
        TRUNCATE("dir", 0),
        TRUNCATE("fifo", 0),
        TRUNCATE("secret", 0),
        TRUNCATE("absent", 0),
        TRUNCATE("noread", 1),
        UTIME(CWD, "program", 1, 0), /* a size that stays leaves the time */
        TRUNCATE("program", 30),
        /* extended attributes */
        XSET("file", "user.a", "value", 0, 0),
        XSET("file", "user.a", "other", XATTR_CREATE, 0),
        XSET("file", "user.b", "other", XATTR_REPLACE, 0),
        XSET("link", "user.c", "by link", 0, 0),
        XSET("link", "user.c", "on link", 0, NOFOLLOW),
        XSET("link", "trusted.c", "on link", 0, NOFOLLOW),
        XSET("file", "trusted.d", "trusted", 0, 0),
        XSET("secret", "user.d", "x", 0, 0),
        XSET("file", "bogus.d", "x", 0, 0),
        XGET("file", "user.a", 100, 0),
        XGET("file", "user.a", 2, 0),
        XGET("file", "user.a", 0, 0),
        XGET("file", "user.z", 100, 0),
        XGET("link", "user.c", 100, 0),
        XGET("link", "trusted.c", 100, NOFOLLOW),
        XGET("file", "trusted.d", 100, 0),
        XLIST("file", 1000),
        XLIST("file", 0),
        XLIST("file", 3),
        XREMOVE("file", "user.a"),
        XREMOVE("file", "user.a"),
        /* the working directory */
        CHDIR("dir"),
        CHDIR("dirlink"),
        CHDIR("file"),
        CHDIR("absent"),
        CHDIR("locked"),
        CHDIR("/proc/self/cwd"),
        CHDIR("/proc/self/fd/100"),
};
/* clang-format on */

#define STEP_COUNT (sizeof steps / sizeof *steps)

static void make_tree(const char *root, uid_t owner)
{
        char path[PATH_MAX];

        cr_assert_eq(chdir(root), 0);
        cr_assert_eq(chown(".", owner, owner), 0);
        umask(022);
        fixture_write("secret", "secret"); /* stays root's */
        chmod("secret", 0600);
        mkdir("locked", 0700);
        fixture_write("locked/x", "locked");
        chmod("locked", 0);
        mkdir("sticky", 0777);
        chmod("sticky", 01777);
        fixture_write("sticky/theirs", "theirs");
        chmod("sticky/theirs", 0666);
        cr_assert_eq(symlink("theirs", "sticky/theirlink"), 0);
        if (geteuid() == 0) {
                cr_assert_eq(chown("sticky/theirs", 7, 7), 0);
                cr_assert_eq(lchown("sticky/theirlink", 7, 7), 0);
                cr_assert_eq(setresuid(-1u, owner, 0), 0);
        }
        fixture_write("file", "the file");
        fixture_write("program", "#!/bin/sh\n");
        chmod("program", 0755);
        mkdir("dir", 0755);
        fixture_write("dir/inner", "inner");
        mkdir("setgid", 0755);
        chmod("setgid", 02755);
        fixture_write("noread", "x");
        chmod("noread", 0200);
        cr_assert_eq(mkfifo("fifo", 0644), 0);
        cr_assert_eq(mknod("socket", S_IFSOCK | 0644, 0), 0);
        cr_assert_eq(symlink("file", "link"), 0);
        cr_assert_eq(symlink("dir", "dirlink"), 0);
        cr_assert_eq(symlink("loop", "loop"), 0);
        cr_assert_eq(symlink("target1", "dangling"), 0);
        cr_assert_eq(symlink("nowhere", "dangling2"), 0);
        cr_assert_eq(symlink("dirlink/../dir/target2", "danglingfar"), 0);
        cr_assert_eq(symlink("nodir/target3", "danglingdir"), 0);
        cr_assert_eq(symlink("dirlink/uplink", "chain"), 0);
        cr_assert_eq(symlink("../link", "dir/uplink"), 0);
        cr_assert_eq(symlink("../file", "dir/up"), 0);
        snprintf(path, sizeof path, "%s/dirlink/inner", root);
        cr_assert_eq(symlink(path, "abslink"), 0);
        cr_assert_eq(setresuid(-1u, getuid(), -1u), 0);
}

static uid_t caller_uid;

static void become_caller(const char *root)
{
        if (geteuid() == 0 && caller_uid) {
                cr_assert_eq(setgroups(0, NULL), 0);
                cr_assert_eq(setresgid(caller_uid, caller_uid, caller_uid), 0);
                cr_assert_eq(setresuid(caller_uid, caller_uid, caller_uid), 0);
                prctl(PR_SET_DUMPABLE, 1);
        }
        caller_setup(root);
}

/* A child that does all steps natively and writes its outcomes to shared memory. */
static struct outcome *run_all_native(const char *root)
{
        struct outcome *outcomes = mmap(NULL, sizeof(struct outcome) * STEP_COUNT, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pid;
        int status;

        cr_assert_neq(outcomes, MAP_FAILED);
        pid = fork();
        if (pid == 0) {
                become_caller(root);
                for (size_t i = 0; i < STEP_COUNT; i++)
                        run_native(&steps[i], root, &outcomes[i]);
                _exit(0);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "native run: status %x", status);
        return outcomes;
}

static FILE *listing;
static size_t listing_root;

static int list_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
        char target[PATH_MAX] = "";

        (void)flag;
        (void)ftw;
        if (S_ISLNK(status->st_mode) && readlink(path, target, sizeof target - 1) > 0 && target[0] == '/')
                strcpy(target, "absolute");
        fprintf(listing, "%s %o %u %u %lu %ld %s %ld\n", path + listing_root, status->st_mode, status->st_uid,
                status->st_gid, S_ISDIR(status->st_mode) ? 0 : status->st_nlink,
                S_ISREG(status->st_mode) ? status->st_size : 0, target,
                status->st_mtime < 10000 ? status->st_mtime : 0);
        return 0;
}

static int compare_lines(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The tree as text, sorted. */
static char *list_tree(const char *root)
{
        char *text = NULL, *lines[1024], *sorted;
        size_t size, count = 0;

        listing = open_memstream(&text, &size);
        listing_root = strlen(root);
        nftw(root, list_one, 16, FTW_PHYS);
        fclose(listing);
        for (char *line = strtok(text, "\n"); line && count < 1024; line = strtok(NULL, "\n"))
                lines[count++] = line;
        qsort(lines, count, sizeof *lines, compare_lines);
        sorted = calloc(1, size + count + 1);
        for (size_t i = 0; i < count; i++) {
                strcat(sorted, lines[i]);
                strcat(sorted, "\n");
        }
        free(text);
        return sorted;
}

static unsigned compare_step(size_t i, const struct outcome *native, const struct outcome *brokered)
{
        if (native->result == brokered->result && !strcmp(brokered->text, "continued"))
                return 0;
        if (native->result == brokered->result && !strcmp(native->text, brokered->text))
                return 0;
        fprintf(stderr,
                "step %zu kind %d path %s flags %lo mode %lo: native %ld \"%s\", brokered %ld \"%s\"\n", i,
                steps[i].kind, steps[i].path ? steps[i].path : "(fd)", steps[i].flags, steps[i].mode,
                native->result, native->text, brokered->result, brokered->text);
        return 1;
}

static void compare_trees(const char *first, const char *second)
{
        char *a = list_tree(first), *b = list_tree(second);

        if (strcmp(a, b))
                fprintf(stderr, "native:\n%s\nbrokered:\n%s\n", a, b);
        cr_expect_str_eq(a, b);
        free(a);
        free(b);
}

/* A directory so deep in a temporary one that no ".." of a step leads out of that. */
static void make_deep(char *top, char *deep)
{
        cr_assert(mkdtemp(top));
        chmod(top, 0755);
        strcpy(deep, top);
        for (unsigned depth = 0; depth < 20; depth++) {
                strcat(deep, "/d");
                cr_assert_eq(mkdir(deep, 0755), 0);
        }
}

static void run(uid_t uid)
{
        const char *const rules[] = {"w/", "x/", NULL};
        char native_top[] = "/tmp/flicker-native-XXXXXX", broker_top[] = "/tmp/flicker-broker-XXXXXX";
        char native_root[PATH_MAX], broker_root[PATH_MAX];
        struct outcome *native, brokered;
        struct sandbox sandbox;
        unsigned differences = 0, descriptors;

        caller_uid = uid;
        make_deep(native_top, native_root);
        make_deep(broker_top, broker_root);
        make_tree(native_root, uid);
        make_tree(broker_root, uid);
        native = run_all_native(native_root);
        sandbox_init(&sandbox, rules, true);
        if (uid)
                credentials_watch_note(&sandbox.watch);
        sandbox_fork(&sandbox, broker_root, become_caller);
        run_brokered(&sandbox, &steps[5], broker_root, &brokered); /* opens what workers keep */
        reply_finish(&sandbox.reply);
        descriptors = count_descriptors();
        for (size_t i = 0; i < STEP_COUNT; i++) {
                run_brokered(&sandbox, &steps[i], broker_root, &brokered);
                differences += compare_step(i, &native[i], &brokered);
                reply_finish(&sandbox.reply);
                cr_expect_eq(count_descriptors(), descriptors, "step %zu leaks", i);
                descriptors = count_descriptors();
        }
        cr_expect_eq(differences, 0);
        sandbox_finish(&sandbox);
        compare_trees(native_top, broker_top);
        munmap(native, sizeof(struct outcome) * STEP_COUNT);
        cr_assert_eq(chdir("/"), 0);
        fixture_remove(native_top);
        fixture_remove(broker_top);
}

Test(differential, same_user, .timeout = 60)
{
        run(geteuid());
}

/* A privileged broker and a caller that gave its privileges up. */
Test(differential, another_user, .timeout = 60)
{
        if (geteuid() != 0)
                cr_skip("needs privileges");
        run(NOBODY);
}
