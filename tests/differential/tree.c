/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differential/tree.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NOBODY 65534
#define ABOVE  "/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d"
#define TREE   ABOVE "/tree"

enum kind { FILE_OF_TEXT, DIRECTORY, LINK, NODE, SERVICE };

struct entry {
        const char *path;
        enum kind kind;
        mode_t mode;
        const char *text; /* content or target; "%" at its start is the root */
        uid_t uid;        /* where root makes the tree */
        gid_t gid;
};

/* Directories before what they hold. */
static const struct entry entries[] = {
        {"f1", FILE_OF_TEXT, 0644, "the first file\n", 0, 0},
        {"f2", FILE_OF_TEXT, 0600, "secret", 0, 0},
        {"noread", FILE_OF_TEXT, 0200, "x", NOBODY, NOBODY},
        {"program", FILE_OF_TEXT, 0755, "#!/bin/sh\n", NOBODY, NOBODY},
        {"suid", FILE_OF_TEXT, 06755, "set", NOBODY, NOBODY},
        {"a b\n", FILE_OF_TEXT, 0644, "odd name", NOBODY, NOBODY},
        {"d1", DIRECTORY, 0777, NULL, 0, 0},
        {"d1/inner", FILE_OF_TEXT, 0666, "inner", 0, 0},
        {"d1/up", LINK, 0, "../f1", 0, 0},
        {"d1/sub", DIRECTORY, 0755, NULL, NOBODY, NOBODY},
        {"d1/sub/deep", FILE_OF_TEXT, 0640, "deep", NOBODY, 0},
        {"d1/sub/top", LINK, 0, "../..", 0, 0},
        {"d2", DIRECTORY, 0700, NULL, 0, 0},
        {"d2/x", FILE_OF_TEXT, 0644, "x in d2", 0, 0},
        {"locked", DIRECTORY, 0, NULL, 0, 0},
        {"locked/x", FILE_OF_TEXT, 0644, "locked in", 0, 0},
        {"search", DIRECTORY, 0311, NULL, NOBODY, 0},
        {"search/x", FILE_OF_TEXT, 0644, "found", 0, 0},
        {"list", DIRECTORY, 0644, NULL, 0, 0},
        {"list/x", FILE_OF_TEXT, 0644, "listed", 0, 0},
        {"sgid", DIRECTORY, 02777, NULL, NOBODY, 7},
        {"sgid/inner", FILE_OF_TEXT, 0664, "of a group", 7, 7},
        {"sticky", DIRECTORY, 01777, NULL, 0, 0},
        {"sticky/theirs", FILE_OF_TEXT, 0666, "theirs", 7, 7},
        {"sticky/mine", FILE_OF_TEXT, 0644, "mine", NOBODY, NOBODY},
        {"sticky/link", LINK, 0, "theirs", 7, 7},
        {"empty", DIRECTORY, 0777, NULL, 0, 0},
        {"l-f1", LINK, 0, "f1", 0, 0},
        {"l-d1", LINK, 0, "d1", 0, 0},
        {"dangling", LINK, 0, "n1", 0, 0},
        {"dangling-far", LINK, 0, "l-d1/../d1/n4", 0, 0},
        {"dangling-d1", LINK, 0, "nowhere/x", 0, 0},
        {"loop", LINK, 0, "loop", 0, 0},
        {"loop-a", LINK, 0, "loop-b", 0, 0},
        {"loop-b", LINK, 0, "./loop-a", 0, 0},
        {"l-abs", LINK, 0, "%/d1/inner", 0, 0},
        {"l-abs-d", LINK, 0, "%/d1", 0, 0},
        {"l-chain", LINK, 0, "l-d1/up", 0, 0},
        {"l-slash", LINK, 0, "d1/", 0, 0},
        {"l-dot", LINK, 0, ".", 0, 0},
        {"l-up", LINK, 0, "..", 0, 0},
        {"l-cwd", LINK, 0, "/proc/self/cwd", 0, 0},
        {"l-self", LINK, 0, "/proc/self", 0, 0},
        {"l-fd", LINK, 0, "/proc/self/fd/202", 0, 0},
        {"fifo", NODE, S_IFIFO | 0666, NULL, 0, 0},
        {"socket", NODE, S_IFSOCK | 0666, NULL, 0, 0},
        {"service", SERVICE, 0666, "stream", 0, 0},
        {"mailbox", SERVICE, 0622, "datagram", 0, 0},
        {"removed", FILE_OF_TEXT, 0666, "removed", 0, 0},
        {"gone", DIRECTORY, 0777, NULL, 0, 0},
};
#define ENTRY_COUNT (sizeof entries / sizeof *entries)

