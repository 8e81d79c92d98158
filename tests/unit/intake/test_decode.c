/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding, with the test's own memory as the target's. Where the kernel refuses arguments by themselves, it
 * is asked for its answer. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "broker/intake/decode.h"
#include "broker/intake/target_memory.h"
#include "broker/policy/syscalls.h"
#include "proto/call.h"

#define SYS_FCHMODAT2  452
#define SYS_SETXATTRAT 463
#define SYS_GETXATTRAT 464

static struct request request;
static bool is_alive = true;
static char *edge; /* the last bytes of a page that nothing follows */

static bool alive(const struct caller *caller)
{
        (void)caller;
        return is_alive;
}

static void setup(void)
{
        char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        munmap(pages + 2 * 4096, 4096);
        edge = pages + 2 * 4096;
        request_init(&request);
}

static void teardown(void)
{
        request_finish(&request);
}

TestSuite(decode, .init = setup, .fini = teardown);

#define REG(value)       ((uint64_t)(value))
#define ADDRESS(pointer) ((uint64_t)(uintptr_t)(pointer))

static int decode_args(int nr, const uint64_t args[6])
{
        struct caller caller = {.tid = gettid(), .pidfd = -1, .alive = alive};
        struct raw_call call = {.nr = nr};

        memcpy(call.args, args, sizeof call.args);
        request_finish(&request);
        request_init(&request);
        return decode(&caller, &call, &request);
}

#define DECODE(nr, ...) decode_args(nr, (uint64_t[6]){__VA_ARGS__})

/* The same arguments get the same error from decoding, that of a path included, and from the kernel. */
static void same_error(int line, int nr, const uint64_t args[6])
{
        int mine = decode_args(nr, args);
        long kernels = syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
        int expected = kernels < 0 ? -errno : 0;

        for (unsigned i = 0; i < 2 && !mine; i++)
                mine = request.path[i].error;
        cr_assert_eq(mine, expected, "line %d: syscall %d: %d, the kernel says %d", line, nr, mine, expected);
        cr_assert_lt(mine, 0, "line %d: not an error", line);
}
#define SAME_ERROR(nr, ...) same_error(__LINE__, nr, (uint64_t[6]){__VA_ARGS__})

Test(decode, covers_every_brokered_syscall)
{
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++) {
                const struct syscall_entry *entry = syscall_entry(nr);

                switch (entry->treatment) {
                case TREAT_OPEN:
                case TREAT_META:
                case TREAT_BROKER:
                case TREAT_CREDENTIALS:
                        cr_expect(decode_knows(nr), "%s has no decoder", entry->name);
                        break;
                default:
                        break;
                }
        }
        cr_expect(decode_knows(SYS_sendto) && decode_knows(SYS_sendmsg) && decode_knows(SYS_sendmmsg));
        cr_expect(!decode_knows(SYS_read) && !decode_knows(-1) && !decode_knows(100000));
}

Test(decode, numbers_without_decoder)
{
        cr_assert_eq(DECODE(SYS_ptrace, 1, 2, 3, 4, 5, 6), -ENOTSUP);
        cr_assert_eq(request.kind, REQUEST_SYSCALL);
        cr_assert_eq(request.nr, SYS_ptrace);
        cr_assert_eq(request.args[5], 6);
        cr_assert_eq(DECODE(-1), -ENOTSUP);
        cr_assert_eq(DECODE(FL_CALL_NR, FL_CALL_RING), -ENOTSUP);
}

Test(decode, registers_that_are_ints)
{
        cr_assert_eq(DECODE(SYS_openat, 0xdeadbeefffffff9cull, ADDRESS("x"), 0xffffffff00000000ull), 0);
        cr_assert_eq(request.path[0].fd, AT_FDCWD);
        cr_assert_eq(request.open.flags, 0);
        cr_assert_eq(DECODE(SYS_openat, 0x100000007ull, ADDRESS("x"), O_WRONLY), 0);
        cr_assert_eq(request.path[0].fd, 7);
}

