/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/differential/case.h"

#define OPEN_TMPFILE 020000000 /* without O_DIRECTORY */

/* What the tree has (tree.c), and what it may get. */
static const char *const there[] = {
        "f1",           "f2",           "noread",     "program",     "suid",          "d1",
        "d1/inner",     "d1/up",        "d1/sub",     "d1/sub/deep", "d1/sub/top",    "d2",
        "d2/x",         "locked",       "locked/x",   "search",      "search/x",      "list",
        "list/x",       "sgid",         "sgid/inner", "sticky",      "sticky/theirs", "sticky/mine",
        "sticky/link",  "empty",        "l-f1",       "l-d1",        "l-d1/inner",    "dangling",
        "dangling-far", "dangling-d1",  "loop",       "loop-a",      "loop-b/x",      "l-abs",
        "l-chain",      "l-slash",      "l-dot",      "l-up",        "l-cwd",         "l-fd",
        "l-self/fd",    "fifo",         "socket",     "hard",        "a b\n",         "l-d1/sub/deep",
        "l-abs-d/sub",  "l-slash/inner"};
static const char *const absent[] = {
        "n1",    "n2",         "n3",         "d1/n4",  "d1/sub/n5", "sgid/n6",   "sticky/n7", "l-d1/n8",
        "d2/n9", "search/n10", "locked/n11", "n1/n12", "n2/n13",    "empty/n14", "list/n15",  "l-slash/n16"};
static const char *const parts[] = {"f1", "d1",     "sub",  "inner",  "l-d1",  "l-f1",     "..",      ".",
                                    "n1", "n2",     "sgid", "sticky", "loop",  "dangling", "l-up",    "l-dot",
                                    "up", "locked", "x",    "search", "empty", "l-slash",  "l-abs-d", "top"};
static const char *const separators[] = {"/", "/", "/", "//", "/./", "/../", "///"};
static const char *const prefixes[] = {"%/",
                                       "%/",
                                       "%//",
                                       "%/./",
                                       "/proc/self/cwd/",
                                       "/proc/self/root%/",
                                       "/proc/thread-self/cwd/",
                                       "/proc/self/fd/200/",
                                       "/proc/self/fd/201/../",
                                       "/dev/fd/200/",
                                       "/proc/self/fd/205/../",
                                       "/proc/thread-self/root%/",
                                       "/proc/self/task/@/cwd/",
                                       "/proc/self/fd/208/",
                                       "/proc/thread-self/fd/200/",
                                       "l-cwd/",
                                       "/proc/self/../self/cwd/",
                                       "/proc/@/cwd/"};
/* Whole paths that nothing is changed through. */
static const char *const fixed[] = {"/",
                                    ".",
                                    "..",
                                    "//",
                                    "/.",
                                    "/..",
                                    "./",
                                    "../",
                                    "",
                                    "/proc/self",
                                    "/proc/thread-self",
                                    "/proc/self/",
                                    "/proc/self/exe",
                                    "/proc/self/fd",
                                    "/proc/self/fd/",
                                    "/proc/self/root",
                                    "/proc/self/root/",
                                    "/proc/self/cwd",
                                    "/proc/self/cwd/",
                                    "/proc/self/fd/200",
                                    "/proc/self/fd/202",
                                    "/proc/self/fd/202/",
                                    "/proc/self/fd/202/x",
                                    "/proc/self/fd/204",
                                    "/proc/self/fd/205",
                                    "/proc/self/fd/206",
                                    "/proc/self/fd/206/",
                                    "/proc/self/fd/207",
                                    "/proc/self/fd/208",
                                    "/proc/self/fd/208/",
                                    "/proc/self/fd/209",
                                    "/proc/self/fd/210",
                                    "/proc/self/fd/211",
                                    "/proc/self/fd/220",
                                    "/proc/self/fd/221",
                                    "/proc/self/fd/222/",
                                    "/proc/self/fd/999",
                                    "/proc/self/fd/-1",
                                    "/proc/self/fd/0200",
                                    "/dev/fd",
                                    "/dev/fd/203",
                                    "/dev/stdin",
                                    "/dev/null",
                                    "/dev/zero",
                                    "/dev/full",
                                    "/proc/self/comm",
                                    "/proc/self/status",
                                    "/proc/self/status/",
                                    "/proc/self/absent",
                                    "/proc/absent",
                                    "/proc/version",
                                    "/proc/mounts",
                                    "/proc/self/mounts",
                                    "/proc/self/ns/mnt",
                                    "/proc/self/task/@",
                                    "/proc/self/task",
                                    "/proc/self/environ",
                                    "/proc/self/maps",
                                    "/proc/thread-self/comm",
                                    "/proc/thread-self/fd/202",
                                    "/proc/self/attr",
                                    "/proc/self/net",
                                    "/proc/net",
                                    "/proc/sys",
                                    "/proc/self/fdinfo/202",
                                    "/proc/self/map_files",
                                    "/usr",
                                    "/usr/bin",
                                    "/usr/../usr",
                                    "/bin",
                                    "/nowhere",
                                    "/nowhere/x",
                                    "/etc/passwd/",
                                    "/etc/passwd/x",
                                    "/tmp",
                                    "/dev",
                                    "/sys",
                                    "%",
                                    "%/",
                                    "%/.",
                                    "%/.."};
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