static const struct timespec old[2] = {{.tv_sec = 5000}, {.tv_sec = 5000}};

static void write_file(const struct entry *entry)
{
        int fd = open(entry->path, O_WRONLY | O_CREAT | O_EXCL, 0600);

        if (fd < 0 || write(fd, entry->text, strlen(entry->text)) < 0)
                err(1, "%s", entry->path);
        close(fd);
}

/* A socket that somebody has bound there, and listens to. */
static void make_service(const struct entry *entry)
{
        static int services[2] = {-1, -1};
        int type = entry->text[0] == 's' ? SOCK_STREAM : SOCK_DGRAM, *fd = &services[type == SOCK_DGRAM];
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        close(*fd);
        *fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        strcpy(address.sun_path, entry->path);
        if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            (type == SOCK_STREAM && listen(*fd, CASES_MAX) < 0))
                err(1, "%s", entry->path);
}

static void make_entry(const char *root, const struct entry *entry)
{
        char target[PATH_MAX];
        int r = 0;

        switch (entry->kind) {
        case FILE_OF_TEXT:
                write_file(entry);
                break;
        case DIRECTORY:
                r = mkdir(entry->path, 0700);
                break;
        case LINK:
                snprintf(target, sizeof target, "%s%s", entry->text[0] == '%' ? root : "",
                         entry->text + (entry->text[0] == '%'));
                r = symlink(target, entry->path);
                break;
        case SERVICE:
                make_service(entry);
                break;
        case NODE:
                r = mknod(entry->path, entry->mode, 0);
                break;
        }
        if (r < 0)
                err(1, "%s", entry->path);
}

/* Last, and from the leaves up, so that nothing is in the way. */
static void dress_entry(const struct entry *entry)
{
        if (geteuid() == 0 && lchown(entry->path, entry->uid, entry->gid) < 0)
                err(1, "chown %s", entry->path);
        if (entry->kind != LINK && chmod(entry->path, entry->mode & 07777) < 0)
                err(1, "chmod %s", entry->path);
        utimensat(AT_FDCWD, entry->path, old, AT_SYMLINK_NOFOLLOW);
}

void tree_place(const char *directory, char root[PATH_MAX])
{
        snprintf(root, PATH_MAX, "%s" TREE, directory);
}

/* The topmost of the directories that are remade for each round. */
static char *top_of(const char *root, char top[PATH_MAX])
{
        strcpy(top, root);
        top[strlen(root) - strlen(TREE) + 2] = '\0';
        return top;
}

static void make_above(const char *root)
{
        char top[PATH_MAX];

        if (mkdir(top_of(root, top), 0755) < 0 || chdir(top) < 0)
                err(1, "%s", top);
        for (size_t depth = 1; depth < strlen(ABOVE) / 2; depth++)
                if (mkdir("d", 0755) < 0 || chdir("d") < 0)
                        err(1, "directory %zu", depth);
}

void tree_make(const char *root)
{
        tree_remove(root);
        umask(0);
        make_above(root);
        if (mkdir(root, 0777) < 0 || chdir(root) < 0)
                err(1, "%s", root);
        for (size_t i = 0; i < ENTRY_COUNT; i++)
                make_entry(root, &entries[i]);
        if (link("d1/inner", "hard") < 0)
                err(1, "hard");
        setxattr("f1", "user.a", "first", 5, 0);
        for (size_t i = ENTRY_COUNT; i-- > 0;)
                dress_entry(&entries[i]);
}

static int open_pipe(void)
{
        int ends[2];

        if (pipe2(ends, O_NONBLOCK) < 0)
                return -1;
        close(ends[1]);
        return ends[0];
}

static int open_socket(void)
{
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
                return -1;
        close(ends[1]);
        return ends[0];
}

