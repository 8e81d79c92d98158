/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROC_DEPTH_MAX 4096 /* ancestors followed */

static ssize_t read_file(const char *path, char *out, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -ESRCH;
        n = read(fd, out, size - 1);
        close(fd);
        if (n < 0)
                return -ESRCH;
        out[n] = '\0';
        return n;
}

pid_t proc_tgid(pid_t tid)
{
        char path[48], text[512];
        const char *line;

        snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
        if (read_file(path, text, sizeof text) < 0)
                return -ESRCH;
        /* Name comes first and escapes newlines, so this cannot be forged by comm. */
        line = strstr(text, "\nTgid:");
        return line ? (pid_t)atoi(line + 6) : -ESRCH;
}

pid_t proc_tracer(pid_t tid)
{
        char path[48], text[512];
        const char *line;

        snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
        if (read_file(path, text, sizeof text) < 0)
                return -ESRCH;
        line = strstr(text, "\nTracerPid:");
        return line ? (pid_t)atoi(line + 11) : -ESRCH;
}

pid_t proc_parent(pid_t pid)
{
        char path[48], text[512];
        const char *end;
        int parent;

        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        if (read_file(path, text, sizeof text) < 0)
                return -ESRCH;
        end = strrchr(text, ')'); /* comm may hold parentheses; what follows it may not */
        if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
                return -ESRCH;
        return parent;
}

void proc_comm(pid_t pid, char out[16])
{
        char path[48], text[64];

        snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
        if (read_file(path, text, sizeof text) <= 0)
                strcpy(text, "?\n");
        text[strcspn(text, "\n")] = '\0';
        memcpy(out, text, 15);
        out[15] = '\0';
}

int proc_exe(pid_t tid, dev_t *ret_device, ino_t *ret_inode)
{
        char path[48];
        struct stat st;

        snprintf(path, sizeof path, "/proc/%d/exe", (int)tid);
        if (stat(path, &st) < 0)
                return -errno;
        *ret_device = st.st_dev;
        *ret_inode = st.st_ino;
        return 0;
}

bool proc_is_thread(pid_t pid, pid_t tid)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/task/%d", (int)pid, (int)tid);
        return access(path, F_OK) == 0;
}

bool proc_is_descendant(pid_t pid, pid_t root)
{
        for (unsigned i = 0; i < PROC_DEPTH_MAX && pid > 1; i++) {
                pid = proc_parent(pid);
                if (pid == root)
                        return true;
        }
        return false;
}
