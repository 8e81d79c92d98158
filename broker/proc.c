/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/proc.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#ifndef PROCMAP_QUERY
/* linux/fs.h, Linux 6.11; newer than the headers of Debian 12. */
struct procmap_query {
        uint64_t size, query_flags, query_addr;
        uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset;
        uint64_t inode;
        uint32_t dev_major, dev_minor;
        uint32_t vma_name_size, build_id_size;
        uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
#endif

#define PROC_DEPTH_MAX 4096 /* ancestors followed */
#define VECTOR_MAX     64   /* entries of an auxiliary vector; the kernel has some 25 */

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

/* The number behind field ("\nName:") in /proc/TID/status, or -ESRCH. Name comes first there and escapes
 * newlines, so that comm forges none. */
static pid_t read_status(pid_t tid, const char *field)
{
        char path[48], text[512];
        const char *line;

        snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
        if (read_file(path, text, sizeof text) < 0)
                return -ESRCH;
        line = strstr(text, field);
        return line ? (pid_t)atoi(line + strlen(field)) : -ESRCH;
}

/* No signal is sent, and who may not send one is told of the thread all the same: far cheaper than /proc. */
bool proc_is_thread(pid_t pid, pid_t tid)
{
        return tgkill(pid, tid, 0) == 0 || errno == EPERM;
}

pid_t proc_tgid(pid_t tid)
{
        return proc_is_thread(tid, tid) ? tid : read_status(tid, "\nTgid:");
}

pid_t proc_tracer(pid_t tid)
{
        return read_status(tid, "\nTracerPid:");
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

/* The auxiliary vector, which the kernel keeps as it was at the exec: bytes, or -ESRCH. */
static ssize_t read_vector(pid_t tid, Elf64_auxv_t vector[VECTOR_MAX])
{
        char path[48];
        int fd;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/auxv", (int)tid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, vector, VECTOR_MAX * sizeof *vector);
        if (fd >= 0)
                close(fd);
        return n < 0 ? -ESRCH : n;
}

/* The agent puts the program's in place of its own. */
static bool is_of_program(uint64_t type)
{
        return type == AT_PHDR || type == AT_PHENT || type == AT_PHNUM || type == AT_ENTRY ||
               type == AT_BASE || type == AT_EXECFN;
}

uint64_t proc_image_mark(pid_t tid)
{
        Elf64_auxv_t vector[VECTOR_MAX];
        ssize_t n = read_vector(tid, vector);
        uint64_t mark = 0xcbf29ce484222325ull; /* FNV-1a, of words */

        if (n <= 0)
                return 0;
        for (size_t i = 0; i < (size_t)n / sizeof *vector; i++)
                if (!is_of_program(vector[i].a_type))
                        mark = (mark ^ vector[i].a_un.a_val) * 0x100000001b3ull;
        return mark;
}

/* AT_BASE; 0 where there is no interpreter. */
static int read_base(pid_t tid, uint64_t *ret_base)
{
        Elf64_auxv_t vector[VECTOR_MAX];
        ssize_t n = read_vector(tid, vector);

        if (n < 0)
                return -ESRCH;
        *ret_base = 0;
        for (size_t i = 0; i < (size_t)n / sizeof *vector; i++)
                if (vector[i].a_type == AT_BASE)
                        *ret_base = vector[i].a_un.a_val;
        return 0;
}

/* A path of a mapping, allocated; NULL where there is none. */
static char *path_of(const char *text, size_t length)
{
        return length ? strndup(text, length) : NULL;
}

/* Is this line of /proc/PID/maps the mapping that holds address? Then what is mapped. */
static bool read_mapping(const char *line, uint64_t address, struct proc_mapped *mapped)
{
        uint64_t start, end, inode;
        unsigned major_number, minor_number;
        int at = 0;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%x %" SCNu64 " %n", &start, &end, &major_number,
                   &minor_number, &inode, &at) < 5 ||
            address < start || address >= end)
                return false;
        mapped->device = makedev(major_number, minor_number);
        mapped->inode = inode;
        mapped->path = path_of(line + at, strcspn(line + at, "\n"));
        return true;
}

/* Takes over maps. */
static int find_mapping(int maps, uint64_t address, struct proc_mapped *ret_mapped)
{
        _cleanup_fclose_ FILE *stream = fdopen(maps, "r");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        if (!stream) {
                close(maps);
                return -ENOMEM;
        }
        /* Whole lines, however long: the target chooses the paths, and what follows a cut is not a line. */
        while (getline(&line, &size, stream) > 0)
                if (read_mapping(line, address, ret_mapped))
                        return 0;
        return -ENOENT;
}

/* Asks for the one mapping alone. -ENOTTY before Linux 6.11. */
static int query_mapping(int maps, uint64_t address, struct proc_mapped *ret_mapped)
{
        char path[PATH_MAX];
        struct procmap_query query = {
                .size = sizeof query,
                .query_addr = address,
                .vma_name_size = sizeof path,
                .vma_name_addr = (uintptr_t)path,
        };

        if (ioctl(maps, PROCMAP_QUERY, &query) < 0)
                return -errno;
        ret_mapped->device = makedev(query.dev_major, query.dev_minor);
        ret_mapped->inode = query.inode;
        ret_mapped->path = path_of(path, strnlen(path, query.vma_name_size));
        return 0;
}

void proc_mapped_finish(struct proc_mapped *mapped)
{
        free(mapped->path);
        *mapped = (struct proc_mapped){0};
}

int proc_interpreter(pid_t tid, struct proc_mapped *ret_mapped)
{
        char path[48];
        uint64_t base;
        int maps, r = read_base(tid, &base);

        *ret_mapped = (struct proc_mapped){0};
        if (r < 0 || base == 0)
                return r;
        snprintf(path, sizeof path, "/proc/%d/maps", (int)tid);
        maps = open(path, O_RDONLY | O_CLOEXEC);
        if (maps < 0)
                return -ESRCH;
        r = query_mapping(maps, base, ret_mapped);
        /* A path that is too long for the one has its place in the other. */
        if (r < 0 && r != -ENOENT)
                return find_mapping(maps, base, ret_mapped);
        close(maps);
        return r;
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
