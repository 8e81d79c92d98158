/* SPDX-License-Identifier: Apache-2.0 */
/* Operations under a policy that grants little: every way round it that names, links and procfs offer. */
#include <dirent.h>
#include <sys/sysmacros.h>

#include "tests/unit/enforce/fixture.h"

/* root/w is granted for writing, root/r for reading; root/w/deny and root/w/parent/secret are denied,
 * root/w/hidden and root/r/hidden are hidden; root/x is not mentioned. */
struct world {
        char root[64];
        char rules_text[16][128];
        const char *rules[16];
        struct sandbox sandbox;
};

static char world_root[64];

static char *at(const char *path)
{
        static char paths[4][PATH_MAX];
        static unsigned next;
        char *out = paths[next++ % 4];

        snprintf(out, PATH_MAX, "%s/%s", world_root, path);
        return out;
}

static void make_world(void)
{
        static const char *const directories[] = {"w",        "r",        "x",        "w/deny",
                                                  "w/parent", "w/hidden", "r/hidden", "w/dir"};
        static const char *const files[] = {
                "w/file",        "r/file",        "x/file",    "w/deny/file", "w/parent/secret",
                "w/hidden/file", "r/hidden/file", "w/deleted", "x/deleted",   "w/there (deleted)",
                "w/program",     "w/dir/inner"};

        for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
                cr_assert_eq(mkdir(at(directories[i]), 0755), 0);
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                fixture_write(at(files[i]), "content");
        cr_assert_eq(chmod(at("w/program"), 0755), 0);
        cr_assert_eq(symlink("../x/file", at("w/out")), 0);
        cr_assert_eq(symlink("../x/new", at("w/dangling")), 0);
        cr_assert_eq(symlink("../w/file", at("x/in")), 0);
        cr_assert_eq(symlink("../x", at("w/outdir")), 0);
        cr_assert_eq(symlink("hidden/file", at("w/tohidden")), 0);
        cr_assert_eq(mkfifo(at("w/fifo"), 0644), 0);
}

/* The caller holds 100: root/x, 101: root/x/file, 102: root/x/deleted and 103: root/w/deleted (both removed),
 * 104: root/w/there (deleted), 105: root/w, 106: /proc. */
static void prepare_caller(const char *root)
{
        cr_assert_eq(chdir(root), 0);
        dup2(open("x", O_RDONLY | O_DIRECTORY), 100);
        dup2(open("x/file", O_RDWR), 101);
        dup2(open("x/deleted", O_RDWR), 102);
        dup2(open("w/deleted", O_RDWR), 103);
        dup2(open("w/there (deleted)", O_RDWR), 104);
        dup2(open("w", O_RDONLY | O_DIRECTORY), 105);
        dup2(open("/proc", O_PATH), 106);
        unlink("x/deleted");
        unlink("w/deleted");
        umask(022);
}

static void world_init_with(struct world *world, bool may_block, const char *extra)
{
        static const char *const rules[] = {
                "w%s/w",        "r%s/r",        "d%s/w/deny", "d%s/w/parent/secret",
                "h%s/w/hidden", "h%s/r/hidden", "r/proc",     "x%s/w/program"};
        size_t count = sizeof rules / sizeof *rules;

        memset(world, 0, sizeof *world);
        strcpy(world->root, "/tmp/flicker-world-XXXXXX");
        cr_assert(mkdtemp(world->root));
        strcpy(world_root, world->root);
        for (size_t i = 0; i < count; i++) {
                const char *tail = strstr(rules[i], "%s");

                snprintf(world->rules_text[i], 128, "%c%s%s", rules[i][0], tail ? world->root : rules[i] + 1,
                         tail ? tail + 2 : "");
                world->rules[i] = world->rules_text[i];
        }
        world->rules[count] = extra;
        make_world();
        sandbox_init(&world->sandbox, world->rules, may_block);
        sandbox_fork(&world->sandbox, world->root, prepare_caller);
}

static void world_init(struct world *world)
{
        world_init_with(world, true, NULL);
}

