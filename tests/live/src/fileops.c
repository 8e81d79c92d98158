/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File operations and what they give, printed so that a run in the sandbox can be compared with a native
 * one, line by line. Works in the current directory, which it expects to be empty.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "report.h"

static void closing(const char *name, int fd)
{
        report(name, fd);
        if (fd >= 0)
                close(fd);
}

static void mode_of(const char *name, const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0) {
                report(name, -1);
                return;
        }
        report_text(name, "%o uid-own=%d gid-own=%d nlink=%lu size=%lld", st.st_mode, st.st_uid == geteuid(),
                    st.st_gid == getegid(), (unsigned long)st.st_nlink,
                    S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size);
}

static void make_file(const char *path, const char *content)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        if (fd < 0 || write(fd, content, strlen(content)) < 0)
                report(path, -1);
        if (fd >= 0)
                close(fd);
}

static void creation(void)
{
        closing("open O_CREAT 0666", open("a", O_RDWR | O_CREAT, 0666));
        mode_of("its mode", "a");
        closing("open O_CREAT 04751", open("b", O_RDWR | O_CREAT, 04751));
        mode_of("its mode", "b");
        closing("O_EXCL on existing", open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
        closing("creat", creat("c", 0600));
        mode_of("its mode", "c");
        umask(077);
        closing("open under umask 077", open("d", O_RDWR | O_CREAT, 0666));
        mode_of("its mode", "d");
        umask(022);
        closing("O_CREAT with trailing slash", open("slash/", O_RDWR | O_CREAT, 0666));
        closing("existing file with trailing slash", open("a/", O_RDONLY));
        closing("O_CREAT in absent directory", open("none/x", O_RDWR | O_CREAT, 0666));
        closing("O_CREAT beneath a file", open("a/x", O_RDWR | O_CREAT, 0666));
        closing("O_CREAT of a directory", open(".", O_RDWR | O_CREAT, 0666));
        closing("O_TMPFILE", open(".", O_RDWR | O_TMPFILE, 0600));
        closing("O_TMPFILE read-only", open(".", O_RDONLY | O_TMPFILE, 0600));
        int fd = open(".", O_RDWR | O_TMPFILE, 0640);
        if (fd >= 0) {
                char magic[64];
                snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
                report("linkat of a temporary file",
                       linkat(AT_FDCWD, magic, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
                mode_of("its mode", "linked");
                close(fd);
        }
}

static void opens(void)
{
        char name[300];
        char *path = malloc(5000);

        memset(name, 'n', sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        memset(path, '/', 4999);
        path[4999] = 0;
        closing("absent", open("absent", O_RDONLY));
        closing("empty path", open("", O_RDONLY));
        closing("bad pointer", (int)syscall(SYS_open, 1, O_RDONLY));
        closing("name of 299 bytes", open(name, O_RDONLY));
        closing("path of 4999 bytes", open(path, O_RDONLY));
        path[4095] = 0;
        memcpy(path, "/usr", 4);
        closing("path of 4091 slashes", open(path, O_RDONLY | O_DIRECTORY));
        free(path);
        closing("directory for writing", open(".", O_WRONLY));
        closing("O_DIRECTORY on a file", open("a", O_RDONLY | O_DIRECTORY));
        closing("O_NOFOLLOW on a file", open("a", O_RDONLY | O_NOFOLLOW));
        closing("access mode 3", open("a", 3));
        closing("unknown open flag", open("a", O_RDONLY | 0x40000000));
        closing("openat2 unknown flag",
                (int)syscall(SYS_openat2, AT_FDCWD, "a", &(struct open_how){.flags = 1ull << 40},
                             sizeof(struct open_how)));
        closing("openat2 mode without O_CREAT",
                (int)syscall(SYS_openat2, AT_FDCWD, "a", &(struct open_how){.mode = 0600},
                             sizeof(struct open_how)));
        closing("openat2", (int)syscall(SYS_openat2, AT_FDCWD, "a", &(struct open_how){.flags = O_RDONLY},
                                        sizeof(struct open_how)));
        closing("openat2 short",
                (int)syscall(SYS_openat2, AT_FDCWD, "a", &(struct open_how){.flags = O_RDONLY}, 8));
        closing("openat2 beneath",
                (int)syscall(SYS_openat2, AT_FDCWD, "../x",
                             &(struct open_how){.flags = O_RDONLY, .resolve = RESOLVE_BENEATH},
                             sizeof(struct open_how)));
        closing("openat bad descriptor", openat(999, "a", O_RDONLY));
        closing("openat bad descriptor, absolute", openat(999, "/usr", O_RDONLY));
        int file = open("a", O_RDONLY);
        closing("openat on a file", openat(file, "x", O_RDONLY));
        close(file);
        closing("/dev/null", open("/dev/null", O_RDWR));
        closing("/proc/self/status", open("/proc/self/status", O_RDONLY));
        closing("/proc/self/nothing", open("/proc/self/nothing", O_RDONLY));
}

/* By an argument only: the one kind of descriptor that a broker cannot give away. */
static void path_descriptors(void)
{
        closing("O_PATH", open("a", O_PATH));
        closing("O_PATH O_NOFOLLOW on a link", open("to-a", O_PATH | O_NOFOLLOW));
        int path = open("content", O_PATH);
        report_text("O_PATH F_GETFL", "%#x", fcntl(path, F_GETFL) & ~O_LARGEFILE);
        char magic[64];
        snprintf(magic, sizeof(magic), "/proc/self/fd/%d", path);
        closing("reopen of an O_PATH descriptor", open(magic, O_RDONLY));
        report("read of an O_PATH descriptor", read(path, magic, 1));
        report("fchmod of an O_PATH descriptor", fchmod(path, 0600));
        report("fchownat of an O_PATH descriptor", fchownat(path, "", geteuid(), (gid_t)-1, AT_EMPTY_PATH));
        close(path);
}

static void descriptor_details(void)
{
        make_file("content", "hello world");
        int low = open("/dev/null", O_RDONLY);
        close(low);
        int fd = open("content", O_RDWR | O_APPEND | O_CLOEXEC);
        report_text("lowest number", "%s", fd == low ? "yes" : "no");
        report_text("F_GETFL", "%#x", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
        report_text("F_GETFD", "%#x", fcntl(fd, F_GETFD));
        int plain = open("content", O_RDONLY | O_NONBLOCK);
        report_text("F_GETFL", "%#x", fcntl(plain, F_GETFL) & ~O_LARGEFILE);
        report_text("F_GETFD", "%#x", fcntl(plain, F_GETFD));
        char magic[64];
        snprintf(magic, sizeof(magic), "/dev/fd/%d", plain);
        closing("reopen by /dev/fd", open(magic, O_RDONLY));
        snprintf(magic, sizeof(magic), "/proc/thread-self/fd/%d", plain);
        closing("reopen by /proc/thread-self", open(magic, O_RDONLY));
        report("flock exclusive", flock(fd, LOCK_EX | LOCK_NB));
        close(fd);
        fd = open("content", O_RDWR);
        report("flock after close", flock(fd, LOCK_EX | LOCK_NB));
        close(fd);
        close(plain);
}

/* So often that the agent asks over its ring, if there is any. */
static int count_faults(int times)
{
        int faults = 0;

        for (int i = 0; i < times; i++) {
                faults += syscall(SYS_stat, "a", NULL) < 0 && errno == EFAULT;
                faults += syscall(SYS_stat, NULL, NULL) < 0 && errno == EFAULT;
                faults += syscall(SYS_newfstatat, AT_FDCWD, NULL, NULL, AT_EMPTY_PATH) < 0 && errno == EFAULT;
        }
        return faults;
}

static void stats(void)
{
        struct stat st;
        struct statx stx;
        struct statfs fs;

        report("stat", stat("a", &st));
        report("stat absent", stat("absent", &st));
        report("stat beneath a file", stat("a/x", &st));
        report("stat empty", stat("", &st));
        report("stat bad buffer", syscall(SYS_stat, "a", 1));
        report("stat bad path", syscall(SYS_stat, 1, &st));
        report_text("bad pointers, often", "%d", count_faults(1000));
        report("fstatat empty", fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
        report("fstatat bad flag", fstatat(AT_FDCWD, "a", &st, 0x40000000));
        report("fstatat bad descriptor", fstatat(999, "a", &st, 0));
        report("statx", statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &stx));
        report("statx bad mask", statx(AT_FDCWD, "a", 0, 0x80000000u, &stx));
        report("statfs", statfs("a", &fs));
        report("access F_OK", access("a", F_OK));
        report("access X_OK of a plain file", access("a", X_OK));
        report("access bad mode", access("a", 0x100));
        report("faccessat2 AT_EACCESS", syscall(SYS_faccessat2, AT_FDCWD, "a", R_OK, AT_EACCESS));
        report("faccessat2 bad flag", syscall(SYS_faccessat2, AT_FDCWD, "a", R_OK, 0x40000000));
        report("access /etc/passwd W_OK", access("/etc/hostname-absent", W_OK));
}

static void read_link(const char *name, const char *path)
{
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof(target) - 1);

        if (n < 0) {
                report(name, n);
                return;
        }
        target[n] = 0;
        report_text(name, "%s", target);
}

static void links(void)
{
        struct stat st;
        char small[3];

        report("symlink", symlink("a", "to-a"));
        report("symlink over existing", symlink("a", "to-a"));
        report("symlink empty target", symlink("", "empty"));
        report("symlink dangling", symlink("nowhere", "dangling"));
        report("symlink loop", symlink("loop", "loop"));
        read_link("readlink", "to-a");
        read_link("readlink of a file", "a");
        read_link("readlink absent", "absent");
        report("readlink cut", readlink("to-a", small, sizeof(small)) == 1 ? 0 : -1);
        report("readlink no room", syscall(SYS_readlink, "to-a", small, 0));
        report("stat dangling", stat("dangling", &st));
        report("lstat dangling", lstat("dangling", &st));
        closing("O_NOFOLLOW on a link", open("to-a", O_RDONLY | O_NOFOLLOW));
        closing("open of a loop", open("loop", O_RDONLY));
        closing("O_CREAT O_EXCL on a dangling link", open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600));
        closing("O_CREAT through a dangling link", open("dangling", O_RDWR | O_CREAT, 0600));
        mode_of("where it led", "nowhere");
        report("link", link("a", "hard"));
        mode_of("both names", "hard");
        report("link over existing", link("a", "hard"));
        report("link of a directory", link(".", "hard-directory"));
        report("link of a link", link("to-a", "hard-link"));
        mode_of("is a link", "hard-link");
        report("linkat following", linkat(AT_FDCWD, "to-a", AT_FDCWD, "hard-file", AT_SYMLINK_FOLLOW));
        mode_of("is a file", "hard-file");
        report("linkat bad flag", linkat(AT_FDCWD, "a", AT_FDCWD, "z", 0x40000000));
}

static void directories(void)
{
        report("mkdir", mkdir("dir", 0777));
        mode_of("its mode", "dir");
        report("mkdir existing", mkdir("dir", 0777));
        report("mkdir trailing slash", mkdir("dir/sub/", 01755));
        mode_of("its mode", "dir/sub");
        report("mkdir absent parent", mkdir("none/x", 0777));
        report("mkdir over a dangling link", mkdir("loop", 0777));
        report("rmdir not empty", rmdir("dir"));
        report("rmdir of a file", rmdir("a"));
        report("rmdir .", rmdir("dir/."));
        report("rmdir ..", rmdir("dir/sub/.."));
        report("unlink of a directory", unlink("dir"));
        report("unlink absent", unlink("absent"));
        report("unlink trailing slash", unlink("a/"));
        report("unlinkat AT_REMOVEDIR", unlinkat(AT_FDCWD, "dir/sub", AT_REMOVEDIR));
        report("unlinkat bad flag", unlinkat(AT_FDCWD, "a", 0x40000000));
        report("mknod fifo", mknod("fifo", S_IFIFO | 0666, 0));
        mode_of("its mode", "fifo");
        report("mknod file", mknod("plain", S_IFREG | 0640, 0));
        mode_of("its mode", "plain");
        report("mknod bad type", mknod("bad", S_IFLNK | 0640, 0));
        report("mknod directory", mknod("bad", S_IFDIR | 0640, 0));
        closing("fifo without a reader", open("fifo", O_WRONLY | O_NONBLOCK));
        closing("fifo non-blocking", open("fifo", O_RDONLY | O_NONBLOCK));
}

static void text_busy(void)
{
        int in = open("/bin/true", O_RDONLY), out = open("busy", O_WRONLY | O_CREAT, 0755);
        char *argv[] = {"true", NULL}, *envp[] = {NULL};

        while (in >= 0 && sendfile(out, in, NULL, 1 << 20) > 0)
                ;
        close(in);
        report("execve of a file open for writing", execve("busy", argv, envp));
        close(out);
        pid_t pid = vfork();
        if (pid == 0) {
                execve("busy", argv, envp);
                _exit(errno);
        }
        int status = -1;
        waitpid(pid, &status, 0);
        report_text("execve of a file just written", "%#x", status);
        report("unlink", unlink("busy"));
}

static void working_directory(void)
{
        char here[PATH_MAX];

        report("chdir", chdir("dir"));
        make_file("inner", "x");
        closing("relative open", open("inner", O_RDONLY));
        closing("..", open("../a", O_RDONLY));
        report_text("getcwd", "%s", getcwd(here, sizeof(here)) ? strrchr(here, '/') : "?");
        report("rename of the current directory", rename("../dir", "../moved"));
        closing("relative open after", open("inner", O_RDONLY));
        closing(".. after", open("../a", O_RDONLY));
        report_text("getcwd", "%s", getcwd(here, sizeof(here)) ? strrchr(here, '/') : "?");
        report("rename back", rename("../moved", "../dir"));
        report("chdir absent", chdir("absent"));
        report("chdir to a file", chdir("inner"));
        int up = open("..", O_RDONLY | O_DIRECTORY);
        report("fchdir", fchdir(up));
        close(up);
        report("mkdir gone", mkdir("gone", 0755));
        report("chdir gone", chdir("gone"));
        report("rmdir gone", rmdir("../gone"));
        closing("open in a removed directory", open("x", O_RDONLY));
        closing("create in a removed directory", open("x", O_RDWR | O_CREAT, 0600));
        memset(here, 'x', NAME_MAX + 1);
        here[NAME_MAX + 1] = '\0';
        closing("create a long name there", open(here, O_RDWR | O_CREAT, 0600));
        report("back", chdir(".."));
}

/* Who may do what with the directory of its own descriptors depends on how it is named. */
static void own_descriptors(void)
{
        static const char *const names[] = {
                "/proc/self/fd",    "/proc/self/fd/.", "/proc/self/fd/./",  "/proc/thread-self/fd/.",
                "/proc/self/fd/..", "/proc/self/fd/x", "/proc/self/fd/./x", "/proc/self/fd/../fd/x"};

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                report_text("the directory", "%s", names[i]);
                closing("open", open(names[i], O_RDONLY | O_DIRECTORY));
                closing("O_CREAT", open(names[i], O_RDWR | O_CREAT, 0600));
                closing("O_TMPFILE", open(names[i], O_RDWR | O_TMPFILE, 0600));
                report("mkdir", mkdir(names[i], 0700));
                report("rmdir", rmdir(names[i]));
                report("mknod", mknod(names[i], S_IFIFO | 0600, 0));
                report("link", link("/etc/passwd", names[i]));
                report("rename", rename(names[i], "moved"));
                report("chmod", chmod(names[i], 0700));
                report("access to read", access(names[i], R_OK));
                report("access to write", access(names[i], W_OK));
                report("access to search", access(names[i], X_OK));
        }
}

static void renames(void)
{
        make_file("r1", "1");
        make_file("r2", "22");
        report("rename absent", rename("absent", "x"));
        report("rename over", rename("r1", "r2"));
        mode_of("the survivor", "r2");
        make_file("r1", "1");
        report("rename NOREPLACE", renameat2(AT_FDCWD, "r1", AT_FDCWD, "r2", RENAME_NOREPLACE));
        report("rename EXCHANGE", renameat2(AT_FDCWD, "r1", AT_FDCWD, "r2", RENAME_EXCHANGE));
        report("rename EXCHANGE absent", renameat2(AT_FDCWD, "r1", AT_FDCWD, "absent", RENAME_EXCHANGE));
        report("rename bad flags", renameat2(AT_FDCWD, "r1", AT_FDCWD, "r2", 0x80));
        report("rename file over directory", rename("r1", "dir"));
        report("rename directory over file", rename("dir", "r1"));
        report("rename into itself", rename("dir", "dir/sub"));
        mkdir("full", 0755);
        make_file("full/x", "x");
        mkdir("other", 0755);
        report("rename over a full directory", rename("other", "full"));
        report("rename over an empty directory", rename("full", "other"));
        report("rename .", rename(".", "x"));
        report("rename trailing slash file", rename("r1/", "r3"));
        report("rename of a dangling link", rename("loop", "loop2"));
}

static void time_of(const char *name, const char *path, bool modification)
{
        struct stat st;

        if (stat(path, &st) < 0) {
                report(name, -1);
                return;
        }
        const struct timespec *time = modification ? &st.st_mtim : &st.st_atim;
        report_text(name, "%lld %ld", (long long)time->tv_sec, time->tv_nsec);
}

static void metadata(void)
{
        struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123}, {.tv_nsec = UTIME_OMIT}};

        report("chmod", chmod("a", 0604));
        mode_of("its mode", "a");
        report("chmod through a link", chmod("to-a", 0640));
        mode_of("its mode", "a");
        report("chmod absent", chmod("absent", 0600));
        report("fchmodat", fchmodat(AT_FDCWD, "a", 0644, 0));
        report("chown to self", chown("a", geteuid(), getegid()));
        report("chown nothing", chown("a", (uid_t)-1, (gid_t)-1));
        report("lchown of a link", lchown("dangling", geteuid(), getegid()));
        report("fchownat empty", fchownat(AT_FDCWD, "", geteuid(), (gid_t)-1, AT_EMPTY_PATH));
        report("utimensat", utimensat(AT_FDCWD, "a", times, 0));
        time_of("atime", "a", false);
        times[1].tv_nsec = 2000000000;
        report("utimensat bad nanoseconds", utimensat(AT_FDCWD, "a", times, 0));
        times[1].tv_nsec = 5;
        report("utimensat of a link", utimensat(AT_FDCWD, "to-a", times, AT_SYMLINK_NOFOLLOW));
        report("utimes", utimes("a", (struct timeval[2]){{5, 6}, {7, 8}}));
        time_of("mtime", "a", true);
        report("utime", utime("a", &(struct utimbuf){9, 10}));
        time_of("mtime", "a", true);
        report("utime now", utime("a", NULL));
        report("truncate", truncate("a", 4096));
        mode_of("its size", "a");
        report("truncate negative", truncate("a", -1));
        report("truncate directory", truncate("dir", 0));
        report("truncate absent", truncate("absent", 0));
}