Test(decode, open_drops_what_it_does_not_know)
{
        cr_assert_eq(DECODE(SYS_open, ADDRESS("/a"), 0x60000000 | O_CREAT | O_RDWR | O_CLOEXEC, 0177644), 0);
        cr_assert_eq(request.kind, REQUEST_OPEN);
        cr_assert_eq(request.open.flags, O_CREAT | O_RDWR | O_CLOEXEC);
        cr_assert_eq(request.open.mode, 07644);
        cr_assert(!request.open.how);
        cr_assert_eq(DECODE(SYS_open, ADDRESS("/a"), O_RDONLY, 0644), 0);
        cr_assert_eq(request.open.mode, 0);
        cr_assert_eq(DECODE(SYS_open, ADDRESS("/a"), O_PATH | O_RDWR | O_TRUNC | O_NOFOLLOW), 0);
        cr_assert_eq(request.open.flags, O_PATH | O_NOFOLLOW);
        cr_assert_eq(DECODE(SYS_creat, ADDRESS("/a"), 0600), 0);
        cr_assert_eq(request.open.flags, O_CREAT | O_WRONLY | O_TRUNC);
        cr_assert_eq(request.open.mode, 0600);
        SAME_ERROR(SYS_open, ADDRESS("/nonexistent/x"), O_TMPFILE & ~O_DIRECTORY, 0600);
        SAME_ERROR(SYS_open, ADDRESS("/tmp"), O_TMPFILE, 0600);
        SAME_ERROR(SYS_open, 1, O_TMPFILE, 0600);
}

Test(decode, openat2_is_strict)
{
        struct {
                struct open_how how;
                uint64_t tail;
        } given = {{.flags = O_CREAT, .mode = 0644}, 0};

        cr_assert_eq(DECODE(SYS_openat2, AT_FDCWD, ADDRESS("/a"), ADDRESS(&given), 24), 0);
        cr_assert(request.open.how);
        cr_assert_eq(request.open.mode, 0644);
        cr_assert_eq(DECODE(SYS_openat2, AT_FDCWD, ADDRESS("/a"), ADDRESS(&given), 32), 0);
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/a"), ADDRESS(&given), 23);
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/a"), ADDRESS(&given), 4097);
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/a"), 8, 24);
        given.tail = 1;
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/a"), ADDRESS(&given), 32);
        given.how = (struct open_how){.flags = 1ull << 40};
        SAME_ERROR(SYS_openat2, AT_FDCWD, 1, ADDRESS(&given), 24);
        given.how = (struct open_how){.mode = 0644};
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/"), ADDRESS(&given), 24);
        given.how = (struct open_how){.flags = O_CREAT, .mode = 010644};
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/"), ADDRESS(&given), 24);
        given.how = (struct open_how){.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT};
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/"), ADDRESS(&given), 24);
        given.how = (struct open_how){.flags = O_PATH | O_APPEND};
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/"), ADDRESS(&given), 24);
        given.how = (struct open_how){.flags = O_CREAT, .resolve = 32};
        SAME_ERROR(SYS_openat2, AT_FDCWD, ADDRESS("/x"), ADDRESS(&given), 24);
}