static void append(struct path *path, const char *text)
{
        strncat(path->text, text, sizeof path->text - strlen(path->text) - 1);
}

static void make_parts(struct chance *chance, struct path *path)
{
        for (unsigned left = 1 + chance_below(chance, 4); left; left--) {
                append(path, chance_pick(chance, parts));
                if (left > 1)
                        append(path, chance_pick(chance, separators));
        }
}

static void make_long(struct chance *chance, struct path *path)
{
        static const size_t lengths[] = {254, 255, 256, 300, 4094, 4095, 4096, 4097, 5000};
        size_t length = chance_pick(chance, lengths);

        memset(path->text, 'n', length);
        path->text[length] = '\0';
        if (length > 300 || chance_percent(chance, 20)) /* many components, all of which lead on */
                for (size_t i = 0; i + 1 < length - 2; i += 2)
                        memcpy(path->text + i, "./", 2);
        if (length > 300)
                memcpy(path->text + length - 2, "f1", 2);
}

/* Does the text end in a slash, or in dots? */
static void make_tail(struct chance *chance, struct path *path)
{
        static const char *const tails[] = {"/", "/", "/", "//", "/.", "/..", "/./"};

        if (chance_percent(chance, 12))
                append(path, chance_pick(chance, tails));
}

static void make_path(struct chance *chance, bool new, bool changes, struct path *path)
{
        unsigned kind = chance_below(chance, 100);

        path->text[0] = '\0';
        path->pointer = POINTER_GOOD;
        if (kind < 2) {
                path->pointer = 1 + chance_below(chance, 3);
                strcpy(path->text, "f1");
        } else if (kind < 4) {
                make_long(chance, path);
        } else if (kind < 15) {
                const char *text = chance_pick(chance, fixed);

                append(path,
                       changes && text[0] == '/' && strncmp(text, "/proc/self/fd/", 14) != 0 ? "%/f1" : text);
        } else {
                if (chance_percent(chance, 25))
                        append(path, chance_pick(chance, prefixes));
                if (chance_percent(chance, 20))
                        make_parts(chance, path);
                else if (new ? chance_percent(chance, 80) : chance_percent(chance, 20))
                        append(path, chance_pick(chance, absent));
                else
                        append(path, chance_pick(chance, there));
                make_tail(chance, path);
        }
}

static void make_text(struct chance *chance, struct path *path)
{
        static const char *const texts[] = {"f1",
                                            "d1",
                                            "../f1",
                                            "d1/inner",
                                            "n1",
                                            "n2",
                                            ".",
                                            "%/f1",
                                            "%/d1",
                                            "l-d1/up",
                                            "l-f1",
                                            "/proc/self/cwd/f1",
                                            "/proc/self/fd/202",
                                            "d1/",
                                            "f1/",
                                            "",
                                            "/proc/self/fd/200",
                                            "nowhere/x",
                                            "sub/deep"};

        path->pointer = chance_percent(chance, 3) ? 1 + chance_below(chance, 3) : POINTER_GOOD;
        path->text[0] = '\0';
        if (chance_percent(chance, 4))
                make_long(chance, path);
        else
                append(path, chance_pick(chance, texts));
}

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
        static const long types[] = {S_IFREG, S_IFREG, 0,       S_IFSOCK, S_IFSOCK,
                                     S_IFDIR, S_IFLNK, 0030000, S_IFREG};

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

static long make_number(struct chance *chance, char letter)
{
        static const long ids[] = {-1, -1, 0, 65534, 65534, 7, 1000};
        static const long accesses[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK, R_OK | X_OK, 7, 8};
        static const long lengths[] = {0, 1, 3, 100, 5000, 20000, 65536, 65537, 1L << 20, -1};
        static const long renames[] = {0, 0, 1, 1, 2, 2, 3, 4, 8, 5, 6};
        static const long removes[] = {0, 0, AT_REMOVEDIR, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW};
        static const long links[] = {
                0, 0, AT_SYMLINK_FOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW};
        static const long masks[] = {0x7ff, 0x7ff, 0xfff, 0x80000000, 0};

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
        case ARG_SIZE:
                return make_size(chance);
        default:
                return 0;
        }
}

/*
 * Could this change what its path leads to, or be where later ones start? Then the path has to stay in the
 * tree: root's test run must not touch the machine.
 */
static bool changes_things(const struct shape *shape, const struct thing *thing)
{
        long flags = 0;

        if (shape->result == RESULT_OPEN)
                for (unsigned i = 0; shape->arguments[i]; i++)
                        flags |= shape->arguments[i] == ARG_OPEN  ? thing->args[i]
                                 : shape->arguments[i] == ARG_HOW ? (long)thing->how.flags
                                                                  : 0;
        if (shape->result == RESULT_OPEN && shape->nr != SYS_creat)
                return thing->keep || (flags & (O_CREAT | O_TRUNC | OPEN_TMPFILE)) ||
                       (flags & O_ACCMODE) != O_RDONLY;
        return !strpbrk(shape->arguments, "bA");
}