static void world_finish(struct world *world)
{
        sandbox_finish(&world->sandbox);
        fixture_remove(world->root);
}

static int64_t ask_open(struct world *world, const char *path, int flags)
{
        return sandbox_open(&world->sandbox, AT_FDCWD, path, flags, 0644);
}

static int64_t ask(struct world *world, enum request_kind kind, const char *path)
{
        struct request *request = sandbox_ask(&world->sandbox, kind, AT_FDCWD, path);

        request->mode = 0644;
        request->out_size = 4096;
        return sandbox_perform(&world->sandbox);
}

static int64_t ask_two(struct world *world, enum request_kind kind, const char *path, const char *path2,
                       unsigned rename_flags)
{
        struct request *request = sandbox_ask(&world->sandbox, kind, AT_FDCWD, path);

        request_set_path(&request->path[1], AT_FDCWD, path2);
        request->rename_flags = rename_flags;
        return sandbox_perform(&world->sandbox);
}

static void expect_denied(const struct world *world, const char *path)
{
        const struct verdict *verdict = &world->sandbox.reply.verdict;

        cr_expect(world->sandbox.reply.judged);
        cr_expect_eq(verdict->outcome, VERDICT_DENY);
        cr_expect(verdict->object_length == strlen(at(path)) &&
                          !memcmp(verdict->object, at(path), verdict->object_length),
                  "%.*s is not %s", (int)verdict->object_length, verdict->object, at(path));
}

Test(operations, open_is_judged_by_where_it_leads)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(ask_open(&world, "w/file", O_RDWR), 0);
        cr_expect_eq(ask_open(&world, "r/file", O_RDONLY), 0);
        cr_expect_eq(world.sandbox.reply.verdict.outcome, VERDICT_ALLOW);
        cr_expect_str_eq(world.sandbox.reply.verdict.purpose, "for reading");
        cr_expect_eq(ask_open(&world, "r/file", O_WRONLY), -EACCES);
        expect_denied(&world, "r/file");
        cr_expect_str_eq(world.sandbox.reply.verdict.purpose, "for writing");
        cr_expect_eq(ask_open(&world, "r/file", O_RDONLY | O_TRUNC), -EACCES);
        cr_expect_eq(ask_open(&world, "x/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "w/out", O_RDONLY), -EACCES);
        expect_denied(&world, "x/file");
        cr_expect_eq(ask_open(&world, "w/outdir/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "w/../x/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, at("w/../x/file"), O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "x/in", O_RDWR), 0);
        cr_expect_eq(ask_open(&world, "w/deny/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "w/deny", O_RDONLY), -EACCES);
        cr_expect_eq(sandbox_open(&world.sandbox, 100, "file", O_RDONLY, 0), -EACCES);
        cr_expect_eq(sandbox_open(&world.sandbox, 100, "../w/file", O_RDONLY, 0), 0);
        cr_expect_eq(ask_open(&world, "x/absent", O_RDONLY), -ENOENT);
        cr_expect_not(world.sandbox.reply.judged);
        cr_expect_eq(ask_open(&world, "w/file", O_PATH), 0);
        cr_expect_eq(ask_open(&world, "x/file", O_PATH), -EACCES, "where names are hidden");
        cr_expect_eq(ask_open(&world, "/etc/passwd", O_RDONLY), -EACCES);
        world_finish(&world);
}

static int ask_device(struct world *world, const char *path, mode_t mode, dev_t device)
{
        struct request *request = sandbox_ask(&world->sandbox, REQUEST_MKNOD, AT_FDCWD, path);

        request->mode = mode;
        request->device = device;
        return sandbox_perform(&world->sandbox);
}

/* Nor a whiteout, which leads to none: the broker may not make any (RIGHTS_DEVICES). */
static void expect_no_devices(struct world *world)
{
        cr_expect_eq(ask_device(world, "w/device", S_IFCHR | 0666, makedev(1, 3)), -EPERM);
        cr_expect(world->sandbox.reply.verdict.baseline);
        cr_expect_eq(ask_device(world, "w/device", S_IFBLK | 0666, 0), -EPERM);
        cr_expect_eq(ask_device(world, "x", S_IFBLK | 0666, makedev(8, 0)), -EEXIST);
        cr_expect_eq(ask_device(world, "w/device/", S_IFCHR | 0666, makedev(1, 3)), -ENOENT);
        cr_expect_eq(ask_device(world, "x/device", S_IFCHR | 0666, makedev(1, 3)), -EACCES);
        cr_expect_eq(ask_device(world, "w/hidden", S_IFCHR | 0666, makedev(1, 3)), -ENOENT);
        cr_expect_eq(access(at("w/device"), F_OK), -1);
        cr_expect_eq(ask_device(world, "w/whiteout", S_IFCHR | 0666, 0), -EPERM);
}

Test(operations, creation_is_judged)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(ask_open(&world, "x/new", O_RDWR | O_CREAT), -EACCES);
        expect_denied(&world, "x/new");
        cr_expect_eq(ask_open(&world, "w/dangling", O_RDWR | O_CREAT), -EACCES);
        expect_denied(&world, "x/new");
        cr_expect_eq(access(at("x/new"), F_OK), -1);
        cr_expect_eq(ask_open(&world, "w/dangling", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
        cr_expect_eq(ask_open(&world, "w/deny/new", O_RDWR | O_CREAT), -EACCES);
        cr_expect_eq(ask_open(&world, "w/hidden/new", O_RDWR | O_CREAT), -ENOENT);
        cr_expect_eq(ask_open(&world, "r/new", O_RDONLY | O_CREAT), -EACCES);
        cr_expect_eq(ask_open(&world, "w/new", O_RDWR | O_CREAT), 0);
        cr_expect_eq(ask_open(&world, "r", O_TMPFILE | O_RDWR), -EACCES);
        cr_expect_eq(ask_open(&world, "w", O_TMPFILE | O_RDWR), 0);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "x/made"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "x"), -EEXIST);
        cr_expect_not(world.sandbox.reply.judged);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "w/hidden"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "w/made"), 0);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "w/outdir/made"), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_SYMLINK, "x/l", "", 0), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_MKNOD, "x/node"), -EACCES);
        expect_no_devices(&world);
        world_finish(&world);
}