Test(decode, paths)
{
        char *longest = malloc(5000);

        memset(longest, 'a', 5000);
        longest[4096] = '\0';
        SAME_ERROR(SYS_rmdir, ADDRESS(longest));
        longest[4095] = '\0';
        cr_assert_eq(DECODE(SYS_rmdir, ADDRESS(longest)), 0);
        cr_assert_eq(request.path[0].length, 4095);
        free(longest);
        SAME_ERROR(SYS_rmdir, 0);
        SAME_ERROR(SYS_rmdir, 0xffffffff80000000ull);
        SAME_ERROR(SYS_rmdir, ADDRESS(""));
        /* up to the last byte of the mapping, and beyond it */
        memcpy(edge - 3, "/a", 3);
        cr_assert_eq(DECODE(SYS_rmdir, ADDRESS(edge - 3)), 0);
        cr_assert_str_eq(request.path[0].text, "/a");
        memcpy(edge - 3, "/ab", 3);
        SAME_ERROR(SYS_rmdir, ADDRESS(edge - 3));
        SAME_ERROR(SYS_rmdir, ADDRESS(edge));
        /* across two pages */
        memcpy(edge - 4096 - 3, "/xyz/uvw", 9);
        cr_assert_eq(DECODE(SYS_rmdir, ADDRESS(edge - 4096 - 3)), 0);
        cr_assert_str_eq(request.path[0].text, "/xyz/uvw");
}

Test(decode, stat_and_its_flags)
{
        char buffer[512];

        cr_assert_eq(DECODE(SYS_lstat, ADDRESS("l"), 0x1234), 0);
        cr_assert_eq(request.at_flags, AT_SYMLINK_NOFOLLOW);
        cr_assert_eq(request.out_address, 0x1234);
        cr_assert_eq(DECODE(SYS_newfstatat, 5, ADDRESS(""), 0x10, AT_EMPTY_PATH), 0);
        cr_assert(request.path[0].by_fd);
        cr_assert_eq(request.fd, 5);
        cr_assert_eq(DECODE(SYS_newfstatat, 5, 0, 0x10, AT_EMPTY_PATH), 0);
        cr_assert(request.path[0].by_fd);
        SAME_ERROR(SYS_newfstatat, AT_FDCWD, ADDRESS(""), ADDRESS(buffer), 0);
        SAME_ERROR(SYS_newfstatat, AT_FDCWD, ADDRESS("/"), ADDRESS(buffer), 0x10);
        SAME_ERROR(SYS_newfstatat, AT_FDCWD, 8, ADDRESS(buffer), 0x10);
        SAME_ERROR(SYS_statx, AT_FDCWD, ADDRESS("/"), 0, 0x80000000u, ADDRESS(buffer));
        SAME_ERROR(SYS_statx, AT_FDCWD, ADDRESS("/"), 0x6000, STATX_BASIC_STATS, ADDRESS(buffer));
        SAME_ERROR(SYS_statx, AT_FDCWD, ADDRESS("/"), 1, STATX_BASIC_STATS, ADDRESS(buffer));
        cr_assert_eq(DECODE(SYS_statx, 3, ADDRESS("a"), 0, STATX_BASIC_STATS, 0x77), 0);
        cr_assert_eq(request.kind, REQUEST_STATX);
        cr_assert_eq(request.mask, STATX_BASIC_STATS);
        cr_assert_eq(request.out_address, 0x77);
}

Test(decode, access_family)
{
        cr_assert_eq(DECODE(SYS_faccessat, AT_FDCWD, ADDRESS("x"), R_OK, 0xffff), 0);
        cr_assert_eq(request.at_flags, 0);
        cr_assert_eq(request.mode, R_OK);
        cr_assert_eq(DECODE(SYS_faccessat2, AT_FDCWD, ADDRESS("x"), R_OK, AT_EACCESS), 0);
        cr_assert_eq(request.at_flags, AT_EACCESS);
        SAME_ERROR(SYS_access, ADDRESS("/"), 8);
        SAME_ERROR(SYS_access, 3, 8);
        SAME_ERROR(SYS_faccessat2, AT_FDCWD, ADDRESS("/"), 0, 4);
}

