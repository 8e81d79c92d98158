/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flicker-scan: reads the file open at descriptor 3, writes its patch plan to descriptor 4. With a FILE it
 * tells a person what the plan would be. Either way it has given up all rights before it reads a byte of the
 * file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/files.h"
#include "broker/plan/plan_check.h"
#include "broker/plan/scan/confine.h"
#include "broker/plan/scan/file_reader.h"
#include "broker/plan/scan/scan.h"

enum {
        INPUT_FD = 3,
        OUTPUT_FD = 4,
        STATUS_FAILED = 1,
        STATUS_USAGE = 2,
};

static const char usage_text[] =
        "Usage: flicker-scan FILE\n"
        "Shows how flicker would redirect the system calls of the ELF file FILE: for each its file offset,\n"
        "how it is patched, and its number where known.\n"
        "\n"
        "Without FILE: reads descriptor 3, writes a patch plan to descriptor 4. This is how flicker runs "
        "it.\n";

/* Memory for the file's bytes; what is read is a copy, so that nobody can change it meanwhile. */
static uint8_t *buffer_make(int fd, size_t *ret_size)
{
        struct stat status;
        void *buffer;

        if (fstat(fd, &status) < 0)
                return NULL;
        if (!S_ISREG(status.st_mode) || status.st_size <= 0 ||
            (uint64_t)status.st_size >= CONFINE_MEMORY_BYTES) {
                errno = ENOEXEC;
                return NULL;
        }
        *ret_size = (size_t)status.st_size;
        buffer = mmap(NULL, *ret_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return buffer == MAP_FAILED ? NULL : buffer;
}

/* A plan without sites, for a file that there is nothing to be done with. */
static int write_empty(void)
{
        struct fl_plan plan = {.magic = FL_PLAN_MAGIC, .version = FL_PLAN_VERSION};

        plan.checksum = plan_checksum(&plan, sizeof plan);
        return files_write_whole(OUTPUT_FD, &plan, sizeof plan);
}

static int scan_descriptor(void)
{
        struct scan_result result;
        uint8_t *buffer;
        size_t size;
        int r;

        buffer = buffer_make(INPUT_FD, &size);
        r = confine(INPUT_FD, OUTPUT_FD, OUTPUT_FD);
        if (r < 0)
                return r;
        if (!buffer)
                return write_empty();
        r = file_read(INPUT_FD, buffer, size);
        if (r < 0)
                return r;
        if (scan_elf(buffer, size, &result) < 0)
                return write_empty();
        return files_write_whole(OUTPUT_FD, result.plan, result.size);
}

static void site_print(const struct fl_site *site, const char *refusal)
{
        printf("%#10llx  %-9s", (unsigned long long)site->start + site->syscall_at,
               site_tactic_text(site->tactic));
        if (site->nr == FL_SITE_NR_UNKNOWN)
                printf("    ?");
        else
                printf("  %3u", site->nr);
        if (site->tactic == FL_TACTIC_NONE)
                printf("  %s\n", refusal);
        else if (fl_site_has_side(site))
                printf("  window %#llx+%u, side %#llx+%u\n", (unsigned long long)site->start, site->length,
                       (unsigned long long)site->start + (unsigned long long)(long long)site->side,
                       site->side_length);
        else
                printf("  window %#llx+%u\n", (unsigned long long)site->start, site->length);
}

static void result_print(const struct scan_result *result)
{
        const struct fl_site *sites = (const struct fl_site *)(result->plan + 1);
        unsigned patched = 0;

        for (uint32_t i = 0; i < result->plan->site_count; i++) {
                site_print(&sites[i], result->refusals ? window_refusal_text(result->refusals[i]) : "");
                patched += sites[i].tactic != FL_TACTIC_NONE;
        }
        printf("%u sites, %u of them patched%s\n", result->plan->site_count, patched,
               result->plan->flags & FL_PLAN_IDLE ? "; runs without the agent, which would have nothing to do"
                                                  : "");
}

/* 0 or -errno of what could not be done with the file at path. */
static int scan_path(const char *path)
{
        static char output[65536];
        struct scan_result result;
        uint8_t *buffer;
        size_t size;
        int fd, r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        buffer = buffer_make(fd, &size);
        if (!buffer)
                return -errno;
        setvbuf(stdout, output, _IOFBF, sizeof output); /* confined, stdio could not ask what stdout is */
        r = confine(fd, STDOUT_FILENO, STDERR_FILENO);
        if (r == 0)
                r = file_read(fd, buffer, size);
        if (r == 0)
                r = scan_elf(buffer, size, &result);
        if (r < 0)
                return r;
        result_print(&result);
        return fflush(stdout) == 0 ? 0 : -EIO;
}

static const char *failure_text(int error)
{
        return error == ENOEXEC ? "not an x86-64 ELF program or library" : strerrordesc_np(error);
}

int main(int argc, char **argv)
{
        char message[512];
        int r, length;

        if (argc == 1 && fcntl(INPUT_FD, F_GETFD) >= 0 && fcntl(OUTPUT_FD, F_GETFD) >= 0)
                _exit(scan_descriptor() < 0 ? STATUS_FAILED : 0);
        if (argc == 2 && strcmp(argv[1], "--help") == 0) {
                fputs(usage_text, stdout);
                return 0;
        }
        if (argc != 2 || argv[1][0] == '-') {
                fputs(usage_text, stderr);
                return STATUS_USAGE;
        }
        r = scan_path(argv[1]);
        if (r < 0) {
                length = snprintf(message, sizeof message, "flicker-scan: %.400s: %s\n", argv[1],
                                  failure_text(-r));
                if (length > 0)
                        files_write_whole(STDERR_FILENO, message, (size_t)length);
        }
        _exit(r < 0 ? STATUS_FAILED : 0);
}
