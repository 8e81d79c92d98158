/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker and its guardian by way of /proc: every file that tells or changes something, by every name that
 * leads there. The broker opens files for the sandbox, and might look at itself.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "attack.h"

static const char *const files[] = {
        "mem",
        "environ",
        "maps",
        "smaps",
        "pagemap",
        "auxv",
        "syscall",
        "stack",
        "wchan",
        "io",
        "limits",
        "personality",
        "timers",
        "root/etc/passwd",
        "cwd/.",
        "exe",
        "fd/0",
        "fd/1",
        "fd/2",
        "fd/3",
        "fd/4",
        "fd/5",
        "fd/6",
        "fd/7",
        "fd/8",
        "fd/9",
        "fd/10",
        "fdinfo/3",
        "map_files/.",
        "ns/mnt",
        "ns/user",
        "ns/net",
        "task/1/mem",
        "clear_refs",
        "mountinfo",
        "attr/current",
        "uid_map",
        "setgroups",
        "coredump_filter",
        "autogroup",
        "sched",
        "timerslack_ns",
        "oom_adj",
        "numa_maps",
        "projid_map",
        "gid_map",
        "loginuid",
        "oom_score_adj",
        "comm",
};

/* What everybody may read of every process; nothing of another's may be written. */
static bool is_public(const char *file)
{
        return !strcmp(file, "loginuid") || !strcmp(file, "oom_score_adj") || !strcmp(file, "comm");
}

static void expect_closed(const char *path, const char *file, int base, const char *name)
{
        int fd = openat(base, name, O_RDONLY | O_NONBLOCK);

        if (fd >= 0 && !is_public(file))
                escaped("opens %s for reading", path);
        close(fd);
        fd = openat(base, name, O_WRONLY | O_NONBLOCK);
        if (fd >= 0)
                escaped("opens %s for writing", path);
        close(fd);
        fd = openat(base, name, O_RDWR | O_TRUNC | O_NONBLOCK);
        if (fd >= 0)
                escaped("opens %s for both", path);
        close(fd);
}

static void by_prefix(const char *prefix)
{
        char path[512];
        int directory;

        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                snprintf(path, sizeof(path), "%s/%s", prefix, files[i]);
                expect_closed(path, files[i], AT_FDCWD, path);
        }
        directory = open(prefix, O_PATH);
        for (size_t i = 0; directory >= 0 && i < sizeof(files) / sizeof(files[0]); i++)
                expect_closed(files[i], files[i], directory, files[i]);
        if (directory >= 0 && fchdir(directory) == 0)
                for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
                        expect_closed(files[i], files[i], AT_FDCWD, files[i]);
        (void)!chdir(in_dir(""));
        close(directory);
}

static void by_links(pid_t pid)
{
        char path[512], text[4096];
        static const char *const links[] = {"exe", "cwd", "root", "fd/0", "fd/3", "fd/4", "ns/mnt"};

        for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
                struct stat st;
                snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
                if (readlink(path, text, sizeof(text)) >= 0)
                        escaped("reads the link %s", path);
                if (stat(path, &st) == 0)
                        escaped("looks through the link %s", path);
                int fd = open(path, O_PATH);
                if (fd >= 0)
                        escaped("opens %s as a path", path);
                close(fd);
                if (chdir(path) == 0)
                        escaped("goes to %s", path);
                if (link(path, in_dir("taken")) == 0)
                        escaped("links %s", path);
        }
}

static void against(pid_t pid)
{
        char path[512];
        DIR *threads;
        struct dirent *entry;

        snprintf(path, sizeof(path), "/proc/%d", pid);
        by_prefix(path);
        snprintf(path, sizeof(path), "/proc/self/../%d", pid);
        by_prefix(path);
        snprintf(path, sizeof(path), "/proc/self/root/proc/%d", pid);
        by_prefix(path);
        snprintf(path, sizeof(path), "/proc/thread-self/../../../%d", pid);
        by_prefix(path);
        snprintf(path, sizeof(path), "/proc/%d", pid);
        (void)!symlink(path, in_dir("process"));
        by_prefix(in_dir("process"));
        unlink(in_dir("process"));
        by_links(pid);
        /* Threads have directories of their own at the top, which no listing shows. */
        snprintf(path, sizeof(path), "/proc/%d/task", pid);
        threads = opendir(path);
        while (threads && (entry = readdir(threads)))
                if (entry->d_name[0] != '.') {
                        snprintf(path, sizeof(path), "/proc/%s", entry->d_name);
                        by_prefix(path);
                        snprintf(path, sizeof(path), "/proc/%d/task/%s", pid, entry->d_name);
                        by_prefix(path);
                }
        if (threads)
                closedir(threads);
}

int main(void)
{
        int count = 0;

        for (pid_t pid = getppid(); pid > 1 && count < 3; pid = parent_of(pid), count++)
                against(pid);
        against(1);
        still_confined();
        return finished();
}
