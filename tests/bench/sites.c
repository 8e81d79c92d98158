/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sites PATH...: scans every x86-64 program and library beneath the paths and prints what share of their
 * syscall instructions each tactic gets, what is left to the backstop and why, and what a scan costs. Files
 * that cannot be scanned, and sites that are left although nothing speaks against a patch in principle, are
 * listed.
 */
#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/plan/scan/file_reader.h"
#include "broker/plan/scan/scan.h"

#define MIB       (1024.0 * 1024)
#define KINDS_MAX 16u

static struct {
        unsigned files, failed, sites;
        unsigned tactics[KINDS_MAX], refusals[KINDS_MAX];
        double bytes, seconds, slowest;
} totals;

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool is_program(int fd)
{
        Elf64_Ehdr header;

        return pread(fd, &header, sizeof header, 0) == sizeof header &&
               memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
               header.e_machine == EM_X86_64 && (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

static void result_count(const char *path, const struct scan_result *result)
{
        const struct fl_site *sites = (const struct fl_site *)(result->plan + 1);

        totals.sites += result->plan->site_count;
        for (uint32_t i = 0; i < result->plan->site_count; i++) {
                enum window_refusal refusal = result->refusals ? result->refusals[i] : WINDOW_FITS;

                totals.tactics[sites[i].tactic % KINDS_MAX]++;
                if (sites[i].tactic != FL_TACTIC_NONE)
                        continue;
                totals.refusals[refusal % KINDS_MAX]++;
                if (refusal != WINDOW_SIGRETURN)
                        printf("left: %s %#llx: %s\n", path, (unsigned long long)sites[i].start,
                               window_refusal_text(refusal));
        }
}

static void file_scan(const char *path, int fd, size_t size)
{
        uint8_t *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct scan_result result = {0};
        double start = now(), taken;

        if (buffer == MAP_FAILED || file_read(fd, buffer, size) < 0 || scan_elf(buffer, size, &result) < 0) {
                totals.failed++;
                printf("failed: %s\n", path);
        } else {
                result_count(path, &result);
        }
        taken = now() - start;
        totals.files++;
        totals.bytes += (double)size;
        totals.seconds += taken;
        totals.slowest = taken > totals.slowest ? taken : totals.slowest;
        scan_result_finish(&result);
        if (buffer != MAP_FAILED)
                munmap(buffer, size);
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *place)
{
        int fd;

        (void)place;
        if (type != FTW_F || !S_ISREG(status->st_mode) || status->st_size == 0)
                return 0;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return 0;
        if (is_program(fd))
                file_scan(path, fd, (size_t)status->st_size);
        close(fd);
        return 0;
}

static void share_print(const char *what, unsigned count)
{
        if (count)
                printf("%8u  %7.3f %%  %s\n", count, 100.0 * count / totals.sites, what);
}

static void totals_print(void)
{
        printf("%8u files, %.0f MiB, %u of them failed\n", totals.files, totals.bytes / MIB, totals.failed);
        printf("%8.1f ms per MiB, %.2f s the slowest\n", totals.seconds * 1e3 / (totals.bytes / MIB),
               totals.slowest);
        printf("%8u sites\n", totals.sites);
        for (unsigned i = FL_TACTIC_NONE + 1; i <= FL_TACTIC_LAST; i++)
                share_print(site_tactic_text(i), totals.tactics[i]);
        for (unsigned i = WINDOW_NOT_CODE; i <= WINDOW_SIGRETURN; i++)
                share_print(window_refusal_text(i), totals.refusals[i]);
}

int main(int argc, char **argv)
{
        if (argc < 2) {
                fprintf(stderr, "Usage: sites PATH...\n");
                return 2;
        }
        for (int i = 1; i < argc; i++)
                nftw(argv[i], visit, 16, FTW_PHYS);
        if (totals.files)
                totals_print();
        return totals.failed != 0;
}