Test(operations, removing_and_moving_are_judged)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(ask(&world, REQUEST_UNLINK, "x/file"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_UNLINK, "x/absent"), -ENOENT);
        cr_expect_not(world.sandbox.reply.judged);
        cr_expect_eq(ask(&world, REQUEST_UNLINK, "w/deny/file"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_UNLINK, "w/hidden/file"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_RMDIR, "w/deny"), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/file", "x/file2", 0), -EACCES);
        expect_denied(&world, "x/file2");
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "r/file", "w/file2", 0), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/deny", "w/undeny", 0), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/parent", "w/other", 0), -EXDEV);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/parent", "w/dir", RENAME_EXCHANGE), -EXDEV);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/dir", "w/parent", RENAME_EXCHANGE), -EXDEV);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/hidden", "w/shown", 0), -ENOENT);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/file", "w/hidden/x", 0), -ENOENT);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/absent", "x/absent", 0), -ENOENT);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/dir", "w/dir2", 0), 0);
        cr_expect_eq(ask_two(&world, REQUEST_RENAME, "w/dir2", "w/dir", 0), 0);
        cr_expect_eq(ask_two(&world, REQUEST_LINK, "x/file", "w/linked", 0), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_LINK, "r/file", "w/linked", 0), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_LINK, "w/deny/file", "w/linked", 0), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_LINK, "w/file", "x/linked", 0), -EACCES);
        cr_expect_eq(ask_two(&world, REQUEST_LINK, "w/file", "x/file", 0), -EEXIST);
        cr_expect_eq(ask_two(&world, REQUEST_LINK, "w/file", "w/linked", 0), 0);
        world_finish(&world);
}

