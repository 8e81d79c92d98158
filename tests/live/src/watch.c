/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch use: in the working directory, what inotify_add_watch says and what events come; prints it.
 * watch attack HIDDEN OUTSIDE: a directory with hidden names and one that nothing grants; ESCAPED where they
 * can be watched.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int watcher;

static int add(const char *path, uint32_t mask)
{
        int watch = inotify_add_watch(watcher, path, mask);

        printf("%s %#x: %s\n", path, mask, watch < 0 ? strerrorname_np(errno) : "watched");
        return watch;
}

static void events(void)
{
        char buffer[16384] __attribute__((aligned(8)));
        struct pollfd ready = {.fd = watcher, .events = POLLIN};
        ssize_t n;

        while (poll(&ready, 1, 100) == 1 && (n = read(watcher, buffer, sizeof buffer)) > 0)
                for (char *at = buffer; at < buffer + n;) {
                        struct inotify_event *event = (struct inotify_event *)at;

                        printf("  watch %d: %#x %s\n", event->wd, event->mask, event->len ? event->name : "");
                        at += sizeof *event + event->len;
                }
}

static void touch(const char *path)
{
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static void use_files(void)
{
        mkdir("directory", 0755);
        touch("file");
        symlink("directory", "link");
        symlink("nowhere", "dangling");
        mkfifo("fifo", 0600);
        add("directory", IN_ALL_EVENTS);
        touch("directory/new");
        rename("directory/new", "directory/newer");
        chmod("directory/newer", 0600);
        unlink("directory/newer");
        events();
        add("file", IN_MODIFY | IN_OPEN | IN_CLOSE);
        truncate("file", 10);
        events();
        touch("file");
        events();
        add("link", IN_CREATE | IN_ONLYDIR);
        add("link", IN_ATTRIB | IN_DONT_FOLLOW);
        add("link", IN_CREATE | IN_DONT_FOLLOW | IN_ONLYDIR);
        add("dangling", IN_CREATE);
        add("dangling", IN_ALL_EVENTS | IN_DONT_FOLLOW);
        add("fifo", IN_OPEN | IN_ONESHOT);
        add("directory/", IN_DELETE_SELF | IN_MASK_ADD);
        rmdir("directory");
        events();
}

static void use_errors(void)
{
        char path[PATH_MAX + 10];
        int plain = open(".", O_RDONLY | O_CLOEXEC);

        memset(path, 'x', sizeof path);
        path[sizeof path - 1] = '\0';
        add("absent", IN_CREATE);
        add("file/x", IN_CREATE);
        add("file/", IN_CREATE);
        add("", IN_CREATE);
        add("file", IN_CREATE | IN_ONLYDIR);
        add("file", IN_OPEN | IN_MASK_CREATE);
        add("file", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD);
        add("file", 0);
        add("file", 0x00080000);
        printf("long: %d\n", inotify_add_watch(watcher, path, IN_OPEN) < 0 ? errno : 0);
        printf("bad pointer: %d\n", syscall(SYS_inotify_add_watch, watcher, 1, IN_OPEN) < 0 ? errno : 0);
        printf("no descriptor: %d\n", inotify_add_watch(999, "file", IN_OPEN) < 0 ? errno : 0);
        printf("no watcher: %d\n", inotify_add_watch(plain, "file", IN_OPEN) < 0 ? errno : 0);
        printf("removed: %d\n", inotify_rm_watch(watcher, add("file", IN_OPEN)));
        chmod("file", 0);
        if (geteuid() == 0 && setresuid(-1, 65534, -1) != 0)
                printf("setresuid: %d\n", errno);
        add("file", IN_OPEN);
        events();
}

static void expect(const char *what, int error, int result)
{
        if (result >= 0)
                printf("ESCAPED: %s\n", what);
        else if (errno != error)
                printf("%s: %s\n", what, strerrorname_np(errno));
}

static void attack(const char *holding, const char *outside)
{
        char path[PATH_MAX];
        int fd;

        (void)!mkdir("plain", 0755);
        expect("a directory with hidden names", EACCES, inotify_add_watch(watcher, holding, IN_CREATE));
        snprintf(path, sizeof path, "%s/hidden", holding);
        expect("what is hidden", ENOENT, inotify_add_watch(watcher, path, IN_CREATE));
        snprintf(path, sizeof path, "%s/hidden/file", holding);
        expect("what is in it", ENOENT, inotify_add_watch(watcher, path, IN_CREATE | IN_ONLYDIR));
        snprintf(path, sizeof path, "%s/secret", holding);
        expect("what is denied", EACCES, inotify_add_watch(watcher, path, IN_CREATE));
        expect("what nothing grants", EACCES, inotify_add_watch(watcher, outside, IN_OPEN));
        (void)!symlink(outside, "to-outside");
        expect("by a symbolic link", EACCES, inotify_add_watch(watcher, "to-outside", IN_OPEN));
        fd = open(outside, O_PATH);
        if (fd >= 0) {
                snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
                expect("by an O_PATH descriptor", EACCES, inotify_add_watch(watcher, path, IN_OPEN));
        }
        fd = open(holding, O_PATH | O_DIRECTORY);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        expect("a descriptor of the directory with hidden names", EACCES,
               inotify_add_watch(watcher, path, IN_CREATE));
        expect("the working directory", EACCES, inotify_add_watch(watcher, ".", IN_CREATE));
        expect("the parent's", EACCES, inotify_add_watch(watcher, "plain/..", IN_CREATE));
        if (inotify_add_watch(watcher, "plain", IN_CREATE) < 0)
                printf("a plain directory: %s\n", strerrorname_np(errno));
}

int main(int argc, char **argv)
{
        watcher = inotify_init1(IN_CLOEXEC);
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 3 && !strcmp(argv[1], "attack")) {
                attack(argv[2], argv[3]);
        } else {
                use_files();
                use_errors();
        }
        return 0;
}
