/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are refused or hidden, and not there yet: nothing may make them, by whatever way they are named.
 * A success that is reported is an escape; run.sh looks for names with "forbidden" in them afterwards.
 */
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attack.h"

static bool made(int fd)
{
        if (fd < 0)
                return false;
        close(fd);
        return true;
}

static bool by_open(const char *name)
{
        return made(open(name, O_CREAT | O_WRONLY, 0600));
}

static bool by_exclusive_open(const char *name)
{
        return made(open(name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0600));
}

static bool by_creat(const char *name)
{
        return made(creat(name, 0600));
}

static bool by_openat2(const char *name)
{
        struct open_how how = {.flags = O_CREAT | O_WRONLY, .mode = 0600};

        return made((int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how)));
}

static bool by_mkdir(const char *name)
{
        return mkdir(name, 0700) == 0;
}

static bool by_symlink(const char *name)
{
        return symlink("public", name) == 0;
}

static bool by_mknod(const char *name)
{
        return mknod(name, S_IFREG | 0600, 0) == 0 || mknod(name, S_IFSOCK | 0600, 0) == 0 ||
               mkfifo(name, 0600) == 0;
}

static bool by_link(const char *name)
{
        return link(in_dir("public/file"), name) == 0;
}

static bool by_nameless_file(const char *name)
{
        char magic[64];
        int fd = open(in_dir("public"), O_TMPFILE | O_RDWR, 0600);
        bool done;

        snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
        done = linkat(AT_FDCWD, magic, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 ||
               linkat(fd, "", AT_FDCWD, name, AT_EMPTY_PATH) == 0;
        close(fd);
        return done;
}

static bool by_rename(const char *name)
{
        close(open(in_dir("public/moving"), O_CREAT | O_WRONLY, 0600));
        return rename(in_dir("public/moving"), name) == 0 ||
               renameat2(AT_FDCWD, in_dir("public/moving"), AT_FDCWD, name, RENAME_NOREPLACE) == 0 ||
               renameat2(AT_FDCWD, in_dir("public/moving"), AT_FDCWD, name, RENAME_EXCHANGE) == 0;
}

static bool by_rename_of_a_directory(const char *name)
{
        mkdir(in_dir("public/directory"), 0700);
        return rename(in_dir("public/directory"), name) == 0;
}

static bool by_bind(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

        snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", name);
        r = bind(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        return r == 0;
}

/* A link to nowhere: creating it creates what it names. */
static bool by_dangling_link(const char *name)
{
        const char *dangling = in_dir("public/dangling");
        bool done;

        unlink(dangling);
        (void)!symlink(name, dangling);
        done = made(open(dangling, O_CREAT | O_WRONLY, 0600));
        unlink(dangling);
        return done;
}

static bool by_two_dangling_links(const char *name)
{
        const char *first = in_dir("public/first"), *second = in_dir("public/second");
        bool done;

        unlink(first);
        unlink(second);
        (void)!symlink(name, second);
        (void)!symlink("second", first);
        done = made(open(first, O_CREAT | O_WRONLY, 0600));
        unlink(first);
        unlink(second);
        return done;
}

static bool by_descriptor(const char *name)
{
        char copy[4096], *slash;
        int directory;
        bool done;

        snprintf(copy, sizeof(copy), "%s", name);
        slash = strrchr(copy, '/');
        *slash = 0;
        directory = open(copy, O_RDONLY | O_DIRECTORY);
        if (directory < 0)
                return false;
        done = made(openat(directory, slash + 1, O_CREAT | O_WRONLY, 0600)) ||
               mkdirat(directory, slash + 1, 0700) == 0 || symlinkat("x", directory, slash + 1) == 0 ||
               renameat(AT_FDCWD, in_dir("public/file"), directory, slash + 1) == 0;
        close(directory);
        return done;
}

static const struct {
        const char *name;
        bool (*make)(const char *name);
} ways[] = {
        {"open", by_open},
        {"exclusive open", by_exclusive_open},
        {"creat", by_creat},
        {"openat2", by_openat2},
        {"mkdir", by_mkdir},
        {"symlink", by_symlink},
        {"mknod", by_mknod},
        {"link", by_link},
        {"a link to a nameless file", by_nameless_file},
        {"rename", by_rename},
        {"rename of a directory", by_rename_of_a_directory},
        {"bind", by_bind},
        /* Those from here on take absolute names only. */
        {"a dangling link", by_dangling_link},
        {"two dangling links", by_two_dangling_links},
        {"a directory's descriptor", by_descriptor},
};
#define WAYS_ABSOLUTE 3

/* The same name in other words; "%s" is DIR. */
static const char *const spellings[] = {
        "%s/%s",
        "%s/./%s",
        "%s//%s",
        "%s/public/../%s",
        "/proc/self/root%s/%s",
        "/proc/thread-self/root%s/%s",
        "%s/up/%s",
        "%s/self/cwd/%s",
        "/proc/self/task/../root%s/%s",
};

static void try_all(const char *name)
{
        char path[4096];

        for (size_t s = 0; s < sizeof(spellings) / sizeof(spellings[0]); s++)
                for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
                        snprintf(path, sizeof(path), spellings[s], setting("DIR"), name);
                        if (ways[w].make(path))
                                escaped("%s makes %s", ways[w].name, path);
                }
        for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]) - WAYS_ABSOLUTE; w++)
                if (ways[w].make(name))
                        escaped("%s makes %s in the working directory", ways[w].name, name);
        snprintf(path, sizeof(path), "/proc/self/cwd/%s", name);
        for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
                if (ways[w].make(path))
                        escaped("%s makes %s", ways[w].name, path);
}

