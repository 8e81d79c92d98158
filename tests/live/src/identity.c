/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program can see of how it was started: arguments, auxiliary vector, /proc/self, limits,
 * descriptors. Printed without addresses and process ids, to be compared with a native run.
 */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

extern char **environ;

static void link_of(const char *path)
{
        char target[PATH_MAX + 1];
        ssize_t n = readlink(path, target, PATH_MAX);

        if (n < 0) {
                report(path, n);
                return;
        }
        target[n] = 0;
        report_text(path, "%s", target);
}

/* Of the link, and of what it leads to. */
static void types_of(const char *path)
{
        unsigned char wide[256] = {0}; /* struct statx, which older libraries do not know */
        uint16_t mode;
        struct stat status = {0};
        int flags[] = {0, AT_SYMLINK_NOFOLLOW};

        for (int i = 0; i < 2; i++) {
                report("fstatat", fstatat(AT_FDCWD, path, &status, flags[i]));
                report("statx", syscall(SYS_statx, AT_FDCWD, path, flags[i], 1, wide));
                report("faccessat2", syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, flags[i]));
                memcpy(&mode, wide + 28, sizeof mode);
                report_text("types", "%o %o", status.st_mode & S_IFMT, mode & S_IFMT);
        }
        report("open without following", open(path, O_RDONLY | O_NOFOLLOW));
}

static void content_of(const char *path)
{
        char text[4096];
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

        if (n < 0) {
                report(path, n);
                return;
        }
        close(fd);
        for (ssize_t i = 0; i < n; i++)
                if (text[i] == 0)
                        text[i] = '|';
        text[n] = 0;
        report_text(path, "%s", text);
}

static void auxiliary_vector(void)
{
        static const struct {
                unsigned long type;
                const char *name;
        } values[] = {{AT_PAGESZ, "AT_PAGESZ"}, {AT_PHENT, "AT_PHENT"}, {AT_PHNUM, "AT_PHNUM"},
                      {AT_FLAGS, "AT_FLAGS"},   {AT_UID, "AT_UID"},     {AT_EUID, "AT_EUID"},
                      {AT_GID, "AT_GID"},       {AT_EGID, "AT_EGID"},   {AT_SECURE, "AT_SECURE"},
                      {AT_CLKTCK, "AT_CLKTCK"}, {AT_HWCAP, "AT_HWCAP"}, {AT_HWCAP2, "AT_HWCAP2"}};

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
                report_text(values[i].name, "%#lx", getauxval(values[i].type));
        report_text("AT_EXECFN", "%s", (const char *)getauxval(AT_EXECFN));
        report_text("AT_PLATFORM", "%s", (const char *)getauxval(AT_PLATFORM));
        report_text("AT_RANDOM", "%s", getauxval(AT_RANDOM) ? "there" : "absent");
        report_text("vDSO", "%s", getauxval(AT_SYSINFO_EHDR) ? "there" : "absent");
}

static void program_headers(void)
{
        const ElfW(Phdr) *headers = (const void *)getauxval(AT_PHDR);
        uintptr_t base = 0;
        bool dynamic = false;

        for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) {
                if (headers[i].p_type == PT_PHDR)
                        base = (uintptr_t)headers - headers[i].p_vaddr;
                if (headers[i].p_type == PT_INTERP)
                        dynamic = true;
        }
        report_text("AT_PHDR", "%lu headers at the right place", getauxval(AT_PHNUM));
        report_text("interpreter", "%s, AT_BASE %s", dynamic ? "yes" : "no",
                    getauxval(AT_BASE) ? "set" : "0");
        extern char _start[];
        report_text("AT_ENTRY", "%s",
                    getauxval(AT_ENTRY) == (uintptr_t)_start ? "is _start" : "is not _start");
        (void)base;
}

/* What the kernel remembers for debuggers is what stands behind the environment on the stack. */
static void kernels_vector(void)
{
        char **pointer = environ;
        ElfW(auxv_t) vector[64] = {0};
        const ElfW(auxv_t) * own;
        int fd = open("/proc/self/auxv", O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, vector, sizeof vector);
        int i = 0;

        close(fd);
        while (*pointer)
                pointer++;
        own = (const void *)(pointer + 1);
        if (n < (ssize_t)sizeof *vector) {
                report("/proc/self/auxv", n);
                return;
        }
        do
                if (memcmp(&vector[i], &own[i], sizeof *own))
                        report_text("/proc/self/auxv", "%lu is something else", own[i].a_type);
        while (own[i++].a_type != AT_NULL);
        report_text("/proc/self/auxv", "%zd bytes", n);
}