Test(decode, readlink_sizes)
{
        char buffer[16];

        SAME_ERROR(SYS_readlink, ADDRESS("/proc/self"), ADDRESS(buffer), 0);
        SAME_ERROR(SYS_readlink, 1, ADDRESS(buffer), 0xffffffffu);
        SAME_ERROR(SYS_readlink, ADDRESS(""), ADDRESS(buffer), 16);
        SAME_ERROR(SYS_readlinkat, AT_FDCWD, ADDRESS(""), ADDRESS(buffer), 16);
        cr_assert_eq(DECODE(SYS_readlinkat, 9, ADDRESS(""), 0x55, 1 << 20), 0);
        cr_assert(request.path[0].by_fd);
        cr_assert_eq(request.out_size, 4096);
        cr_assert_eq(DECODE(SYS_readlink, ADDRESS("x"), 0x55, 10), 0);
        cr_assert_eq(request.out_size, 10);
        cr_assert_eq(request.out_address, 0x55);
}

Test(decode, getdents)
{
        cr_assert_eq(DECODE(SYS_getdents64, 6, 0x99, 0xffffffffu), 0);
        cr_assert_eq(request.kind, REQUEST_GETDENTS);
        cr_assert_eq(request.fd, 6);
        cr_assert_eq(request.out_address, 0x99);
        cr_assert_leq(request.out_size, 1u << 20);
}

Test(decode, names)
{
        cr_assert_eq(DECODE(SYS_unlinkat, 3, ADDRESS("d"), AT_REMOVEDIR), 0);
        cr_assert_eq(request.kind, REQUEST_RMDIR);
        SAME_ERROR(SYS_unlinkat, AT_FDCWD, ADDRESS("/nonexistent"), 1);
        cr_assert_eq(DECODE(SYS_renameat2, 3, ADDRESS("a"), 4, ADDRESS("b"), 1), 0);
        cr_assert_eq(request.path[1].fd, 4);
        cr_assert_str_eq(request.path[1].text, "b");
        cr_assert_eq(request.rename_flags, 1);
        SAME_ERROR(SYS_renameat2, AT_FDCWD, ADDRESS("a"), AT_FDCWD, ADDRESS("b"), 8);
        SAME_ERROR(SYS_renameat2, AT_FDCWD, ADDRESS("a"), AT_FDCWD, ADDRESS("b"), 3);
        SAME_ERROR(SYS_rename, ADDRESS("/"), 0);
        /* Where the first path leads nowhere, that is the error: the second one's is only kept. */
        cr_assert_eq(DECODE(SYS_rename, ADDRESS("/nonexistent/a"), 0), 0);
        cr_assert_eq(request.path[0].error, 0);
        cr_assert_eq(request.path[1].error, -EFAULT);
        SAME_ERROR(SYS_linkat, AT_FDCWD, ADDRESS("a"), AT_FDCWD, ADDRESS("b"), 1);
        cr_assert_eq(DECODE(SYS_linkat, 3, ADDRESS(""), 4, ADDRESS("b"), AT_EMPTY_PATH), 0);
        cr_assert(request.path[0].by_fd);
        cr_assert(!request.path[1].by_fd);
        SAME_ERROR(SYS_symlink, ADDRESS(""), ADDRESS("/nonexistent/x"));
        SAME_ERROR(SYS_symlink, ADDRESS("x"), ADDRESS(""));
        cr_assert_eq(DECODE(SYS_symlinkat, ADDRESS("to"), 8, ADDRESS("from")), 0);
        cr_assert_str_eq(request.text, "to");
        cr_assert_str_eq(request.path[0].text, "from");
        cr_assert_eq(request.path[0].fd, 8);
}

Test(decode, mknod)
{
        cr_assert_eq(DECODE(SYS_mknod, ADDRESS("f"), 0644, 0), 0);
        cr_assert_eq(request.mode, S_IFREG | 0644);
        cr_assert_eq(DECODE(SYS_mknodat, 3, ADDRESS("c"), S_IFCHR | 0600, 0x12345), 0);
        cr_assert_eq(request.device, makedev(0x123, 0x45));
        cr_assert_eq(DECODE(SYS_mknod, ADDRESS("c"), S_IFCHR | 0600, 0xabc12345u), 0);
        cr_assert_eq(request.device, makedev(0x123, 0xabc45));
        SAME_ERROR(SYS_mknod, 1, S_IFDIR | 0600, 0);
        SAME_ERROR(SYS_mknod, 1, S_IFLNK | 0600, 0);
}