static void attributes(void)
{
        char value[64];

        report("setxattr", setxattr("a", "user.flicker", "value", 5, 0));
        report("setxattr create again", setxattr("a", "user.flicker", "value", 5, XATTR_CREATE));
        report("setxattr replace absent", setxattr("a", "user.none", "value", 5, XATTR_REPLACE));
        report("getxattr", getxattr("a", "user.flicker", value, sizeof(value)));
        report("getxattr size", getxattr("a", "user.flicker", NULL, 0));
        report("getxattr no room", getxattr("a", "user.flicker", value, 2));
        report("getxattr absent", getxattr("a", "user.none", value, sizeof(value)));
        report("getxattr no namespace", getxattr("a", "nonsense", value, sizeof(value)));
        report("listxattr", listxattr("a", value, sizeof(value)));
        report("lgetxattr of a link", lgetxattr("to-a", "user.flicker", value, sizeof(value)));
        report("removexattr", removexattr("a", "user.flicker"));
        report("removexattr absent", removexattr("a", "user.flicker"));
}

static void sockets(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
        int one = socket(AF_UNIX, SOCK_STREAM, 0);
        int two = socket(AF_UNIX, SOCK_STREAM, 0);

        report("bind unix", bind(one, (struct sockaddr *)&address, sizeof(address)));
        mode_of("its mode", "socket");
        report("connect not listening", connect(two, (struct sockaddr *)&address, sizeof(address)));
        report("listen", listen(one, 3));
        report("connect", connect(two, (struct sockaddr *)&address, sizeof(address)));
        report("bind again", bind(one, (struct sockaddr *)&address, sizeof(address)));
        close(two);
        two = socket(AF_UNIX, SOCK_STREAM, 0);
        report("bind in use", bind(two, (struct sockaddr *)&address, sizeof(address)));
        strcpy(address.sun_path, "a");
        report("connect to a file", connect(two, (struct sockaddr *)&address, sizeof(address)));
        strcpy(address.sun_path, "absent");
        report("connect absent", connect(two, (struct sockaddr *)&address, sizeof(address)));
        report("connect too long", connect(two, (struct sockaddr *)&address, 1000));
        report("connect not a socket", connect(0, (struct sockaddr *)&address, sizeof(address)));
        report("connect bad descriptor", connect(999, (struct sockaddr *)&address, sizeof(address)));
        close(one);
        close(two);
}