Test(operations, attributes_are_judged)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(ask(&world, REQUEST_CHMOD, "x/file"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_CHMOD, "r/file"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_CHMOD, "w/out"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_UTIME, "x/file"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_TRUNCATE, "x/file"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_TRUNCATE, "w/file"), 0);
        sandbox_ask(&world.sandbox, REQUEST_CHMOD, 101, NULL)->mode = 0600;
        cr_expect_eq(sandbox_perform(&world.sandbox), -EACCES);
        expect_denied(&world, "x/file");
        strcpy(sandbox_ask(&world.sandbox, REQUEST_XATTR_SET, AT_FDCWD, "x/file")->xattr_name, "user.x");
        cr_expect_eq(sandbox_perform(&world.sandbox), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_CHDIR, "x"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_CHDIR, "w/outdir"), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_CHDIR, "r"), 0);
        cr_expect_eq(world.sandbox.reply.kind, REPLY_CONTINUE);
        cr_expect(world.sandbox.reply.why);
        world_finish(&world);
}

Test(operations, metadata_is_visible_unless_hidden)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(ask(&world, REQUEST_STAT, "x/file"), 0);
        cr_expect_eq(ask(&world, REQUEST_STAT, "w/deny/file"), 0);
        cr_expect_eq(ask(&world, REQUEST_STAT, "w/hidden/file"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_STAT, "w/hidden"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_STAT, "w/tohidden"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_ACCESS, "w/hidden/file"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_READLINK, "w/hidden/file"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_STATFS, "w/hidden"), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_CHDIR, "w/hidden"), -ENOENT);
        cr_expect_eq(ask_open(&world, "w/hidden/file", O_RDONLY), -ENOENT);
        cr_expect_eq(ask_open(&world, "w/hidden", O_PATH), -ENOENT);
        cr_expect_eq(ask_open(&world, at("w/hidden/file/x"), O_RDONLY), -ENOENT);
        cr_expect_eq(ask_open(&world, "w/hidden/file/x", O_RDONLY), -ENOENT);
        cr_expect_eq(ask_open(&world, "w/tohidden/x/y", O_RDONLY), -ENOENT);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "w/tohidden/x"), -ENOENT);
        cr_expect_eq(ask_open(&world, "w/file/x", O_RDONLY), -ENOTDIR);
        cr_expect_eq(ask_open(&world, "/", O_RDONLY | O_CREAT), -EISDIR);
        world_finish(&world);
}

/* Does a getdents64 reply list name? */
static bool listed(const struct reply *reply, const char *name)
{
        const char *data = reply->outputs[0].data;

        for (size_t i = 0; i < reply->outputs[0].size;) {
                const struct dirent64 *entry = (const void *)(data + i);

                if (!strcmp(entry->d_name, name))
                        return true;
                i += entry->d_reclen;
        }
        return false;
}

Test(operations, hidden_names_are_not_listed)
{
        struct world world;
        struct request *request;

        world_init(&world);
        request = sandbox_ask(&world.sandbox, REQUEST_GETDENTS, AT_FDCWD, "");
        request->fd = 105;
        request->out_size = 32768;
        cr_expect_gt(sandbox_perform(&world.sandbox), 0);
        cr_expect(listed(&world.sandbox.reply, "file"));
        cr_expect(listed(&world.sandbox.reply, "deny"));
        cr_expect_not(listed(&world.sandbox.reply, "hidden"));
        cr_expect_eq(sandbox_perform(&world.sandbox), 0, "the end");
        request->fd = 101;
        cr_expect_eq(sandbox_perform(&world.sandbox), -ENOTDIR);
        request->fd = 99;
        cr_expect_eq(sandbox_perform(&world.sandbox), -EBADF);
        world_finish(&world);
}

static void expect_text(struct world *world, const char *start)
{
        char text[4096] = "";
        ssize_t n = read(world->sandbox.reply.fd, text, sizeof text - 1);

        cr_expect(n > 0 && strstr(text, start), "%s in %s", start, text);
}