Test(decode, modes_and_owners)
{
        cr_assert_eq(DECODE(SYS_fchmod, 5, 0107777), 0);
        cr_assert(request.path[0].by_fd);
        cr_assert_eq(request.path[0].fd, 5);
        cr_assert_eq(request.mode, 07777);
        cr_assert_eq(DECODE(SYS_FCHMODAT2, 5, ADDRESS("x"), 0644, AT_SYMLINK_NOFOLLOW), 0);
        cr_assert_eq(request.at_flags, AT_SYMLINK_NOFOLLOW);
        cr_assert_eq(DECODE(SYS_FCHMODAT2, 5, ADDRESS("x"), 0644, AT_EACCESS), -EINVAL);
        cr_assert_eq(DECODE(SYS_fchownat, 5, ADDRESS("x"), 0x1ffffffffull, 7, 0), 0);
        cr_assert_eq(request.uid, (uid_t)-1);
        cr_assert_eq(request.gid, 7);
        cr_assert_eq(DECODE(SYS_lchown, ADDRESS("x"), 1, 2), 0);
        cr_assert_eq(request.at_flags, AT_SYMLINK_NOFOLLOW);
        SAME_ERROR(SYS_fchownat, AT_FDCWD, ADDRESS("/nonexistent"), 0, 0, 1);
        cr_assert_eq(DECODE(SYS_truncate, ADDRESS("x"), 12), 0);
        cr_assert_eq(request.length, 12);
        SAME_ERROR(SYS_truncate, 1, 1ull << 63);
}

Test(decode, times)
{
        struct timespec specs[2] = {{5, UTIME_OMIT}, {7, 999999999}};
        struct timeval values[2] = {{5, 6}, {7, 8}};
        struct utimbuf buffer = {5, 7};

        cr_assert_eq(DECODE(SYS_utime, ADDRESS("x"), 0), 0);
        cr_assert(!request.times_set);
        cr_assert_eq(DECODE(SYS_utime, ADDRESS("x"), ADDRESS(&buffer)), 0);
        cr_assert(request.times_set && request.times[1].tv_sec == 7 && request.times[1].tv_nsec == 0);
        cr_assert_eq(DECODE(SYS_utimes, ADDRESS("x"), ADDRESS(values)), 0);
        cr_assert_eq(request.times[0].tv_nsec, 6000);
        values[1].tv_usec = 1000000;
        SAME_ERROR(SYS_utimes, 1, ADDRESS(values));
        SAME_ERROR(SYS_utimes, ADDRESS("/"), 8);
        cr_assert_eq(DECODE(SYS_futimesat, 6, 0, 0), 0);
        cr_assert(request.path[0].by_fd && request.path[0].fd == 6);
        SAME_ERROR(SYS_futimesat, AT_FDCWD, 0, 0);
        cr_assert_eq(DECODE(SYS_utimensat, 6, 0, ADDRESS(specs), 0), 0);
        cr_assert(request.path[0].by_fd);
        cr_assert_eq(request.times[0].tv_nsec, UTIME_OMIT);
        SAME_ERROR(SYS_utimensat, 0, 0, ADDRESS(specs), AT_SYMLINK_NOFOLLOW);
        SAME_ERROR(SYS_utimensat, AT_FDCWD, ADDRESS("/"), ADDRESS(specs), 1);
        SAME_ERROR(SYS_utimensat, AT_FDCWD, ADDRESS("/"), 8, 1);
        specs[0].tv_nsec = specs[1].tv_nsec = UTIME_OMIT;
        cr_assert_eq(DECODE(SYS_utimensat, AT_FDCWD, 8, ADDRESS(specs), 1), 0);
}

