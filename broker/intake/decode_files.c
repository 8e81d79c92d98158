/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of file syscalls that are more than a path, a mode or a place for results. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

#include "broker/intake/decode_internal.h"

/* The kernel's own values; libc has 0 for the first and no name for the others. */
#define KERNEL_O_LARGEFILE 00100000u
#define KERNEL_O_TMPFILE   020000000u /* without O_DIRECTORY */

#define OPEN_FLAGS_VALID                                                                                     \
        (O_RDONLY | O_WRONLY | O_RDWR | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |      \
         O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | KERNEL_O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | \
         O_CLOEXEC | O_PATH | KERNEL_O_TMPFILE)
#define OPEN_FLAGS_PATH (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define OPEN_CREATES    (O_CREAT | KERNEL_O_TMPFILE)
#define RESOLVE_VALID                                                                                        \
        (RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | \
         RESOLVE_CACHED)

/* ALL_INOTIFY_BITS of include/linux/inotify.h */
#define WATCH_BITS                                                                                           \
        (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |             \
         IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT)

/* As build_open_flags() of fs/open.c. */
static int check_open_how(const struct request *request)
{
        uint64_t flags = request->open.flags, resolve = request->open.resolve;
        bool creates = flags & OPEN_CREATES;

        if ((flags & ~(uint64_t)OPEN_FLAGS_VALID) || (resolve & ~(uint64_t)RESOLVE_VALID))
                return -EINVAL;
        if ((resolve & RESOLVE_BENEATH) && (resolve & RESOLVE_IN_ROOT))
                return -EINVAL;
        if (creates ? (request->open.mode & ~07777ull) != 0 : request->open.mode != 0)
                return -EINVAL;
        if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
                return -EINVAL;
        /* O_RDONLY is 0; the mask's fourth value (3) is an odd way to ask for both. */
        if ((flags & KERNEL_O_TMPFILE) && (!(flags & O_DIRECTORY) || (flags & O_ACCMODE) == O_RDONLY))
                return -EINVAL;
        if ((flags & O_PATH) && (flags & ~(uint64_t)OPEN_FLAGS_PATH))
                return -EINVAL;
        if ((resolve & RESOLVE_CACHED) && (flags & (O_TRUNC | OPEN_CREATES)))
                return -EAGAIN;
        return 0;
}

/* open, openat and creat drop what they do not know, as build_open_how(). */
static int set_open(struct decoding *decoding, uint32_t flags, uint32_t mode)
{
        struct request *request = decoding->request;

        flags &= OPEN_FLAGS_VALID;
        if (flags & O_PATH)
                flags &= OPEN_FLAGS_PATH;
        request->open.flags = flags;
        request->open.mode = flags & OPEN_CREATES ? mode & 07777 : 0;
        return check_open_how(request);
}

int decode_open(struct decoding *decoding)
{
        return set_open(decoding, arg_unsigned(decoding, 1), arg_unsigned(decoding, 2));
}

int decode_openat(struct decoding *decoding)
{
        return set_open(decoding, arg_unsigned(decoding, 2), arg_unsigned(decoding, 3));
}

int decode_creat(struct decoding *decoding)
{
        return set_open(decoding, O_CREAT | O_WRONLY | O_TRUNC, arg_unsigned(decoding, 1));
}

#define OPEN_HOW_SIZE_FIRST 24u /* OPEN_HOW_SIZE_VER0 */

int decode_openat2(struct decoding *decoding)
{
        struct request *request = decoding->request;
        struct open_how how = {0};
        int r = decoding_read_struct(decoding, arg(decoding, 2), arg(decoding, 3), OPEN_HOW_SIZE_FIRST, &how,
                                     sizeof how);

        if (r < 0)
                return r;
        request->open.flags = how.flags;
        request->open.mode = how.mode;
        request->open.resolve = how.resolve;
        request->open.how = true;
        return check_open_how(request);
}