/* proc_pid_stat(5), from the third field on. */
static int stat_fields(unsigned long fields[64])
{
        char text[4096], *at;
        int fd = open("/proc/self/stat", O_RDONLY), count = 3;
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

        close(fd);
        if (n <= 0)
                return 0;
        text[n] = '\0';
        at = strrchr(text, ')') + 4;
        while (count < 63 && *at)
                fields[++count] = strtoul(at, &at, 10);
        return count;
}

static void kernels_map(char **argv)
{
        extern char _start[], edata[];
        static int initialized = 1;
        unsigned long fields[64] = {0};
        uintptr_t code = (uintptr_t)_start, data = (uintptr_t)&initialized;

        if (stat_fields(fields) < 51) {
                report_text("/proc/self/stat", "too few fields");
                return;
        }
        report_text("code", "%s", fields[26] <= code && code < fields[27] ? "in its place" : "elsewhere");
        report_text("data", "%s",
                    fields[45] <= data && fields[46] == (uintptr_t)edata ? "in its place" : "elsewhere");
        report_text("break", "%s", fields[47] && fields[47] <= (uintptr_t)sbrk(0) ? "there" : "elsewhere");
        report_text("stack", "%s", fields[28] == (uintptr_t)(argv - 1) ? "begins with argc" : "elsewhere");
        report_text("arguments", "%s", fields[48] == (uintptr_t)argv[0] ? "in their place" : "elsewhere");
        report_text("arguments end", "%s", fields[49] == fields[50] ? "with the environment" : "before");
        report_text("environment", "%ld bytes %s", fields[51] - fields[50],
                    !environ[0] || fields[50] == (uintptr_t)environ[0] ? "in their place" : "elsewhere");
}

static void descriptors(void)
{
        for (int fd = 0; fd < 1024; fd++) {
                int flags = fcntl(fd, F_GETFD);
                char name[32];
                if (flags < 0)
                        continue;
                snprintf(name, sizeof(name), "descriptor %d", fd);
                report_text(name, "flags %d", flags);
        }
}

static void signals_and_limits(void)
{
        sigset_t blocked;

        sigprocmask(SIG_BLOCK, NULL, &blocked);
        for (int i = 1; i < 64; i++) {
                struct sigaction action;
                if (sigaction(i, NULL, &action) < 0)
                        continue;
                if (action.sa_handler != SIG_DFL || sigismember(&blocked, i) == 1)
                        report_text("signal", "%d %s%s", i, action.sa_handler == SIG_IGN ? "ignored " : "",
                                    sigismember(&blocked, i) == 1 ? "blocked" : "");
        }
        for (int i = 0; i < RLIMIT_NLIMITS; i++) {
                struct rlimit limit;
                syscall(SYS_prlimit64, 0, i, NULL, &limit);
                report_text("limit", "%d %lu %lu", i, limit.rlim_cur, limit.rlim_max);
        }
        report_text("dumpable", "%d", prctl(PR_GET_DUMPABLE));
        report_text("parent death signal", "%d", prctl(PR_GET_PDEATHSIG, &(int){0}));
        report_text("priority", "%d scheduler %d", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0));
        report_text("umask", "%o", umask(022));
}

int main(int argc, char **argv)
{
        char name[17] = "", here[PATH_MAX];

        for (int i = 0; i < argc; i++)
                report_text("argv", "%s", argv[i]);
        for (char **p = environ; *p; p++)
                if (strncmp(*p, "_=", 2))
                        report_text("environment", "%s", *p);
        auxiliary_vector();
        program_headers();
        kernels_vector();
        kernels_map(argv);
        prctl(PR_GET_NAME, name);
        report_text("comm", "%s", name);
        content_of("/proc/self/comm");
        content_of("/proc/self/cmdline");
        link_of("/proc/self/exe");
        types_of("/proc/self/exe");
        link_of("/proc/self/cwd");
        link_of("/proc/self/root");
        report_text("getcwd", "%s", getcwd(here, sizeof(here)));
        report_text("ids", "%d %d %d %d groups %d", getuid(), geteuid(), getgid(), getegid(),
                    getgroups(0, NULL));
        descriptors();
        signals_and_limits();
        return 0;
}
