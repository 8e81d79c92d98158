/* SPDX-License-Identifier: Apache-2.0 */
/* Other names for what is refused: magic links, descriptors, hard links, renames of what is around it. */
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "attack.h"

static const char *concat(const char *a, const char *b)
{
        static char buffers[8][8192];
        static int next;
        char *buffer = buffers[next++ % 8];

        snprintf(buffer, sizeof(buffers[0]), "%s%s", a, b);
        return buffer;
}

static void names(void)
{
        const char *secret = in_dir("secret/file"), *prefixes[] = {"/proc/self/root",
                                                                   "/proc/thread-self/root",
                                                                   "/proc/1/root",
                                                                   "//",
                                                                   "/./",
                                                                   "/proc/self/cwd/../../../../../../../.."};
        char parent_root[64];

        for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
                expect_no_secret(prefixes[i], open(concat(prefixes[i], secret), O_RDONLY));
        for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid)) {
                snprintf(parent_root, sizeof(parent_root), "/proc/%d/root", pid);
                expect_no_secret(parent_root, open(concat(parent_root, secret), O_RDONLY));
                snprintf(parent_root, sizeof(parent_root), "/proc/%d/cwd", pid);
                expect_no_secret(parent_root, open(concat(parent_root, "/secret/file"), O_RDONLY));
        }
        (void)!symlink(secret, in_dir("link"));
        (void)!symlink("/", in_dir("top"));
        expect_no_secret("a symbolic link", open(in_dir("link"), O_RDONLY));
        expect_no_secret("a link to /", open(concat(in_dir("top"), secret), O_RDONLY));
}

static void descriptors(void)
{
        char magic[64];
        int path = open(in_dir("secret/file"), O_PATH),
            directory = open(in_dir("secret"), O_PATH | O_DIRECTORY);

        snprintf(magic, sizeof(magic), "/proc/self/fd/%d", path);
        expect_no_secret("reopened O_PATH descriptor", open(magic, O_RDONLY));
        snprintf(magic, sizeof(magic), "/dev/fd/%d", path);
        expect_no_secret("reopened by /dev/fd", open(magic, O_RDONLY));
        expect_no_secret("AT_EMPTY_PATH-like openat", openat(path, "", O_RDONLY));
        expect_no_secret("openat beneath an O_PATH directory", openat(directory, "file", O_RDONLY));
        expect_no_secret("openat2",
                         (int)syscall(SYS_openat2, directory, "file", &(struct open_how){.flags = O_RDONLY},
                                      sizeof(struct open_how)));
        if (fchdir(directory) == 0) {
                expect_no_secret("relative after fchdir", open("file", O_RDONLY));
                (void)!chdir(in_dir(""));
        }
        if (chdir(in_dir("secret")) == 0) {
                expect_no_secret("relative after chdir", open("file", O_RDONLY));
                expect_no_secret("by /proc/self/cwd", open("/proc/self/cwd/file", O_RDONLY));
                (void)!chdir(in_dir(""));
        }
}