#define STATX_RESERVED     0x80000000u
#define STATX_SYNC_INVALID 0x6000u /* both AT_STATX_FORCE_SYNC and AT_STATX_DONT_SYNC */

int decode_statx(struct decoding *decoding)
{
        decoding->request->mask = arg_unsigned(decoding, 3);
        if (decoding->request->mask & STATX_RESERVED)
                return -EINVAL;
        if ((decoding->request->at_flags & STATX_SYNC_INVALID) == STATX_SYNC_INVALID)
                return -EINVAL;
        return 0;
}

int decode_access(struct decoding *decoding)
{
        unsigned index = decoding->request->nr == SYS_access ? 1 : 2;

        return arg_unsigned(decoding, index) & ~7u ? -EINVAL : 0;
}

/* No link is longer than a path can be, so neither need the place for it be. */
int decode_readlink(struct decoding *decoding)
{
        struct request *request = decoding->request;
        int size = arg_int(decoding, request->nr == SYS_readlink ? 2 : 3);

        if (size <= 0)
                return -EINVAL;
        request->out_size = size < REQUEST_PATH_MAX ? (size_t)size : REQUEST_PATH_MAX;
        return 0;
}

/* An empty path is the link that the descriptor is open at; the working directory is none. */
int decode_readlink_path(struct decoding *decoding)
{
        struct request *request = decoding->request;

        if (!request->path[0].by_fd)
                return 0;
        request->at_flags |= AT_EMPTY_PATH;
        return request->path[0].fd == AT_FDCWD ? -ENOENT : 0;
}

#define GETDENTS_SIZE_MAX (256u << 10) /* a short answer is as good a one */

int decode_getdents(struct decoding *decoding)
{
        uint32_t size = arg_unsigned(decoding, 2);

        if (size > INT_MAX) /* to the kernel a negative number, and too small for any name */
                size = 0;
        decoding->request->out_size = size < GETDENTS_SIZE_MAX ? size : GETDENTS_SIZE_MAX;
        return 0;
}

int decode_unlinkat(struct decoding *decoding)
{
        uint32_t flags = arg_unsigned(decoding, 2);

        if (flags & ~(uint32_t)AT_REMOVEDIR)
                return -EINVAL;
        if (flags)
                decoding->request->kind = REQUEST_RMDIR;
        return 0;
}

#define RENAME_FLAG_NOREPLACE 1u
#define RENAME_FLAG_EXCHANGE  2u
#define RENAME_FLAG_WHITEOUT  4u

int decode_renameat2(struct decoding *decoding)
{
        uint32_t flags = arg_unsigned(decoding, 4);

        if (flags & ~(RENAME_FLAG_NOREPLACE | RENAME_FLAG_EXCHANGE | RENAME_FLAG_WHITEOUT))
                return -EINVAL;
        if ((flags & RENAME_FLAG_EXCHANGE) && (flags & (RENAME_FLAG_NOREPLACE | RENAME_FLAG_WHITEOUT)))
                return -EINVAL;
        decoding->request->rename_flags = flags;
        return 0;
}

int decode_symlink(struct decoding *decoding)
{
        ssize_t length = decoding_read_path(decoding, arg(decoding, 0), decoding->request->text);

        if (length > 0)
                return 0;
        decoding->request->text[0] = '\0';
        return length < 0 ? (int)length : -ENOENT;
}

static int set_mknod(struct decoding *decoding, uint32_t device)
{
        struct request *request = decoding->request;

        /* As new_decode_dev(): 12 bits of major number between the two parts of 20 bits of minor number. */
        request->device = makedev((device & 0xfff00) >> 8, (device & 0xff) | ((device >> 12) & 0xfff00));
        switch (request->mode & S_IFMT) {
        case 0:
                request->mode |= S_IFREG;
                return 0;
        case S_IFREG:
        case S_IFCHR:
        case S_IFBLK:
        case S_IFIFO:
        case S_IFSOCK:
                return 0;
        case S_IFDIR:
                return -EPERM;
        default:
                return -EINVAL;
        }
}