Test(decode, attributes)
{
        char longest[300];

        memset(longest, 'n', sizeof longest);
        longest[299] = '\0';
        SAME_ERROR(SYS_getxattr, ADDRESS("/"), ADDRESS(""), 0, 0);
        SAME_ERROR(SYS_getxattr, ADDRESS("/"), ADDRESS(longest), 0, 0);
        SAME_ERROR(SYS_getxattr, ADDRESS("/"), 8, 0, 0);
        SAME_ERROR(SYS_setxattr, ADDRESS("/"), ADDRESS("user.x"), ADDRESS("v"), 65537, 0);
        SAME_ERROR(SYS_setxattr, ADDRESS("/"), ADDRESS("user.x"), ADDRESS("v"), 1, 4);
        SAME_ERROR(SYS_setxattr, ADDRESS("/"), ADDRESS("user.x"), 8, 1, 0);
        cr_assert_eq(DECODE(SYS_fsetxattr, 4, ADDRESS("user.x"), ADDRESS("val"), 3, XATTR_CREATE), 0);
        cr_assert(request.path[0].by_fd);
        cr_assert_str_eq(request.xattr_name, "user.x");
        cr_assert_eq(request.data_size, 3);
        cr_assert_arr_eq(request.data, "val", 3);
        cr_assert_eq(request.xattr_flags, XATTR_CREATE);
        cr_assert_eq(DECODE(SYS_lgetxattr, ADDRESS("/"), ADDRESS("user.x"), 0x44, 1ull << 40), 0);
        cr_assert_eq(request.out_size, 65536);
        cr_assert_eq(request.at_flags, AT_SYMLINK_NOFOLLOW);
        cr_assert_eq(DECODE(SYS_listxattr, ADDRESS("/"), 0x44, 10), 0);
        cr_assert_eq(request.out_size, 10);
}

Test(decode, attributes_of_linux_6_13)
{
        struct {
                uint64_t value;
                uint32_t size, flags;
                uint64_t tail;
        } given = {ADDRESS("val"), 3, XATTR_REPLACE, 0};

        cr_assert_eq(DECODE(SYS_SETXATTRAT, 4, ADDRESS("p"), AT_SYMLINK_NOFOLLOW, ADDRESS("user.x"),
                            ADDRESS(&given), 16),
                     0);
        cr_assert_arr_eq(request.data, "val", 3);
        cr_assert_eq(request.xattr_flags, XATTR_REPLACE);
        cr_assert_eq(DECODE(SYS_GETXATTRAT, 4, ADDRESS("p"), 0, ADDRESS("user.x"), ADDRESS(&given), 16),
                     -EINVAL);
        given.flags = 0;
        cr_assert_eq(DECODE(SYS_GETXATTRAT, 4, ADDRESS("p"), 0, ADDRESS("user.x"), ADDRESS(&given), 16), 0);
        cr_assert_eq(request.out_size, 3);
        cr_assert_eq(DECODE(SYS_GETXATTRAT, 4, ADDRESS("p"), 0, ADDRESS("user.x"), ADDRESS(&given), 15),
                     -EINVAL);
        given.tail = 1;
        cr_assert_eq(DECODE(SYS_GETXATTRAT, 4, ADDRESS("p"), 0, ADDRESS("user.x"), ADDRESS(&given), 24),
                     -E2BIG);
}