static void make_arguments(struct chance *chance, struct thing *thing)
{
        const struct shape *shape = thing->shape;
        bool changes;

        make_how(chance, &thing->how);
        make_times(chance, thing);
        make_name(chance, thing->value);
        for (unsigned i = 0; shape->arguments[i]; i++)
                thing->args[i] = make_number(chance, shape->arguments[i]);
        changes = changes_things(shape, thing);
        for (unsigned i = 0; shape->arguments[i]; i++) {
                struct path *path = &thing->path[thing->paths];

                switch (shape->arguments[i]) {
                case ARG_PATH:
                case ARG_NEW:
                        make_path(chance, shape->arguments[i] == ARG_NEW, changes, path);
                        thing->paths++;
                        break;
                case ARG_TEXT:
                        make_text(chance, path);
                        thing->paths++;
                        break;
                }
        }
        thing->out = chance_percent(chance, 96) ? POINTER_GOOD : 1 + chance_below(chance, 3);
}

/* With AT_EMPTY_PATH an empty path is what one wants to see. */
static void prefer_empty(struct chance *chance, struct thing *thing)
{
        for (unsigned i = 0; thing->shape->arguments[i]; i++)
                if (strchr("aL", thing->shape->arguments[i]) && thing->args[i] & AT_EMPTY_PATH &&
                    chance_percent(chance, 70)) {
                        thing->path[0].pointer = chance_percent(chance, 80) ? POINTER_GOOD : POINTER_NULL;
                        thing->path[0].text[0] = '\0';
                }
        if (!strcmp(thing->shape->name, "utimensat") && chance_percent(chance, 15))
                thing->path[0].pointer = POINTER_NULL;
}

/* The bits of open(2)'s flags, wherever the shape has them. */
static uint64_t open_flags(const struct thing *thing)
{
        for (unsigned i = 0; thing->shape->arguments[i]; i++) {
                if (thing->shape->arguments[i] == ARG_OPEN)
                        return (uint64_t)thing->args[i];
                if (thing->shape->arguments[i] == ARG_HOW)
                        return thing->how.flags;
        }
        return 0;
}

static const struct shape *pick_shape(struct chance *chance, bool privileged)
{
        unsigned total = 0, at;

        for (unsigned i = 0; i < shape_count; i++)
                total += shapes[i].privileged && !privileged ? 0 : shapes[i].weight;
        at = chance_below(chance, total);
        for (unsigned i = 0;; i++) {
                unsigned weight = shapes[i].privileged && !privileged ? 0 : shapes[i].weight;

                if (at < weight)
                        return &shapes[i];
                at -= weight;
        }
}

/*
 * What differs for a reason, and would make all that follows differ, too. An O_PATH descriptor may be another
 * kind of descriptor in the sandbox (README.md, "Limits"). linkat(2) with AT_EMPTY_PATH is natively refused
 * for a descriptor that was opened under other credentials, which the broker cannot know of it;
 * /proc/self/fd/N serves as well for both.
 */
static void avoid_known(const struct round *round, struct thing *thing)
{
        if (open_flags(thing) & O_PATH)
                thing->keep = 0;
        if (thing->shape->nr == SYS_linkat && (round->identity != IDENTITY_SAME || thing->args[0] < FD_KEPT))
                thing->args[4] &= ~(long)AT_EMPTY_PATH;
}

static void make_thing(struct chance *chance, const struct round *round, struct thing *thing)
{
        memset(thing, 0, offsetof(struct thing, path));
        thing->shape = pick_shape(chance, round->identity != IDENTITY_SAME);
        thing->actor = round->threads && chance_percent(chance, 50);
        thing->patched = chance_percent(chance, 75);
        if (chance_percent(chance, 40))
                thing->keep = FD_KEPT + chance_below(chance, FD_KEPT_END - FD_KEPT);
        make_arguments(chance, thing);
        prefer_empty(chance, thing);
        avoid_known(round, thing);
}

void round_generate(uint64_t seed, uint64_t number, bool privileged, struct round *ret_round)
{
        static const mode_t umasks[] = {022, 022, 0, 027, 077, 0777};
        struct chance chance;

        chance_seed(&chance, seed, number);
        memset(ret_round, 0, offsetof(struct round, things));
        ret_round->seed = seed;
        ret_round->number = number;
        ret_round->forks = chance_percent(&chance, 25);
        ret_round->threads = chance_percent(&chance, 25);
        ret_round->unshares = ret_round->threads && chance_percent(&chance, 50);
        if (ret_round->forks && chance_percent(&chance, 70))
                ret_round->identity = 1 + chance_below(&chance, IDENTITY_GROUP);
        if (!privileged)
                ret_round->identity = IDENTITY_SAME;
        ret_round->umask = chance_pick(&chance, umasks);
        ret_round->count = CASES_MAX;
        for (unsigned i = 0; i < ret_round->count; i++)
                make_thing(&chance, ret_round, &ret_round->things[i]);
}