Test(operations, self_is_the_caller)
{
        struct world world;
        char line[64], text[64];

        world_init(&world);
        snprintf(line, sizeof line, "\nPid:\t%d\n", (int)world.sandbox.caller.tid);
        cr_expect_eq(ask_open(&world, "/proc/self/status", O_RDONLY), 0);
        expect_text(&world, line);
        cr_expect_eq(ask_open(&world, "/proc/thread-self/status", O_RDONLY), 0);
        expect_text(&world, line);
        cr_expect_eq(sandbox_open(&world.sandbox, 106, "self/status", O_RDONLY, 0), 0);
        expect_text(&world, line);
        cr_expect_eq(sandbox_open(&world.sandbox, 106, "thread-self/../../status", O_RDONLY, 0), 0);
        expect_text(&world, line);
        cr_expect_eq(ask_open(&world, "/proc/self/root/proc/self/status", O_RDONLY), 0);
        expect_text(&world, line);
        snprintf(text, sizeof text, "%d", (int)world.sandbox.caller.tid);
        cr_expect_eq(ask(&world, REQUEST_READLINK, "/proc/self"), (int)strlen(text));
        cr_expect_eq(memcmp(world.sandbox.reply.outputs[0].data, text, strlen(text)), 0);
        cr_expect_gt(ask(&world, REQUEST_READLINK, "/proc/thread-self"), (int)strlen(text));
        world_finish(&world);
}

Test(operations, own_descriptors_are_judged_by_where_they_are)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(ask_open(&world, "/proc/self/fd/101", O_RDONLY), -EACCES);
        expect_denied(&world, "x/file");
        cr_expect_eq(ask_open(&world, "/dev/fd/101", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "/proc/self/fd/100/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "/proc/self/cwd/x/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "/proc/self/root/etc/passwd", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "/proc/self/cwd/w/file", O_RDONLY), 0);
        cr_expect_eq(ask_open(&world, "/proc/self/fd/102", O_RDWR), -EACCES, "removed from x");
        cr_expect_eq(ask_open(&world, "/proc/self/fd/103", O_RDWR), 0, "removed from w");
        cr_expect_eq(ask_open(&world, "/proc/self/fd/104", O_RDWR), 0);
        cr_expect_eq(world.sandbox.reply.verdict.object_length, strlen(at("w/there (deleted)")));
        world_finish(&world);
}

Test(operations, other_processes_are_out_of_reach)
{
        static const char *const refused[] = {
                "environ",     "mem",          "maps",        "smaps",  "auxv",
                "stack",       "syscall",      "fd",          "fdinfo", "map_files",
                "ns",          "root",         "cwd",         "exe",    "root/etc/passwd",
                "cwd/.",       "fd/0",         "ns/net",      "io",     "task/%d/environ",
                "task/%d/mem", "task/%d/fd/0", "task/%d/cwd", "limits", "attr/current"};
        static const char *const granted[] = {"stat",   "status",       "cmdline", "comm",
                                              "cgroup", "task/%d/stat", "",        "task"};
        struct world world;
        char path[128], rest[64];
        pid_t pids[2] = {1, getpid()};

        world_init(&world);
        for (unsigned i = 0; i < 2; i++) {
                for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
                        const char *number = strstr(refused[k], "%d");

                        snprintf(rest, sizeof rest, "%s", refused[k]);
                        if (number)
                                snprintf(rest, sizeof rest, "task/%d%s", pids[i], number + 2);
                        snprintf(path, sizeof path, "/proc/%d/%s", (int)pids[i], rest);
                        cr_expect_eq(ask_open(&world, path, O_RDONLY), -EACCES, "%s", path);
                        cr_expect_eq(world.sandbox.reply.fd, -1);
                }
                for (size_t k = 0; k < sizeof granted / sizeof *granted; k++) {
                        const char *number = strstr(granted[k], "%d");

                        snprintf(rest, sizeof rest, "%s", granted[k]);
                        if (number)
                                snprintf(rest, sizeof rest, "task/%d%s", pids[i], number + 2);
                        snprintf(path, sizeof path, "/proc/%d/%s", (int)pids[i], rest);
                        cr_expect_eq(ask_open(&world, path, O_RDONLY), 0, "%s", path);
                        cr_expect_neq(ask_open(&world, path, O_RDWR), 0, "%s for writing", path);
                }
                snprintf(path, sizeof path, "/proc/%d/cwd", (int)pids[i]);
                cr_expect_eq(ask(&world, REQUEST_READLINK, path), -EACCES);
                cr_expect_eq(ask(&world, REQUEST_STAT, path), -EACCES);
                cr_expect_eq(ask(&world, REQUEST_CHDIR, path), -EACCES);
                cr_expect(world.sandbox.reply.verdict.baseline);
        }
        world_finish(&world);
}