Test(decode, exec)
{
        cr_assert_eq(DECODE(SYS_execve, ADDRESS("/bin/true")), 0);
        cr_assert_eq(request.kind, REQUEST_EXEC);
        cr_assert_eq(DECODE(SYS_execveat, 5, ADDRESS(""), 0, 0, AT_EMPTY_PATH), 0);
        cr_assert(request.path[0].by_fd);
        SAME_ERROR(SYS_execveat, AT_FDCWD, ADDRESS(""), 0, 0, 0);
        SAME_ERROR(SYS_execveat, AT_FDCWD, 8, 0, 0, 1);
        SAME_ERROR(SYS_execveat, AT_FDCWD, ADDRESS("/nonexistent"), 0, 0, 1);
        cr_assert_eq(DECODE(SYS_execveat, 7, ADDRESS("prog"), 0, 0, AT_SYMLINK_NOFOLLOW), 0);
        cr_assert_eq(request.path[0].fd, 7);
        cr_assert_str_eq(request.path[0].text, "prog");
        cr_assert_eq(request.at_flags, AT_SYMLINK_NOFOLLOW);
        cr_assert_eq(DECODE(FL_CALL_NR, FL_CALL_HELLO), -ENOTSUP);
}

Test(decode, addresses)
{
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        cr_assert_eq(DECODE(SYS_connect, fd, ADDRESS(&in), sizeof in), 0);
        cr_assert_eq(request.kind, REQUEST_CONNECT);
        cr_assert_eq(request.fd, fd);
        cr_assert_eq(request.address_size, sizeof in);
        cr_assert_arr_eq(&request.address, &in, sizeof in);
        for (size_t i = sizeof in; i < sizeof request.address; i++)
                cr_assert_eq(((char *)&request.address)[i], 0);
        SAME_ERROR(SYS_connect, fd, ADDRESS(&in), 129);
        SAME_ERROR(SYS_bind, fd, ADDRESS(&in), 0xffffffffu);
        SAME_ERROR(SYS_bind, fd, 8, 16);
        SAME_ERROR(SYS_sendto, fd, ADDRESS("x"), 1, 0, ADDRESS(&in), 129);
        SAME_ERROR(SYS_sendto, fd, ADDRESS("x"), 1, 0, 8, 16);
        cr_assert_eq(DECODE(SYS_sendto, fd, ADDRESS("data"), 4, MSG_DONTWAIT, ADDRESS(&in), sizeof in), 0);
        cr_assert_eq(request.message_count, 1);
        cr_assert(request.messages[0].has_address);
        cr_assert_eq(request.messages[0].data_size, 4);
        cr_assert_arr_eq(request.messages[0].data, "data", 4);
        cr_assert_eq(request.send_flags, MSG_DONTWAIT);
        cr_assert_eq(DECODE(SYS_sendto, fd, 0, 0, 0, 0, 0), 0);
        cr_assert(!request.messages[0].has_address);
}

Test(decode, messages)
{
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct iovec pieces[2] = {{"ab", 2}, {"cde", 3}};
        char control[CMSG_SPACE(sizeof(int))] = {0};
        struct msghdr message = {&in, sizeof in, pieces, 2, control, sizeof control, 0};
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        cr_assert_eq(DECODE(SYS_sendmsg, 3, ADDRESS(&message), MSG_NOSIGNAL), 0);
        cr_assert_eq(request.messages[0].data_size, 5);
        cr_assert_arr_eq(request.messages[0].data, "abcde", 5);
        cr_assert_eq(request.messages[0].control_size, sizeof control);
        cr_assert(request.messages[0].has_address);
        SAME_ERROR(SYS_sendmsg, fd, ADDRESS(&message), 0x80000000u);
        SAME_ERROR(SYS_sendmsg, fd, 8, 0);
        message.msg_iovlen = 1025;
        SAME_ERROR(SYS_sendmsg, fd, ADDRESS(&message), 0);
        message.msg_iovlen = 2;
        message.msg_namelen = 0x80000000u;
        SAME_ERROR(SYS_sendmsg, fd, ADDRESS(&message), 0);
        message.msg_namelen = 500;
        cr_assert_eq(DECODE(SYS_sendmsg, 3, ADDRESS(&message), 0), 0);
        cr_assert_eq(request.messages[0].address_size, 128);
        message.msg_namelen = 0;
        cr_assert_eq(DECODE(SYS_sendmsg, 3, ADDRESS(&message), 0), 0);
        cr_assert(!request.messages[0].has_address);
        pieces[0].iov_len = (size_t)-1;
        message.msg_name = NULL;
        SAME_ERROR(SYS_sendmsg, fd, ADDRESS(&message), 0);
        pieces[0] = (struct iovec){(void *)8, 2};
        cr_assert_eq(DECODE(SYS_sendmsg, 3, ADDRESS(&message), 0), -EFAULT);
        pieces[0] = (struct iovec){"ab", 2};
        message.msg_controllen = REQUEST_CONTROL_MAX + 1;
        cr_assert_eq(DECODE(SYS_sendmsg, 3, ADDRESS(&message), 0), -ENOBUFS);
}

