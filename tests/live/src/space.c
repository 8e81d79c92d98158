/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address space as the program finds it: what is named how in /proc/self/maps, the break, the limits,
 * where mappings may go. Printed for comparison with a native run.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Not every kernel can give a name to memory that is no file's (CONFIG_ANON_VMA_NAME). */
static bool names_can_be_given(void)
{
        void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bool can = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, 4096, "x") == 0;

        munmap(page, 4096);
        return can;
}

/* Every executable mapping is a file's, the vdso's, or says that it is Flicker's. */
static void names(void)
{
        char line[5000];
        FILE *maps = fopen("/proc/self/maps", "re");
        unsigned anonymous = 0, writable = 0;

        while (maps && fgets(line, sizeof line, maps)) {
                bool named = strchr(line, '/') || strchr(line, '[');
                const char *rights = strchr(line, ' ') + 1;

                if (rights[2] == 'x' && !named)
                        anonymous++;
                if (rights[2] == 'x' && rights[1] == 'w')
                        writable++;
        }
        if (maps)
                fclose(maps);
        report_text("executable mappings", "%u without a name, %u writable",
                    names_can_be_given() ? anonymous : 0, writable);
}

static void heap(void)
{
        char *start = sbrk(0), *end;

        for (int i = 0; i < 256; i++) {
                end = sbrk(1 << 20);
                if (end == (void *)-1 || end != start + ((long)i << 20))
                        break;
                memset(end, i, 4096);
        }
        report_text("the break grew", "%ld MiB", (long)(((char *)sbrk(0) - start) >> 20));
        report("and shrinks", brk(start));
}

static void limited(const char *name, int limit, rlim_t room)
{
        struct rlimit to = {room, room};
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                void *r;

                setrlimit(limit, &to);
                r = mmap(NULL, room / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                report_text(name, "half: %s", r == MAP_FAILED ? "NO" : "yes");
                r = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                report_text(name, "all: %s", r == MAP_FAILED ? "no" : "YES");
                r = malloc(1000);
                memset(r, 1, 1000);
                report_text(name, "a little: %s", r ? "yes" : "NO");
                _exit(0);
        }
        waitpid(pid, &status, 0);
        report_text(name, "%x", status);
}

static void places(void)
{
        void *low =
                mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        unsigned refused = 0;
        char *at = mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        report_text("MAP_32BIT", "%s", (uintptr_t)low < 0x80000000ul ? "low" : "NOT LOW");
        munmap(low, 1 << 20);
        munmap(at, 64 << 20);
        for (int i = 0; i < 64; i++) {
                void *want = at + ((long)i << 20);
                void *got = mmap(want, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                                 -1, 0);

                refused += got != want;
        }
        report_text("MAP_FIXED_NOREPLACE where it was free", "%u refused", refused);
        munmap(at, 64 << 20);
        at = mmap((void *)0x10000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        report_text("the lowest address", "%s", at == (void *)0x10000 ? "free" : "TAKEN");
        /* Where non-PIE programs, and the shadow of sanitizers, want to be. */
        for (unsigned i = 0; i < 3; i++) {
                const uintptr_t wanted[] = {0x400000, 0x7fff8000, 0x100000000000};

                at = mmap((void *)wanted[i], 1 << 20, PROT_READ,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
                report_text("wanted", "%lx: %s", (long)wanted[i], at == (void *)wanted[i] ? "free" : "TAKEN");
        }
}

static int recurse(volatile char *above, int depth)
{
        volatile char here[4096];

        here[0] = (char)depth;
        return depth == 0 ? above[0] : recurse(here, depth - 1) + here[0];
}

static void stacks(void)
{
        volatile char here = 1;
        struct rlimit limit;

        getrlimit(RLIMIT_STACK, &limit);
        report_text("deep", "%d", recurse(&here, 1500) != 0x7fffffff);
}

int main(void)
{
        names();
        heap();
        limited("RLIMIT_AS", RLIMIT_AS, 1ul << 30);
        limited("RLIMIT_DATA", RLIMIT_DATA, 1ul << 28);
        places();
        stacks();
        return 0;
}
