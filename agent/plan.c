/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan.h"

#include <linux/errno.h>
#include <linux/mman.h>

#include "agent/bytes.h"
#include "agent/kernel.h"
#include "proto/call.h"

#include "agent/poison.h"

static bool check_relocations(const struct fl_site *site, const uint8_t *code)
{
        const struct fl_relocation *relocations =
                (const struct fl_relocation *)(code + fl_site_relocations_at(site));
        unsigned size = (unsigned)site->before_size + site->after_size;

        for (unsigned i = 0; i < site->relocations; i++) {
                unsigned at = relocations[i].at, next = relocations[i].next;
                /* The instruction lies in one part. */
                unsigned end = at < site->before_size ? site->before_size : size;

                if (at + 4 > next || next > end)
                        return false;
        }
        return true;
}

static bool check_window(const struct fl_site *site)
{
        return site->length >= FL_SITE_WINDOW_MIN && site->length <= FL_SITE_WINDOW_MAX &&
               site->syscall_at + FL_SITE_SYSCALL <= site->length && site->side_length == 0;
}

static bool check_side(const struct fl_site *site)
{
        return site->length == FL_SITE_SYSCALL && site->syscall_at == 0 && site->before_size == 0 &&
               fl_site_side_valid(site);
}

static bool check_site(const struct fl_site *site, const uint8_t *code, uint32_t code_size)
{
        uint64_t relocations_end;

        if (site->tactic == FL_TACTIC_NONE)
                return true;
        if (site->tactic > FL_TACTIC_LAST || site->code % 8 || site->code > code_size ||
            !(fl_site_has_side(site) ? check_side(site) : check_window(site)))
                return false;
        if ((unsigned)site->before_size + site->after_size > FL_SITE_CODE_MAX ||
            site->relocations > FL_SITE_RELOCATIONS_MAX)
                return false;
        relocations_end =
                fl_site_relocations_at(site) + (uint64_t)site->relocations * sizeof(struct fl_relocation);
        return relocations_end <= code_size && check_relocations(site, code);
}

bool ag_plan_check(const void *bytes, uint64_t size, struct ag_plan *ret_plan)
{
        const struct fl_plan *header = bytes;
        const struct fl_site *sites = (const struct fl_site *)(header + 1);
        uint64_t previous_end = 0;

        if (size < sizeof *header || header->magic != FL_PLAN_MAGIC || header->version != FL_PLAN_VERSION ||
            header->site_count > FL_PLAN_SITES_MAX || header->code_size > FL_PLAN_CODE_MAX)
                return false;
        if (sizeof *header + (uint64_t)header->site_count * sizeof *sites + header->code_size > size)
                return false;
        for (uint32_t i = 0; i < header->site_count; i++) {
                if (sites[i].start < previous_end || sites[i].start > INT64_MAX - FL_SITE_WINDOW_MAX ||
                    !check_site(&sites[i], (const uint8_t *)(sites + header->site_count), header->code_size))
                        return false;
                previous_end = sites[i].start + sites[i].length;
        }
        *ret_plan = (struct ag_plan){
                .sites = sites,
                .code = (const uint8_t *)(sites + header->site_count),
                .site_count = header->site_count,
        };
        return true;
}

static long call_plan(int fd, void *out, uint64_t size, uint64_t offset)
{
        long r;

        do
                r = ag_kernel6(FL_CALL_NR, FL_CALL_PLAN, (uint64_t)fd, ag_address(out), size, offset, 0);
        while (r == -EINTR);
        return r;
}

/* A plan that did not fit: fetched again, whole, into a mapping. */
static bool fetch_large(int fd, uint64_t size, struct ag_plan *ret_plan)
{
        uint64_t length = (size + 4095) & ~4095ull;
        struct ag_plan plan;
        long r;

        if (size > FL_PLAN_SIZE_MAX)
                return false;
        r = ag_mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (ag_failed(r))
                return false;
        if (call_plan(fd, ag_pointer((uint64_t)r), size, 0) == (long)size &&
            ag_plan_check(ag_pointer((uint64_t)r), size, &plan)) {
                plan.mapping = (uint64_t)r;
                plan.mapping_length = length;
                *ret_plan = plan;
                return true;
        }
        ag_munmap((uint64_t)r, length);
        return false;
}

bool ag_plan_fetch(int fd, void *buffer, uint64_t buffer_size, struct ag_plan *ret_plan)
{
        long size = call_plan(fd, buffer, buffer_size, 0);

        if (size <= 0)
                return false;
        if ((uint64_t)size > buffer_size)
                return fetch_large(fd, (uint64_t)size, ret_plan);
        return ag_plan_check(buffer, (uint64_t)size, ret_plan);
}

void ag_plan_release(struct ag_plan *plan)
{
        if (plan->mapping)
                ag_munmap(plan->mapping, plan->mapping_length);
}