/* Made under another name, and brought there with the directory around it. */
static void by_moves(void)
{
        mkdir(in_dir("elsewhere"), 0700);
        mkdir(in_dir("elsewhere/forbidden"), 0700);
        if (!made(open(in_dir("elsewhere/forbidden/x"), O_CREAT | O_WRONLY, 0600)))
                printf("ESCAPED? an innocent name cannot be made\n");
        if (rename(in_dir("elsewhere"), in_dir("deep/elsewhere")) == 0)
                escaped("a rename brings a refused name about");
        mkdir(in_dir("deep/one"), 0700);
        if (rename(in_dir("elsewhere/forbidden"), in_dir("deep/one/forbidden")) == 0)
                escaped("a rename brings refused names about");
        if (renameat2(AT_FDCWD, in_dir("elsewhere"), AT_FDCWD, in_dir("deep/one"), RENAME_EXCHANGE) == 0)
                escaped("an exchange brings refused names about");
        /* Innocent where it is. */
        unlink(in_dir("elsewhere/forbidden/x"));
        rmdir(in_dir("elsewhere/forbidden"));
}

/* Other letters are other names, unless the program makes the directory fold them. */
static void by_case(void)
{
        static const char *const names[] = {"fold/FORBIDDEN", "fold/Forbidden", "fold/x.Forbidden"};
        int directory, flags = FS_CASEFOLD_FL;
        struct stat st;

        mkdir(in_dir("fold"), 0700);
        directory = open(in_dir("fold"), O_RDONLY | O_DIRECTORY);
        if (ioctl(directory, FS_IOC_SETFLAGS, &flags) == 0 || errno != EPERM)
                escaped("has a directory fold names: %s", strerror(errno));
        if (syscall(SYS_ioctl, directory, 0xffffffff00000000ul | FS_IOC_SETFLAGS, &flags) == 0)
                escaped("has a directory fold names, with dirt in the register");
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                if (!made(open(in_dir(names[i]), O_CREAT | O_WRONLY, 0600)))
                        printf("another name cannot be made: %s\n", strerror(errno));
                if (stat(in_dir("fold/forbidden"), &st) == 0 || stat(in_dir("fold/x.forbidden"), &st) == 0)
                        escaped("%s is the refused name, too", names[i]);
        }
        close(directory);
}

int main(void)
{
        static const char *const names[] = {
                "forbidden",  "forbidden-veiled",    "public/x.forbidden", "public/x.forbidden-veiled",
                ".forbidden", "plain/ \n.forbidden", "forbidden/x",        "forbidden-veiled/x"};

        (void)!chdir(in_dir(""));
        (void)!symlink("..", in_dir("public/up"));
        (void)!symlink(".", in_dir("up"));
        (void)!symlink("/proc/self", in_dir("self"));
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                try_all(names[i]);
        by_moves();
        by_case();
        still_confined();
        return finished();
}
