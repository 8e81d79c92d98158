/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors of the outside, received over a socket that is granted: a directory (open, and as a path only),
 * a file open for reading, datagram sockets. They are usable as they are; nothing further may be reached by
 * them.
 */
#include <arpa/inet.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "attack.h"

enum { DIRECTORY, PATH, FILE_READ, DATAGRAM, UDP, GIVEN };

static int given[GIVEN];

static int receive(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        union {
                char bytes[CMSG_SPACE(sizeof(given))];
                struct cmsghdr header;
        } control;
        char byte;
        struct iovec part = {&byte, 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_dir("giver"));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || recvmsg(fd, &message, 0) != 1 ||
            message.msg_controllen < CMSG_LEN(sizeof(given)))
                return -1;
        memcpy(given, CMSG_DATA(&control.header), sizeof(given));
        close(fd);
        return 0;
}

static void refused(const char *what, long result)
{
        if (result >= 0)
                escaped("%s", what);
}

static int open2(int base, const char *path, uint64_t flags, uint64_t resolve)
{
        struct open_how how = {.flags = flags, .resolve = resolve};

        return (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
}

static void read_beneath(int base)
{
        static const uint64_t ways[] = {0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS};
        char magic[64];

        expect_no_secret("openat beneath it", openat(base, "outside", O_RDONLY));
        expect_no_secret("openat by ..", openat(base, "dir/../outside", O_RDONLY));
        expect_no_secret("openat of what is refused", openat(base, "dir/secret/file", O_RDONLY));
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                expect_no_secret("openat2 beneath it", open2(base, "outside", O_RDONLY, ways[i]));
                expect_no_secret("openat2 at its root", open2(base, "/outside", O_RDONLY, ways[i]));
        }
        snprintf(magic, sizeof(magic), "/proc/self/fd/%d/outside", base);
        expect_no_secret("by /proc/self/fd", open(magic, O_RDONLY));
        snprintf(magic, sizeof(magic), "/proc/%d/task/%d/fd/%d/outside", getpid(), getpid(), base);
        expect_no_secret("by /proc/PID/task/TID/fd", open(magic, O_RDONLY));
        snprintf(magic, sizeof(magic), "/dev/fd/%d/../outside", base);
        expect_no_secret("by /dev/fd and ..", open(magic, O_RDONLY));
        if (fchdir(base) < 0)
                return;
        expect_no_secret("relative after fchdir", open("outside", O_RDONLY));
        expect_no_secret("by ./ after fchdir", open("./dir/../outside", O_RDONLY));
        expect_no_secret("by /proc/self/cwd", open("/proc/self/cwd/outside", O_RDONLY));
        expect_no_secret("by /proc/thread-self/cwd", open("/proc/thread-self/cwd/outside", O_RDONLY));
        (void)!chdir(in_dir(""));
}

static void write_beneath(int base)
{
        char *arguments[] = {"x", NULL};

        refused("creates a file", openat(base, "new", O_CREAT | O_WRONLY, 0600));
        refused("creates a nameless file", openat(base, ".", O_TMPFILE | O_RDWR, 0600));
        refused("makes a directory", mkdirat(base, "new", 0700));
        refused("makes a link", symlinkat("x", base, "new"));
        refused("makes a FIFO", mknodat(base, "new", S_IFIFO | 0600, 0));
        refused("unlinks", unlinkat(base, "outside", 0));
        refused("renames out of it", renameat(base, "outside", AT_FDCWD, in_dir("taken")));
        refused("renames into it", renameat(AT_FDCWD, in_dir("public/file"), base, "new"));
        refused("exchanges", renameat2(base, "outside", AT_FDCWD, in_dir("public/file"), RENAME_EXCHANGE));
        refused("links out of it", linkat(base, "outside", AT_FDCWD, in_dir("taken"), 0));
        refused("links into it", linkat(AT_FDCWD, in_dir("public/file"), base, "new", 0));
        refused("chmod", fchmodat(base, "outside", 0777, 0));
        refused("chmod of itself", fchmod(base, 0777));
        refused("times", utimensat(base, "outside", NULL, 0));
        refused("times of itself", futimens(base, NULL));
        refused("chown", fchownat(base, "", getuid(), getgid(), AT_EMPTY_PATH));
        refused("executes", execveat(base, "outside", arguments, environ, 0));
        if (fchdir(base) == 0) {
                refused("creates a file after fchdir", open("new", O_CREAT | O_WRONLY, 0600));
                refused("chroot", chroot("."));
        }
        (void)!chdir(in_dir(""));
}

static void through_the_file(void)
{
        struct attack_xattr value = {(uint64_t) "x", 1, 0};
        char magic[64];
        int fd = given[FILE_READ];

        snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
        refused("reopens for writing", open(magic, O_RDWR));
        refused("reopens for reading", open(magic, O_RDONLY));
        refused("truncates by a magic link", truncate(magic, 0));
        refused("links by a magic link",
                linkat(AT_FDCWD, magic, AT_FDCWD, in_dir("taken"), AT_SYMLINK_FOLLOW));
        refused("links by an empty path", linkat(fd, "", AT_FDCWD, in_dir("taken"), AT_EMPTY_PATH));
        refused("changes the mode", fchmod(fd, 0777));
        refused("changes attributes", fsetxattr(fd, "user.x", "x", 1, 0));
        for (int i = 0; i < 2; i++) {
                const char *path = i ? "" : NULL;

                refused("changes attributes by no path",
                        syscall(ATTACK_SETXATTRAT, fd, path, AT_EMPTY_PATH, "user.x", &value, sizeof(value)));
                refused("removes attributes by no path",
                        syscall(ATTACK_REMOVEXATTRAT, fd, path, AT_EMPTY_PATH, "user.x"));
                refused("changes attributes of a received directory's file",
                        syscall(ATTACK_SETXATTRAT, given[PATH], "outside", 0, "user.x", &value,
                                sizeof(value)));
        }
        refused("ftruncate of what is open for reading", ftruncate(fd, 0));
}

static void send_every_way(int fd, void *address, socklen_t size, const char *what)
{
        struct iovec part = {"leak", 4};
        struct msghdr message = {.msg_name = address, .msg_namelen = size, .msg_iov = &part, .msg_iovlen = 1};
        struct mmsghdr many = {.msg_hdr = message};

        if (sendto(fd, "leak", 4, 0, address, size) >= 0)
                escaped("sendto %s", what);
        if (sendmsg(fd, &message, 0) >= 0)
                escaped("sendmsg %s", what);
        if (sendmmsg(fd, &many, 1, 0) > 0)
                escaped("sendmmsg %s", what);
        if (connect(fd, address, size) == 0 && send(fd, "leak", 4, 0) >= 0)
                escaped("connect %s", what);
}

static void through_the_sockets(void)
{
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)atoi(setting("PORT"))),
                                      .sin_addr.s_addr = inet_addr("127.0.0.3")};

        snprintf(name.sun_path, sizeof(name.sun_path), "%s.datagram", setting("SOCKET"));
        send_every_way(given[DATAGRAM], &name, sizeof(name), "to a Unix socket that nothing grants");
        send_every_way(given[UDP], &address, sizeof(address), "to a refused address");
}

int main(void)
{
        if (receive() < 0) {
                printf("ESCAPED? nothing is received: %s\n", strerror(errno));
                return 1;
        }
        read_beneath(given[DIRECTORY]);
        read_beneath(given[PATH]);
        write_beneath(given[DIRECTORY]);
        write_beneath(given[PATH]);
        through_the_file();
        through_the_sockets();
        still_confined();
        return finished();
}