int decode_mknod(struct decoding *decoding)
{
        return set_mknod(decoding, arg_unsigned(decoding, 2));
}

int decode_mknodat(struct decoding *decoding)
{
        return set_mknod(decoding, arg_unsigned(decoding, 3));
}

int decode_chown(struct decoding *decoding)
{
        decoding->request->uid = arg_unsigned(decoding, 1);
        decoding->request->gid = arg_unsigned(decoding, 2);
        return 0;
}

int decode_fchownat(struct decoding *decoding)
{
        decoding->request->uid = arg_unsigned(decoding, 2);
        decoding->request->gid = arg_unsigned(decoding, 3);
        return 0;
}

int decode_utime(struct decoding *decoding)
{
        struct request *request = decoding->request;
        uint64_t address = arg(decoding, 1);
        struct utimbuf given;
        int r;

        if (!address)
                return 0;
        r = decoding_read(decoding, address, &given, sizeof given);
        if (r < 0)
                return r;
        request->times_set = true;
        request->times[0] = (struct timespec){.tv_sec = given.actime};
        request->times[1] = (struct timespec){.tv_sec = given.modtime};
        return 0;
}

static int set_timevals(struct decoding *decoding, uint64_t address)
{
        struct request *request = decoding->request;
        struct timeval given[2];
        int r;

        if (!address)
                return 0;
        r = decoding_read(decoding, address, given, sizeof given);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < 2; i++) {
                if (given[i].tv_usec < 0 || given[i].tv_usec >= 1000000)
                        return -EINVAL;
                request->times[i] = (struct timespec){given[i].tv_sec, given[i].tv_usec * 1000};
        }
        request->times_set = true;
        return 0;
}

int decode_utimes(struct decoding *decoding)
{
        return set_timevals(decoding, arg(decoding, 1));
}

int decode_futimesat(struct decoding *decoding)
{
        return set_timevals(decoding, arg(decoding, 2));
}

int decode_utimensat(struct decoding *decoding)
{
        struct request *request = decoding->request;
        uint64_t address = arg(decoding, 2);
        int r;

        if (!address)
                return 0;
        r = decoding_read(decoding, address, request->times, sizeof request->times);
        if (r < 0)
                return r;
        request->times_set = true;
        return 0;
}

#define UTIME_FLAGS_VALID (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)

static bool sets_nothing(const struct request *request)
{
        return request->times_set && request->times[0].tv_nsec == UTIME_OMIT &&
               request->times[1].tv_nsec == UTIME_OMIT;
}

/* After the times; and where there is nothing to set, not at all. */
int decode_times_flags(struct decoding *decoding)
{
        struct request *request = decoding->request;

        if (sets_nothing(request))
                return 0;
        if (request->at_flags & ~(unsigned)UTIME_FLAGS_VALID)
                return -EINVAL;
        /* A call on a descriptor itself (a NULL path) takes no flags. */
        if (request->path[0].by_fd && !arg(decoding, 1) && request->at_flags)
                return -EINVAL;
        return 0;
}

int decode_truncate(struct decoding *decoding)
{
        decoding->request->length = (int64_t)arg(decoding, 1);
        return decoding->request->length < 0 ? -EINVAL : 0;
}

/* The order of inotify_add_watch() in fs/notify/inotify/inotify_user.c, but that it looks for the descriptor
 * between the two. */
int decode_watch(struct decoding *decoding)
{
        struct request *request = decoding->request;

        request->fd = arg_int(decoding, 0);
        request->mask = arg_unsigned(decoding, 2);
        if ((request->mask & ~WATCH_BITS) || !request->mask)
                return -EINVAL;
        if (request->mask & IN_DONT_FOLLOW)
                request->at_flags |= AT_SYMLINK_NOFOLLOW;
        return 0;
}