static void moves(void)
{
        struct stat st;

        if (link(in_dir("secret/file"), in_dir("linked")) == 0)
                escaped("hard link of what is refused");
        if (rename(in_dir("secret/file"), in_dir("moved")) == 0)
                escaped("rename of what is refused");
        rename(in_dir("secret"), in_dir("renamed"));
        expect_no_secret("after a rename of the refused directory", open(in_dir("renamed/file"), O_RDONLY));
        rename(in_dir("deep/parent"), in_dir("deep/other"));
        expect_no_secret("after a rename of a parent", open(in_dir("deep/other/secret/file"), O_RDONLY));
        rename(in_dir("deep"), in_dir("deeper"));
        expect_no_secret("after a rename of a grandparent",
                         open(in_dir("deeper/parent/secret/file"), O_RDONLY));
        renameat2(AT_FDCWD, in_dir("deep"), AT_FDCWD, in_dir("plain"), RENAME_EXCHANGE);
        expect_no_secret("after an exchange", open(in_dir("plain/parent/secret/file"), O_RDONLY));
        rename(in_dir("repository/.git"), in_dir("repository/git"));
        expect_no_secret("after a rename out of a glob", open(in_dir("repository/git/config"), O_RDONLY));
        if (stat(in_dir("hidden/file"), &st) == 0 || lstat(in_dir("hidden"), &st) == 0)
                escaped("stat of what is hidden");
        if (open(in_dir("hidden/new"), O_CREAT | O_WRONLY, 0600) >= 0 || mkdir(in_dir("hidden"), 0700) == 0)
                escaped("creation of a hidden name");
        int directory = open(in_dir(""), O_RDONLY | O_DIRECTORY);
        char buffer[32768];
        long n;
        while ((n = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0)
                if (memmem(buffer, (size_t)n, "hidden", 7))
                        escaped("a listing shows what is hidden");
        close(directory);
}

static bool exists(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0;
}

/* Names that must not be created, made elsewhere and moved into place with the directory around them. */
static void creations(void)
{
        mkdir(in_dir("other"), 0755);
        mkdir(in_dir("repository2"), 0755);
        close(open(in_dir("other/hook"), O_CREAT | O_WRONLY, 0755));
        rename(in_dir("other"), in_dir("repository2/.git"));
        if (exists(in_dir("repository2/.git/hook")))
                escaped("a rename of a directory creates what is refused");
        mkdir(in_dir("repository2/.git"), 0755);
        renameat2(AT_FDCWD, in_dir("other"), AT_FDCWD, in_dir("repository2/.git"), RENAME_EXCHANGE);
        if (exists(in_dir("repository2/.git/hook")))
                escaped("an exchange of directories creates what is refused");
        rename(in_dir("deep/parent"), in_dir("away"));
        mkdir(in_dir("made"), 0755);
        mkdir(in_dir("made/secret"), 0755);
        close(open(in_dir("made/secret/new"), O_CREAT | O_WRONLY, 0644));
        rename(in_dir("made"), in_dir("deep/parent"));
        renameat2(AT_FDCWD, in_dir("made"), AT_FDCWD, in_dir("deep/parent"), RENAME_EXCHANGE);
        if (exists(in_dir("deep/parent/secret/new")))
                escaped("a rename puts another directory in place of what is refused");
}

static void outside(void)
{
        const char *file = setting("OUTSIDE");

        expect_no_secret("what nothing grants", open(file, O_RDONLY));
        if (truncate(file, 3) == 0 || unlink(file) == 0 || chmod(file, 0777) == 0 ||
            rename(file, in_dir("taken")) == 0 || link(file, in_dir("taken")) == 0)
                escaped("changes what nothing grants");
        if (open("/etc/flicker-attack", O_CREAT | O_WRONLY, 0600) >= 0) {
                unlink("/etc/flicker-attack");
                escaped("creates where only reading is granted");
        }
        if (open("/proc/sys/kernel/core_pattern", O_WRONLY) >= 0 ||
            open("/proc/sysrq-trigger", O_WRONLY) >= 0)
                escaped("opens a kernel setting for writing");
}

static void executions(void)
{
        char *arguments[] = {"x", NULL}, buffer[65536];
        int in = open("/bin/true", O_RDONLY), status;
        ssize_t n;
        pid_t pid;

        int memory = memfd_create("program", MFD_CLOEXEC);
        while ((n = read(in, buffer, sizeof(buffer))) > 0)
                (void)!write(memory, buffer, (size_t)n);
        close(in);
        pid = fork();
        if (pid == 0) {
                fexecve(memory, arguments, environ);
                _exit(99);
        }
        waitpid(pid, &status, 0);
        if (status == 0)
                escaped("a program out of memory is executed, which nothing grants");
        pid = fork();
        if (pid == 0) {
                execv(in_dir("secret/program"), arguments);
                _exit(99);
        }
        waitpid(pid, &status, 0);
        if (status == 0)
                escaped("a refused program is executed");
}

int main(void)
{
        names();
        descriptors();
        moves();
        creations();
        outside();
        executions();
        still_confined();
        return finished();
}
