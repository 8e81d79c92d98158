/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/differential/generate.h"

/* What the tree has (tree.c), and what it may get. */
static const char *const there[] = {
        "f1",           "f2",           "noread",        "program",     "suid",
        "d1",           "d1/inner",     "d1/up",         "d1/sub",      "d1/sub/deep",
        "d1/sub/top",   "d2",           "d2/x",          "locked",      "locked/x",
        "search",       "search/x",     "list",          "list/x",      "sgid",
        "sgid/inner",   "sticky",       "sticky/theirs", "sticky/mine", "sticky/link",
        "empty",        "l-f1",         "l-d1",          "l-d1/inner",  "dangling",
        "dangling-far", "dangling-d1",  "loop",          "loop-a",      "loop-b/x",
        "l-abs",        "l-chain",      "l-slash",       "l-dot",       "l-up",
        "l-cwd",        "l-fd",         "l-self/fd",     "fifo",        "socket",
        "hard",         "service",      "mailbox",       "a b\n",       "l-d1/sub/deep",
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
                                    "/dev/tty",
                                    "/dev/ptmx",
                                    "/dev/pts/ptmx",
                                    "/dev/pts",
                                    "/dev/pts/none",
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
        return !strpbrk(shape->arguments, "bAwy");
}

static void make_arguments(struct chance *chance, struct thing *thing)
{
        const struct shape *shape = thing->shape;
        bool changes;

        make_structures(chance, thing);
        for (unsigned i = 0; shape->arguments[i]; i++)
                thing->args[i] = make_number(chance, shape->arguments[i]);
        changes = changes_things(shape, thing);
        for (unsigned i = 0; shape->arguments[i]; i++) {
                struct path *path = &thing->path[thing->paths];

                switch (shape->arguments[i]) {
                case ARG_PATH:
                case ARG_NEW:
                case ARG_ADDRESS:
                        make_path(chance, shape->arguments[i] == ARG_NEW || shape->nr == SYS_bind, changes,
                                  path);
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

/* Without O_NONBLOCK an open of a FIFO would wait for its other end. */
static void never_wait(struct thing *thing)
{
        for (unsigned i = 0; thing->shape->arguments[i]; i++)
                if (thing->shape->arguments[i] == ARG_OPEN)
                        thing->args[i] |= O_NONBLOCK;
        if (!(thing->how.flags & O_PATH))
                thing->how.flags |= O_NONBLOCK;
        if (thing->shape->nr == SYS_creat)
                thing->path[0].pointer = POINTER_BAD;
}

/* A file without a name gets one, mostly by way of the descriptor that keeps it. */
static void prefer_kept(struct chance *chance, struct thing *thing)
{
        if (thing->shape->nr != SYS_linkat || !chance_percent(chance, 30))
                return;
        snprintf(thing->path[0].text, sizeof thing->path[0].text, "/proc/self/fd/%u",
                 FD_KEPT + chance_below(chance, FD_KEPT_END - FD_KEPT));
        thing->path[0].pointer = POINTER_GOOD;
        thing->args[4] |= AT_SYMLINK_FOLLOW;
}

/* Only root can make device nodes, and may not in the sandbox. FIFOs are for rounds where nobody waits. */
static void avoid_nodes(const struct round *round, struct thing *thing)
{
        for (unsigned i = 0; thing->shape->arguments[i]; i++) {
                long *mode = &thing->args[i];

                if (thing->shape->arguments[i] != ARG_NODE)
                        continue;
                if ((round->privileged && (S_ISCHR(*mode) || S_ISBLK(*mode))) ||
                    (!round->lonely && S_ISFIFO(*mode)))
                        *mode = (*mode & ~(long)S_IFMT) | S_IFSOCK;
        }
}

static bool is_above_hidden(const char *text)
{
        static const char *const above[] = {
                "/", "//", "/.", "/..", "/proc/self/root", "/proc/self/root/", "/usr", "/usr/../usr"};

        for (unsigned i = 0; i < sizeof above / sizeof *above; i++)
                if (!strcmp(text, above[i]))
                        return true;
        return false;
}

/*
 * What differs for a reason, and would make all that follows differ, too. An O_PATH descriptor may be another
 * kind of descriptor in the sandbox (README.md, "Limits"). linkat(2) with AT_EMPTY_PATH is natively refused
 * for a descriptor that was opened under other credentials, which the broker cannot know of it;
 * /proc/self/fd/N serves as well for both. What is in /proc cannot be written to under the policy that the
 * kernel enforces, and a directory beneath which something is hidden is not watched.
 */
static void avoid_known(const struct round *round, struct thing *thing)
{
        if (open_flags(thing) & O_PATH || strstr(thing->path[0].text, "l-self"))
                thing->keep = 0;
        if (thing->shape->nr == SYS_inotify_add_watch && is_above_hidden(thing->path[0].text))
                strcpy(thing->path[0].text, "d1");
        if (round->lonely)
                never_wait(thing);
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
        prefer_kept(chance, thing);
        avoid_nodes(round, thing);
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
        ret_round->privileged = privileged;
        ret_round->lonely = number % 8 == 7;
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
