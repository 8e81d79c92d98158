/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/proc.h"

#define LOW    ((void *)0x10000000) /* in /proc/PID/maps before the program and its interpreter */
#define DEPTH  25                   /* a path that is longer than PATH_MAX */
#define SPACES 200
#define FORGED "0-ffffffffffffffff r--p 00000000 00:01 1 forged"

/* A file below directories each of whose names holds a forged line, after spaces for a reader's cut to fall
 * in. */
static int open_deep(const char *top)
{
        char name[256];
        int fd;

        snprintf(name, sizeof name, "%*s%s", SPACES, "", FORGED);
        cr_assert_eq(mkdir(top, 0700), 0);
        cr_assert_eq(chdir(top), 0);
        for (int i = 0; i < DEPTH; i++) {
                cr_assert_eq(mkdir(name, 0700), 0);
                cr_assert_eq(chdir(name), 0);
        }
        fd = open("file", O_RDWR | O_CREAT, 0600);
        unlink("file");
        for (int i = 0; i < DEPTH; i++) {
                cr_assert_eq(chdir(".."), 0);
                rmdir(name);
        }
        return fd;
}

/* As kernels before Linux 6.11 answer. */
static void without_query(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const struct sock_fprog program = {sizeof code / sizeof *code, code};

        cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void forge(void)
{
        static struct proc_mapped before, after;
        char root[] = "/tmp/flicker-proc-XXXXXX", top[128];
        int fd;

        cr_assert_eq(proc_interpreter(getpid(), &before), 0);
        cr_assert(strstr(before.path, "/ld-linux"), "%s", before.path);
        cr_assert(mkdtemp(root));
        for (int length = 1; length < 128; length += 60) {
                cr_assert_eq(chdir(root), 0);
                memset(top, 'x', sizeof top);
                top[length] = '\0';
                fd = open_deep(top);
                cr_assert_geq(fd, 0);
                cr_assert_eq(mmap(LOW, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0), LOW);
                cr_expect_eq(proc_interpreter(getpid(), &after), 0);
                cr_expect_str_eq(after.path, before.path);
                cr_expect_eq(after.inode, before.inode);
                munmap(LOW, 4096);
                close(fd);
                cr_assert_eq(chdir(".."), 0);
                rmdir(top);
        }
        rmdir(root);
}

Test(proc, a_long_path_forges_no_interpreter)
{
        forge();
        without_query();
        forge();
}

Test(proc, an_interpreter_is_the_same_in_either_way)
{
        struct proc_mapped queried, read;

        cr_assert_eq(proc_interpreter(getpid(), &queried), 0);
        without_query();
        cr_assert_eq(proc_interpreter(getpid(), &read), 0);
        cr_expect_eq(queried.device, read.device);
        cr_expect_eq(queried.inode, read.inode);
        cr_expect_str_eq(queried.path, read.path);
        proc_mapped_finish(&queried);
        proc_mapped_finish(&read);
}