static void executions(void)
{
        char *argv[] = {"x", NULL};
        char *envp[] = {NULL};

        make_file("text", "just text\n");
        chmod("text", 0755);
        make_file("noexec", "#!/bin/sh\n");
        make_file("nointerp", "#!/no/such/interpreter\n");
        chmod("nointerp", 0755);
        make_file("badelf", "\177ELF\2\1\1");
        chmod("badelf", 0755);
        report("execve absent", execve("absent", argv, envp));
        report("execve empty", execve("", argv, envp));
        report("execve directory", execve(".", argv, envp));
        report("execve beneath a file", execve("a/x", argv, envp));
        report("execve not executable", execve("noexec", argv, envp));
        report("execve text", execve("text", argv, envp));
        report("execve interpreter absent", execve("nointerp", argv, envp));
        report("execve truncated elf", execve("badelf", argv, envp));
        report("execve bad path", syscall(SYS_execve, 1, argv, envp));
        report("execve loop", execve("loop2", argv, envp));
        report("execveat bad flag", syscall(SYS_execveat, AT_FDCWD, "a", argv, envp, 0x40000000));
}

static volatile sig_atomic_t file_size_signals;

static void on_signal(int signal_number)
{
        (void)signal_number;
        file_size_signals++;
}

static void limits(void)
{
        struct rlimit saved, small = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY};

        signal(SIGXFSZ, on_signal);
        getrlimit(RLIMIT_FSIZE, &saved);
        small.rlim_max = saved.rlim_max;
        setrlimit(RLIMIT_FSIZE, &small);
        report("truncate above the limit", truncate("a", 100000));
        report_text("signals", "%d", (int)file_size_signals);
        setrlimit(RLIMIT_FSIZE, &saved);
        getrlimit(RLIMIT_NOFILE, &saved);
        small = saved;
        small.rlim_cur = 3;
        setrlimit(RLIMIT_NOFILE, &small);
        closing("open above the limit", open("a", O_RDONLY));
        setrlimit(RLIMIT_NOFILE, &saved);
        closing("open below it again", open("a", O_RDONLY));
}

static void listing(void)
{
        struct dirent **entries;
        int n = scandir(".", &entries, NULL, alphasort);

        for (int i = 0; i < n; i++)
                report_text("entry", "%s type %d", entries[i]->d_name, entries[i]->d_type);
}

int main(int argc, char **argv)
{
        umask(022);
        if (argc > 1 && !strcmp(argv[1], "--own-descriptors")) {
                own_descriptors();
                return 0;
        }
        creation();
        opens();
        descriptor_details();
        stats();
        links();
        if (argc < 2 || strcmp(argv[1], "--no-path"))
                path_descriptors();
        directories();
        working_directory();
        renames();
        metadata();
        attributes();
        sockets();
        executions();
        text_busy();
        limits();
        listing();
        return 0;
}