/* A rule for /proc/self is one for the caller's own directory. */
Test(operations, rules_may_say_proc_self)
{
        struct world world;

        world_init_with(&world, true, "d/proc/self/environ");
        cr_expect_eq(ask_open(&world, "/proc/self/environ", O_RDONLY), -EACCES);
        cr_expect_eq(ask_open(&world, "/proc/self/cmdline", O_RDONLY), 0);
        world_finish(&world);
}

Test(operations, the_program_is_what_the_agent_runs)
{
        struct world world;
        size_t length;

        world_init(&world);
        strcpy(world.sandbox.program, at("w/program"));
        length = strlen(world.sandbox.program);
        cr_expect_eq(ask(&world, REQUEST_READLINK, "/proc/self/exe"), (int64_t)length);
        cr_expect_eq(memcmp(world.sandbox.reply.outputs[0].data, world.sandbox.program, length), 0);
        cr_expect_eq(ask_open(&world, "/proc/self/exe", O_RDONLY), 0);
        expect_text(&world, "content");
        cr_expect_eq(ask(&world, REQUEST_STAT, "/proc/self/exe"), 0);
        cr_expect_eq(((struct stat *)world.sandbox.reply.outputs[0].data)->st_size, 7);
        world_finish(&world);
}

static int open_program(struct world *world, const char *path, unsigned at_flags, enum path_access access)
{
        char real[REQUEST_PATH_MAX] = "";
        struct request_path request_path;
        struct verdict verdict = {0};
        int fd = -1, r;

        request_set_path(&request_path, AT_FDCWD, path);
        r = operations_open_program(&world->sandbox.worker, &world->sandbox.caller, &request_path, at_flags,
                                    access, &fd, real, &verdict);
        if (r == 0) {
                cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
                cr_expect(real[0] == '/');
                close(fd);
        }
        return r;
}

Test(operations, programs_need_an_exec_grant)
{
        struct world world;

        world_init(&world);
        cr_expect_eq(open_program(&world, "w/program", 0, PATH_EXEC), 0);
        cr_expect_eq(open_program(&world, at("w/program"), 0, PATH_READ), 0);
        cr_expect_eq(open_program(&world, "w/file", 0, PATH_EXEC), -EACCES);
        cr_expect_eq(open_program(&world, "r/file", 0, PATH_READ), 0);
        cr_expect_eq(open_program(&world, "x/file", 0, PATH_READ), -EACCES);
        cr_expect_eq(open_program(&world, "w/out", AT_SYMLINK_NOFOLLOW, PATH_EXEC), -ELOOP);
        cr_expect_eq(open_program(&world, "w/dir", 0, PATH_EXEC), -EACCES);
        cr_expect_eq(open_program(&world, "w/absent", 0, PATH_EXEC), -ENOENT);
        cr_expect_eq(open_program(&world, "", 0, PATH_EXEC), -ENOENT);
        chmod(at("w/program"), 0644);
        cr_expect_eq(open_program(&world, "w/program", 0, PATH_EXEC), -EACCES);
        world_finish(&world);
}

