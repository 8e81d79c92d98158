/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/differential/generate.h"

static const int bases[] = {AT_FDCWD,     AT_FDCWD, AT_FDCWD,    AT_FDCWD,    AT_FDCWD,     AT_FDCWD,
                            AT_FDCWD,     AT_FDCWD, FD_TREE,     FD_TREE,     FD_TREE,      FD_TREE,
                            FD_TREE,      FD_TREE,  FD_PATH_DIR, FD_PATH_DIR, FD_DIRECTORY, FD_DIRECTORY,
                            FD_DIRECTORY, FD_KEPT,  FD_KEPT + 1, FD_KEPT + 2};
static const int odd_bases[] = {FD_FILE, FD_PATH, FD_GONE, FD_PATH_LINK, FD_PIPE,
                                999,     -1,      -5,      FD_MEMORY,    FD_REMOVED};
static const int descriptors[] = {
        FD_TREE,     FD_DIRECTORY, FD_FILE,     FD_READ_ONLY, FD_PATH,   FD_PATH_DIR, FD_PATH_LINK,
        FD_REMOVED,  FD_GONE,      FD_MEMORY,   FD_PIPE,      FD_SOCKET, FD_KEPT,     FD_KEPT + 1,
        FD_KEPT + 2, FD_KEPT + 3,  FD_KEPT + 4, FD_KEPT + 5,  999,       -1,          AT_FDCWD};

static long make_open(struct chance *chance)
{
        static const long access[] = {O_RDONLY, O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_ACCMODE};
        static const long flags[] = {O_CREAT,
                                     O_CREAT,
                                     O_EXCL,
                                     O_NOFOLLOW,
                                     O_DIRECTORY,
                                     O_TRUNC,
                                     O_APPEND,
                                     O_CLOEXEC,
                                     O_NONBLOCK,
                                     O_NOCTTY,
                                     O_NOATIME,
                                     O_SYNC,
                                     O_DSYNC,
                                     O_PATH,
                                     O_DIRECTORY | O_NOFOLLOW,
                                     O_CREAT | O_EXCL,
                                     O_CREAT | O_TRUNC,
                                     O_TMPFILE,
                                     O_TMPFILE,
                                     OPEN_TMPFILE,
                                     O_PATH | O_NOFOLLOW,
                                     O_PATH | O_DIRECTORY,
                                     0100000 /* O_LARGEFILE */,
                                     O_ASYNC,
                                     1L << 30};
        long result = chance_pick(chance, access);

        while (chance_percent(chance, 55))
                result |= chance_pick(chance, flags);
        return result;
}

static long make_mode(struct chance *chance)
{
        static const long modes[] = {0644,  0666,  0600,  0755,  0777,  0700,    0,       0400,  0200,
                                     02755, 04755, 06755, 01777, 07777, 0100644, 0170000, 02770, 0660};

        return chance_pick(chance, modes);
}

static long make_node(struct chance *chance)
{
        static const long types[] = {S_IFREG, S_IFREG, 0,       S_IFSOCK, S_IFSOCK, S_IFDIR, S_IFLNK,
                                     0030000, S_IFREG, S_IFIFO, S_IFCHR,  S_IFCHR,  S_IFBLK};

        return chance_pick(chance, types) | (make_mode(chance) & 07777);
}

static void make_how(struct chance *chance, struct open_how *how)
{
        static const uint64_t resolves[] = {RESOLVE_BENEATH,
                                            RESOLVE_IN_ROOT,
                                            RESOLVE_NO_SYMLINKS,
                                            RESOLVE_NO_MAGICLINKS,
                                            RESOLVE_NO_XDEV,
                                            RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
                                            RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
                                            RESOLVE_BENEATH | RESOLVE_IN_ROOT,
                                            UINT64_C(1) << 40,
                                            RESOLVE_NO_XDEV | RESOLVE_BENEATH};

        how->flags = (uint64_t)make_open(chance);
        if (how->flags & O_PATH && chance_percent(chance, 80))
                how->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        if (chance_percent(chance, 97))
                how->flags &= ~(uint64_t)(1L << 30);
        how->mode = how->flags & (O_CREAT | OPEN_TMPFILE) || chance_percent(chance, 3)
                            ? (uint64_t)make_mode(chance)
                            : 0;
        how->mode &= chance_percent(chance, 95) ? 07777 : ~UINT64_C(0);
        how->resolve = chance_percent(chance, 75) ? chance_pick(chance, resolves) : 0;
}

static long make_at(struct chance *chance)
{
        static const long flags[] = {0,
                                     0,
                                     0,
                                     AT_SYMLINK_NOFOLLOW,
                                     AT_SYMLINK_NOFOLLOW,
                                     AT_EMPTY_PATH,
                                     AT_EMPTY_PATH,
                                     AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
                                     AT_EACCESS,
                                     AT_EACCESS | AT_SYMLINK_NOFOLLOW,
                                     AT_NO_AUTOMOUNT,
                                     AT_SYMLINK_FOLLOW,
                                     AT_STATX_FORCE_SYNC,
                                     AT_STATX_DONT_SYNC,
                                     AT_STATX_SYNC_TYPE,
                                     AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW,
                                     AT_EACCESS | AT_EMPTY_PATH,
                                     AT_RECURSIVE,
                                     0x40000000};

        return chance_pick(chance, flags);
}

