/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/plan_check.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/plan.h"

/* Addresses in a mapped file differ by less than the address space's size. */
#define TARGET_MAX (1ll << 47)

uint64_t plan_checksum(const void *plan, size_t size)
{
        const uint8_t *bytes = plan;
        uint64_t hash = 0xcbf29ce484222325ull;

        for (size_t i = sizeof(struct fl_plan); i < size; i++)
                hash = (hash ^ bytes[i]) * 0x100000001b3ull;
        return hash;
}

static bool relocation_valid(const struct fl_site *site, const struct fl_relocation *relocation,
                             unsigned floor)
{
        const unsigned before = site->before_size, whole = before + site->after_size;

        if (relocation->at < floor || relocation->at + 4u > relocation->next || relocation->next > whole ||
            relocation->grown > 4 || relocation->reserved != 0)
                return false;
        if (relocation->at < before && (relocation->next > before || relocation->grown))
                return false; /* across the syscall, or a branch in front of it */
        return relocation->target > -TARGET_MAX && relocation->target < TARGET_MAX;
}

/* Displaced code is as long as what it replaces, but for branches that grew and filler that nobody runs. */
static bool lengths_valid(const struct fl_site *site, unsigned grown)
{
        const unsigned behind = fl_site_makes_room(site) ? site->side_length
                                                         : site->length - site->syscall_at - FL_SITE_SYSCALL;

        if (site->before_size != site->syscall_at || grown > site->after_size)
                return false;
        if (site->flags & FL_SITE_ENDS)
                return site->after_size - grown <= behind;
        return site->after_size - grown == behind;
}

static bool relocations_valid(const struct fl_site *site, const uint8_t *code)
{
        const uint8_t *at = code + fl_site_relocations_at(site);
        struct fl_relocation relocation;
        unsigned floor = 0, grown = 0;
        uint32_t field;

        for (unsigned i = 0; i < site->relocations; i++) {
                memcpy(&relocation, at + i * sizeof relocation, sizeof relocation);
                if (!relocation_valid(site, &relocation, floor))
                        return false;
                memcpy(&field, code + site->code + relocation.at, sizeof field);
                if (field != 0)
                        return false;
                floor = relocation.next;
                grown += relocation.grown;
        }
        return lengths_valid(site, grown);
}

static bool none_valid(const struct fl_site *site)
{
        return site->length == FL_SITE_SYSCALL && site->syscall_at == 0 && site->flags == 0 &&
               site->before_size == 0 && site->after_size == 0 && site->relocations == 0 && site->side == 0 &&
               site->side_length == 0;
}

static bool side_valid(const struct fl_site *site)
{
        const bool makes_room = fl_site_makes_room(site);

        if (site->length != FL_SITE_SYSCALL || site->syscall_at != 0 || site->flags != 0 ||
            site->before_size != 0 || makes_room != (site->after_size > 0) ||
            (!makes_room && site->relocations != 0))
                return false;
        return fl_site_side_valid(site) && (site->side >= 0 || site->start >= (uint64_t)-site->side);
}

static bool window_valid(const struct fl_site *site)
{
        const bool before = site->tactic & FL_TACTIC_BEFORE, after = site->tactic & FL_TACTIC_AFTER;

        if (site->before_size + site->after_size > FL_SITE_CODE_MAX ||
            site->relocations > FL_SITE_RELOCATIONS_MAX)
                return false;
        if (fl_site_has_side(site))
                return side_valid(site);
        return site->side == 0 && site->side_length == 0 && site->length >= FL_SITE_WINDOW_MIN &&
               site->length <= FL_SITE_WINDOW_MAX && site->syscall_at + FL_SITE_SYSCALL <= site->length &&
               before == (site->before_size > 0) && before == (site->syscall_at > 0) &&
               (before || !(site->flags & FL_SITE_REPEATS)) && after == (site->after_size > 0);
}

static bool site_valid(const struct fl_site *site, const uint8_t *code, uint32_t code_size)
{
        uint64_t end;

        if (site->tactic > FL_TACTIC_LAST || (site->flags & ~(FL_SITE_ENDS | FL_SITE_REPEATS)) ||
            site->reserved != 0)
                return false;
        if (site->tactic == FL_TACTIC_NONE)
                return none_valid(site);
        if (!window_valid(site) || site->code % 8 != 0 || site->code > code_size)
                return false;
        end = (uint64_t)fl_site_relocations_at(site) + site->relocations * sizeof(struct fl_relocation);
        return end <= code_size && relocations_valid(site, code);
}

static bool overlap(uint64_t a, unsigned a_size, uint64_t b, unsigned b_size)
{
        return a < b + b_size && b < a + a_size;
}

/* A side is on no other site's window, and on no other side. Sites are sorted: only those near can be in the
 * way. */
static bool side_free(const uint8_t *sites, uint32_t index, uint32_t count)
{
        struct fl_site site, other;
        uint64_t start;

        memcpy(&site, sites + index * sizeof site, sizeof site);
        if (!fl_site_has_side(&site))
                return true;
        start = site.start + (uint64_t)(int64_t)site.side;
        for (uint32_t i = index > FL_SITE_NEAR ? index - FL_SITE_NEAR : 0;
             i < count && i <= index + FL_SITE_NEAR; i++) {
                memcpy(&other, sites + i * sizeof other, sizeof other);
                if (overlap(start, site.side_length, other.start, other.length) ||
                    (i != index && fl_site_has_side(&other) &&
                     overlap(start, site.side_length, other.start + (uint64_t)(int64_t)other.side,
                             other.side_length)))
                        return false;
        }
        return true;
}

static bool sites_valid(const struct fl_plan *header, const uint8_t *sites, const uint8_t *code)
{
        uint64_t floor = 0;
        struct fl_site site;

        for (uint32_t i = 0; i < header->site_count; i++) {
                memcpy(&site, sites + i * sizeof site, sizeof site);
                if (site.start < floor || site.start > UINT64_MAX - FL_SITE_WINDOW_MAX ||
                    !site_valid(&site, code, header->code_size))
                        return false;
                floor = site.start + site.length;
        }
        for (uint32_t i = 0; i < header->site_count; i++)
                if (!side_free(sites, i, header->site_count))
                        return false;
        return true;
}

int plan_check(const void *plan, size_t size)
{
        const uint8_t *sites = (const uint8_t *)plan + sizeof(struct fl_plan);
        struct fl_plan header;
        uint64_t sites_size;

        if (size < sizeof header)
                return -EBADMSG;
        memcpy(&header, plan, sizeof header);
        sites_size = (uint64_t)header.site_count * sizeof(struct fl_site);
        if (header.magic != FL_PLAN_MAGIC || header.version != FL_PLAN_VERSION ||
            (header.flags & ~FL_PLAN_IDLE) || header.site_count > FL_PLAN_SITES_MAX ||
            header.code_size > FL_PLAN_CODE_MAX || header.code_size % 8 != 0 ||
            size != sizeof header + sites_size + header.code_size)
                return -EBADMSG;
        if (header.checksum != plan_checksum(plan, size) || !sites_valid(&header, sites, sites + sites_size))
                return -EBADMSG;
        return 0;
}