Test(operations, a_ring_carries_no_descriptors)
{
        struct world world;

        world_init(&world);
        world.sandbox.caller.via_ring = true;
        cr_expect_eq(ask_open(&world, "w/file", O_RDONLY), 0);
        cr_expect_eq(world.sandbox.reply.kind, REPLY_NATIVE);
        cr_expect_eq(ask_open(&world, "w/new", O_RDWR | O_CREAT), 0);
        cr_expect_eq(world.sandbox.reply.kind, REPLY_NATIVE);
        cr_expect_eq(access(at("w/new"), F_OK), -1);
        cr_expect_eq(ask_open(&world, "w/absent", O_RDONLY), -ENOENT);
        cr_expect_eq(ask_open(&world, "x/file", O_RDONLY), -EACCES);
        cr_expect_eq(ask(&world, REQUEST_STAT, "w/file"), 0);
        cr_expect_eq(world.sandbox.reply.kind, REPLY_RESULT);
        world_finish(&world);
}

Test(operations, warnings_refuse_nothing)
{
        struct world world;

        world_init(&world);
        world.sandbox.tiers.warn = true;
        cr_expect_eq(ask_open(&world, "x/file", O_RDWR), 0);
        expect_denied(&world, "x/file");
        cr_expect_eq(ask_open(&world, "w/hidden/file", O_RDWR), 0);
        cr_expect_eq(world.sandbox.reply.verdict.outcome, VERDICT_HIDE);
        cr_expect_eq(ask(&world, REQUEST_MKDIR, "x/made"), 0);
        cr_expect_eq(ask_open(&world, "/proc/1/environ", O_RDONLY), -EACCES, "the baseline stays");
        world_finish(&world);
}

Test(operations, nothing_is_done_for_the_dead)
{
        struct world world;

        world_init(&world);
        kill(world.sandbox.caller.tid, SIGKILL);
        waitpid(world.sandbox.caller.tid, NULL, 0);
        cr_expect_lt(ask_open(&world, "w/file", O_RDONLY), 0);
        cr_expect_lt(sandbox_open(&world.sandbox, 105, "file", O_RDONLY, 0), 0);
        cr_expect_lt(ask_open(&world, "/proc/self/status", O_RDONLY), 0);
        world.sandbox.caller.tid = 0;
        world_finish(&world);
}

static void become_nobody(int signal)
{
        (void)signal;
        if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
                _exit(1);
}

static void prepare_changing_caller(const char *directory)
{
        struct sigaction action = {.sa_handler = become_nobody};

        prepare_caller(directory);
        sigaction(SIGUSR1, &action, NULL);
}

/* Served with the credentials that it has now, and so is the next one. */
Test(operations, credentials_are_those_of_now)
{
        struct sandbox *sandbox;
        struct world world;
        pid_t first, second;

        if (geteuid() != 0)
                cr_skip("needs privileges");
        world_init(&world);
        sandbox = &world.sandbox;
        chmod(at("w/file"), 0600);
        chmod(world.root, 0755);
        chmod(at("w"), 0777);
        first = sandbox->caller.tid;
        sandbox_fork(sandbox, world.root, prepare_changing_caller);
        second = sandbox->caller.tid;
        for (unsigned round = 0; round < 3; round++) {
                sandbox->caller.tid = second;
                cr_expect_eq(ask_open(&world, "w/file", O_RDWR), round ? -EACCES : 0, "round %u", round);
                cr_expect_eq(ask_open(&world, round ? "w/theirs" : "w/mine", O_RDWR | O_CREAT), 0);
                sandbox->caller.tid = first;
                cr_expect_eq(ask_open(&world, "w/file", O_RDWR), 0);
                if (round)
                        continue;
                credentials_watch_note(&sandbox->watch);
                kill(second, SIGUSR1);
                usleep(100000);
        }
        struct stat status;
        cr_expect_eq(stat(at("w/theirs"), &status), 0);
        cr_expect_eq(status.st_uid, NOBODY);
        cr_expect_eq(status.st_gid, NOBODY);
        cr_expect_eq(stat(at("w/mine"), &status), 0);
        cr_expect_eq(status.st_uid, 0);
        kill(second, SIGKILL);
        waitpid(second, NULL, 0);
        world_finish(&world);
}