static void make_times(struct chance *chance, struct thing *thing)
{
        static const long nanoseconds[] = {0, 0, 0, 5, 999999999, UTIME_NOW, UTIME_OMIT, 1000000000, -1};

        for (unsigned i = 0; i < 2; i++) {
                thing->times[i] = (struct timespec){.tv_sec = 1000 + chance_below(chance, 1000),
                                                    .tv_nsec = chance_pick(chance, nanoseconds)};
                thing->timevals[i] = (struct timeval){.tv_sec = 1000 + chance_below(chance, 1000),
                                                      .tv_usec = chance_percent(chance, 95) ? 0 : 1000000};
        }
        thing->utimbuf = (struct utimbuf){.actime = 1000, .modtime = 1500};
}

static void make_name(struct chance *chance, char value[32])
{
        static const char *const names[] = {"user.a",
                                            "user.a",
                                            "user.b",
                                            "user.c",
                                            "trusted.a",
                                            "security.a",
                                            "bogus.a",
                                            "user.",
                                            "",
                                            "user",
                                            "system.posix_acl_access"};

        strcpy(value, chance_pick(chance, names));
}

static long make_size(struct chance *chance)
{
        static const long sizes[] = {4096, 4096, 4096, 4096, 0, 1, 2, 24, 60, -1};

        return chance_pick(chance, sizes);
}

long make_number(struct chance *chance, char letter)
{
        static const long ids[] = {-1, -1, 0, 65534, 65534, 7, 1000};
        static const long accesses[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK, R_OK | X_OK, 7, 8};
        static const long lengths[] = {0, 1, 3, 100, 5000, 20000, 65536, 65537, 1L << 20, -1};
        static const long renames[] = {0, 0, 1, 1, 2, 2, 3, 4, 8, 5, 6};
        static const long removes[] = {0, 0, AT_REMOVEDIR, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW};
        static const long links[] = {
                0, 0, AT_SYMLINK_FOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW};
        static const long masks[] = {0x7ff, 0x7ff, 0xfff,  0x80000000, 0,
                                     1,     0x100, 0x1000, 0x1fff,     0x7fffffff};
        static const long devices[] = {0x101, 0x102, 0x103, 0x105, 0x107, 0x500, 0xfffff};
        static const long watches[] = {IN_ALL_EVENTS,
                                       IN_ALL_EVENTS,
                                       IN_MODIFY,
                                       IN_CREATE | IN_ONLYDIR,
                                       IN_ALL_EVENTS | IN_DONT_FOLLOW,
                                       IN_DELETE | IN_MASK_ADD,
                                       IN_OPEN | IN_MASK_CREATE,
                                       IN_MASK_ADD | IN_MASK_CREATE | IN_OPEN,
                                       IN_ONESHOT | IN_OPEN,
                                       IN_EXCL_UNLINK | IN_ATTRIB,
                                       0,
                                       IN_ONLYDIR,
                                       0x10000};
        static const long watchers[] = {FD_WATCHER, FD_WATCHER, FD_WATCHER, FD_WATCHER, FD_WATCHER,
                                        FD_WATCHER, FD_FILE,    FD_PATH,    -1,         999};
        static const long sockets[] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_SEQPACKET};
        static const long structures[] = {16, 16, 16, 16, 16, 0, 8, 15, 17, 24, 4096, 4097};
        static const long how_sizes[] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 23, 25, 32, 33, 4096, 4097, 5000};

        switch (letter) {
        case ARG_UID:
        case ARG_GID:
                return chance_pick(chance, ids);
        case ARG_ACCESS:
                return chance_pick(chance, accesses);
        case ARG_LENGTH:
                return chance_pick(chance, lengths);
        case ARG_RENAME:
                return chance_pick(chance, renames);
        case ARG_REMOVE:
                return chance_pick(chance, removes);
        case ARG_LINK:
                return chance_pick(chance, links);
        case ARG_MASK:
                return chance_pick(chance, masks);
        case ARG_XFLAGS:
                return chance_percent(chance, 70) ? 0 : 1 + (long)chance_below(chance, 3);
        case ARG_DIRECTORY:
                return chance_percent(chance, 12) ? chance_pick(chance, odd_bases)
                                                  : chance_pick(chance, bases);
        case ARG_FD:
                return chance_pick(chance, descriptors);
        case ARG_OPEN:
                return make_open(chance);
        case ARG_MODE:
                return make_mode(chance);
        case ARG_NODE:
                return make_node(chance);
        case ARG_AT:
                return make_at(chance);
        case ARG_DEVICE:
                return chance_pick(chance, devices);
        case ARG_WATCH:
                return chance_pick(chance, watches);
        case ARG_WATCHER:
                return chance_pick(chance, watchers);
        case ARG_SOCKET:
                return chance_pick(chance, sockets);
        case ARG_ADDRESS_SIZE:
                return chance_percent(chance, 85) ? chance_below(chance, 3) : 3 + chance_below(chance, 8);
        case ARG_XSIZE:
                return chance_pick(chance, structures);
        case ARG_HOW_SIZE:
                return chance_pick(chance, how_sizes);
        case ARG_XGET:
        case ARG_SIZE:
                return make_size(chance);
        default:
                return 0;
        }
}

void make_structures(struct chance *chance, struct thing *thing)
{
        make_how(chance, &thing->how);
        make_times(chance, thing);
        make_name(chance, thing->value);
}
