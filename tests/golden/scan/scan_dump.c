/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the plan of an ELF file whose code begins at address and file offset 0x1000, in full, as the golden
 * files have it: addresses relative to the code's beginning, displaced code as bytes with the syscall between
 * its parts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/plan/plan_check.h"
#include "broker/plan/scan/scan.h"

#define TEXT_START 0x1000u

static void bytes_print(const uint8_t *bytes, unsigned size)
{
        for (unsigned i = 0; i < size; i++)
                printf("%02x", bytes[i]);
}

static void site_print(const struct scan_result *result, uint32_t index)
{
        const struct fl_site *site = (const struct fl_site *)(result->plan + 1) + index;
        const uint8_t *code =
                (const uint8_t *)((const struct fl_site *)(result->plan + 1) + result->plan->site_count);
        const struct fl_relocation *relocations =
                (const struct fl_relocation *)(code + fl_site_relocations_at(site));

        printf("%#x %s nr=", (unsigned)(site->start + site->syscall_at - TEXT_START),
               site_tactic_text(site->tactic));
        printf(site->nr == FL_SITE_NR_UNKNOWN ? "?" : "%u", site->nr);
        if (site->tactic == FL_TACTIC_NONE) {
                printf(" (%s)\n", window_refusal_text(result->refusals[index]));
                return;
        }
        printf(" window=%#x+%u%s%s", (unsigned)(site->start - TEXT_START), site->length,
               site->flags & FL_SITE_REPEATS ? " repeats" : "", site->flags & FL_SITE_ENDS ? " ends" : "");
        if (fl_site_has_side(site))
                printf(" side=%+d+%u", site->side, site->side_length);
        printf(" code=");
        bytes_print(code + site->code, site->before_size);
        printf("|");
        bytes_print(code + site->code + site->before_size, site->after_size);
        printf("\n");
        for (unsigned i = 0; i < site->relocations; i++)
                printf("  at=%u next=%u grown=%u target=%lld\n", relocations[i].at, relocations[i].next,
                       relocations[i].grown, (long long)relocations[i].target);
}

int main(int argc, char **argv)
{
        struct scan_result result;
        struct stat status;
        uint8_t *data;
        int fd, r;

        if (argc != 2)
                return 2;
        fd = open(argv[1], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return 2;
        data = malloc((size_t)status.st_size + 1);
        if (!data || read(fd, data, (size_t)status.st_size) != status.st_size)
                return 2;
        r = scan_elf(data, (size_t)status.st_size, &result);
        if (r < 0) {
                printf("error %d\n", r);
                return 0;
        }
        if (plan_check(result.plan, result.size) < 0) {
                printf("the plan is malformed\n");
                return 1;
        }
        for (uint32_t i = 0; i < result.plan->site_count; i++)
                site_print(&result, i);
        scan_result_finish(&result);
        free(data);
        return 0;
}