void tree_open(const char *root, int fds[FD_END - FD_FIRST])
{
        int *by_number = fds - FD_FIRST;

        by_number[FD_TREE] = open(root, O_RDONLY | O_DIRECTORY);
        by_number[FD_DIRECTORY] = open("d1", O_RDONLY | O_DIRECTORY);
        by_number[FD_FILE] = open("f1", O_RDWR);
        by_number[FD_READ_ONLY] = open("f1", O_RDONLY);
        by_number[FD_PATH] = open("f1", O_PATH);
        by_number[FD_PATH_DIR] = open("d1", O_PATH);
        by_number[FD_PATH_LINK] = open("l-f1", O_PATH | O_NOFOLLOW);
        by_number[FD_REMOVED] = open("removed", O_RDWR);
        by_number[FD_GONE] = open("gone", O_RDONLY | O_DIRECTORY);
        by_number[FD_MEMORY] = memfd_create("memory", 0);
        by_number[FD_PIPE] = open_pipe();
        by_number[FD_SOCKET] = open_socket();
        by_number[FD_WATCHER] = inotify_init1(IN_NONBLOCK);
        for (unsigned i = 0; i < FD_END - FD_FIRST; i++)
                if (fds[i] < 0)
                        err(1, "descriptor %u", FD_FIRST + i);
        if (unlink("removed") < 0 || rmdir("gone") < 0)
                err(1, "removed, gone");
        utimensat(AT_FDCWD, root, old, 0);
}

static FILE *output;
static size_t prefix;

/* A time of this run is "now"; those that the tree or a case set are small numbers. */
static void print_time(const struct timespec *time)
{
        if (time->tv_sec < 100000)
                fprintf(output, " %ld.%ld", time->tv_sec, time->tv_nsec);
        else
                fputs(" now", output);
}

static void print_attributes(const char *path)
{
        char names[1024], value[256];
        ssize_t n = llistxattr(path, names, sizeof names), size;

        for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
                size = lgetxattr(path, names + at, value, sizeof value);
                fprintf(output, " %s=%.*s", names + at, (int)(size > 0 ? size : 0), value);
        }
}

static int print_file(const char *path, const struct stat *status)
{
        char data[PATH_MAX] = "";
        ssize_t n = 0;
        int fd;

        fprintf(output, "  %s %06o %u:%u %lu", strlen(path) < prefix ? ".." : path + prefix, status->st_mode,
                status->st_uid, status->st_gid, status->st_nlink);
        print_time(&status->st_mtim);
        if (S_ISLNK(status->st_mode)) {
                n = readlink(path, data, sizeof data);
                if (n > 0 && !strncmp(data, path, prefix))
                        memmove(data, data + prefix, (size_t)(n -= (ssize_t)prefix));
        } else if (S_ISREG(status->st_mode)) {
                fprintf(output, " %ld", status->st_size);
                fd = open(path, O_RDONLY | O_NOATIME);
                n = fd < 0 ? 0 : read(fd, data, 60);
                if (fd >= 0)
                        close(fd);
        }
        fprintf(output, " '%.*s'", n > 0 ? (int)n : 0, data);
        print_attributes(path);
        fputc('\n', output);
        return 0;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static void describe_directory(const char *path, unsigned depth)
{
        struct dirent **names;
        char inner[PATH_MAX];
        struct stat status;
        int count;

        chmod(path, 0700);
        count = scandir(path, &names, NULL, compare);
        for (int i = 0; i < count; i++) {
                snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
                if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0 &&
                    lstat(inner, &status) == 0) {
                        print_file(inner, &status);
                        if (S_ISDIR(status.st_mode) && depth < 60)
                                describe_directory(inner, depth + 1);
                }
                free(names[i]);
        }
        if (count >= 0)
                free(names);
}

void tree_describe(const char *root, FILE *out)
{
        char top[PATH_MAX];

        output = out;
        prefix = strlen(root);
        describe_directory(top_of(root, top), 0);
}

static int unlock(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
        (void)flag, (void)ftw;
        if (S_ISDIR(status->st_mode) && (status->st_mode & 0700) != 0700)
                chmod(path, 0700);
        return 0;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
        (void)status, (void)flag, (void)ftw;
        remove(path);
        return 0;
}

void tree_remove(const char *root)
{
        char top[PATH_MAX];

        if (chdir("/") < 0)
                err(1, "/");
        if (geteuid() != 0)
                nftw(top_of(root, top), unlock, 16, FTW_PHYS);
        nftw(top_of(root, top), remove_one, 16, FTW_PHYS | FTW_DEPTH);
}