Test(decode, payload_is_bounded)
{
        size_t size = REQUEST_DATA_MAX + 100;
        char *data = calloc(1, size);
        struct iovec pieces[2] = {{data, size}, {data, size}};
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};

        cr_assert_eq(DECODE(SYS_sendmsg, 3, ADDRESS(&message), 0), 0);
        cr_assert_eq(request.messages[0].data_size, REQUEST_DATA_MAX);
        free(data);
}

Test(decode, many_messages)
{
        struct iovec piece = {"abc", 3};
        struct mmsghdr messages[100];

        for (unsigned i = 0; i < 100; i++)
                messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};
        cr_assert_eq(DECODE(SYS_sendmmsg, 3, ADDRESS(messages), 100, 0), 0);
        cr_assert(request.is_sendmmsg);
        cr_assert_eq(request.message_count, REQUEST_MESSAGES_MAX);
        cr_assert_eq(request.lengths_address[5], ADDRESS(&messages[5].msg_len));
        messages[3].msg_hdr.msg_iov = (struct iovec *)8;
        cr_assert_eq(DECODE(SYS_sendmmsg, 3, ADDRESS(messages), 100, 0), 0);
        cr_assert_eq(request.message_count, 3);
        messages[0].msg_hdr.msg_iov = (struct iovec *)8;
        cr_assert_eq(DECODE(SYS_sendmmsg, 3, ADDRESS(messages), 100, 0), -EFAULT);
        cr_assert_eq(DECODE(SYS_sendmmsg, 3, ADDRESS(messages), 0, 0), 0);
        cr_assert_eq(request.message_count, 0);
}

Test(decode, a_caller_that_is_gone_told_nothing)
{
        is_alive = false;
        cr_assert_eq(DECODE(SYS_rmdir, ADDRESS("/a")), -ESRCH);
        cr_assert_eq(DECODE(SYS_setuid, 0), 0);
        cr_assert_eq(request.kind, REQUEST_CREDENTIALS);
}

Test(decode, memory_of_another_process)
{
        static const char there[] = "in the child, too";
        char shared[] = "before";
        char out[64];
        pid_t child = fork();

        if (child == 0) {
                pause();
                _exit(0);
        }
        strcpy(shared, "after!");
        cr_assert_eq(target_read_string(child, ADDRESS(shared), out, sizeof out), 6);
        cr_assert_str_eq(out, "before");
        cr_assert_eq(target_write(child, ADDRESS(shared), "during", 7), 0);
        cr_assert_eq(target_read_string(child, ADDRESS(shared), out, sizeof out), 6);
        cr_assert_str_eq(out, "during");
        cr_assert_eq(target_write(child, ADDRESS(there), "x", 1), -EFAULT);
        cr_assert_eq(target_read(child, ADDRESS(there), out, sizeof there), 0);
        cr_assert_eq(target_read_string(child, ADDRESS(there), out, 3), -ENAMETOOLONG);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        cr_assert_eq(target_read(child, ADDRESS(there), out, 1), -ESRCH);
}
