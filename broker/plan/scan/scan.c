/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/cleanup.h"
#include "broker/plan/plan_check.h"
#include "broker/plan/scan/eh_frame.h"
#include "broker/plan/scan/idle.h"
#include "broker/plan/scan/references.h"
#include "broker/plan/scan/side.h"

/* A plan under construction: sites and code grow apart, and are joined at the end. */
struct draft {
        struct fl_site *sites;
        enum window_refusal *refusals;
        const struct candidate **candidates; /* site by site */
        uint32_t site_count;
        uint8_t *code;
        uint32_t code_size, code_room;
};

static int draft_init(struct draft *draft, size_t site_count)
{
        *draft = (struct draft){0};
        draft->sites = calloc(site_count + 1, sizeof *draft->sites);
        draft->refusals = calloc(site_count + 1, sizeof *draft->refusals);
        draft->candidates = calloc(site_count + 1, sizeof *draft->candidates);
        return draft->sites && draft->refusals && draft->candidates ? 0 : -ENOMEM;
}

static void draft_finish(struct draft *draft)
{
        free(draft->sites);
        free(draft->refusals);
        free(draft->candidates);
        free(draft->code);
}

static int code_reserve(struct draft *draft, uint32_t size)
{
        uint32_t wanted = draft->code_room ? draft->code_room * 2 : 65536;
        uint8_t *grown;

        if (size > FL_PLAN_CODE_MAX - draft->code_size)
                return -E2BIG;
        if (size <= draft->code_room - draft->code_size)
                return 0;
        grown = realloc(draft->code, wanted);
        if (!grown)
                return -ENOMEM;
        draft->code = grown;
        draft->code_room = wanted;
        return 0;
}

/* Lays the displaced code and its relocations out behind what is there; all in multiples of 8. */
static int code_append(struct draft *draft, struct fl_site *site, const struct displaced *displaced)
{
        uint32_t relocations_at, end, size;
        int r;

        if (displaced->size == 0)
                return 0;
        site->code = draft->code_size;
        relocations_at = fl_site_relocations_at(site);
        end = relocations_at + (uint32_t)(displaced->relocation_count * sizeof *displaced->relocations);
        size = end - draft->code_size;
        r = code_reserve(draft, size);
        if (r < 0)
                return r;
        memset(draft->code + site->code, 0, size);
        memcpy(draft->code + site->code, displaced->code, displaced->size);
        memcpy(draft->code + relocations_at, displaced->relocations, end - relocations_at);
        draft->code_size = end;
        return 0;
}

static int draft_fill(struct draft *draft, const struct code_map *map, const struct candidates *candidates)
{
        ZydisDecoder decoder;
        uint64_t floor = 0;
        int r;

        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        for (size_t i = 0; i < candidates->count; i++) {
                const struct candidate *candidate = &candidates->items[i];
                struct fl_site *site = &draft->sites[draft->site_count];
                struct displaced displaced;

                if (candidate->vaddr < floor)
                        continue; /* the window before took it for something else */
                draft->refusals[draft->site_count] =
                        window_choose(map, &decoder, candidate, floor, site, &displaced);
                r = code_append(draft, site, &displaced);
                if (r < 0)
                        return r;
                floor = candidate->vaddr - site->syscall_at + site->length;
                draft->candidates[draft->site_count++] = candidate;
        }
        return 0;
}

static bool takes_along(const struct fl_site *site)
{
        return site->tactic == FL_TACTIC_AFTER || site->tactic == FL_TACTIC_BOTH;
}

/* Once every window is known: sides for the sites that have none, or one that takes along what follows. */
static int draft_fill_sides(struct draft *draft, const struct code_map *map)
{
        struct displaced displaced;
        ZydisDecoder decoder;
        int r = 0;

        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        for (uint32_t i = 0; r == 0 && i < draft->site_count; i++) {
                struct fl_site *site = &draft->sites[i];
                bool none = draft->refusals[i] == WINDOW_NO_ROOM;

                if ((!none && !takes_along(site)) ||
                    !side_choose(map, &decoder, draft->candidates[i], draft->sites, draft->site_count, i,
                                 none, site, &displaced))
                        continue;
                draft->refusals[i] = WINDOW_FITS;
                r = code_append(draft, site, &displaced);
        }
        return r;
}

static int compare_sites(const void *a, const void *b)
{
        const struct fl_site *x = a, *y = b;

        return x->start < y->start ? -1 : x->start > y->start;
}

/* Sites come in the order of addresses; files may have their segments in another one. */
static void draft_sort(struct draft *draft)
{
        for (uint32_t i = 1; i < draft->site_count; i++)
                if (draft->sites[i].start < draft->sites[i - 1].start) {
                        qsort(draft->sites, draft->site_count, sizeof *draft->sites, compare_sites);
                        free(draft->refusals);
                        draft->refusals = NULL;
                        return;
                }
}

static int draft_join(struct draft *draft, const struct elf_image *image, struct scan_result *ret_result)
{
        size_t sites_size = draft->site_count * sizeof *draft->sites;
        size_t size = sizeof(struct fl_plan) + sites_size + draft->code_size;
        struct fl_plan *plan = calloc(1, size);

        if (!plan)
                return -ENOMEM;
        draft_sort(draft);
        plan->magic = FL_PLAN_MAGIC;
        plan->version = FL_PLAN_VERSION;
        plan->site_count = draft->site_count;
        plan->code_size = draft->code_size;
        if (draft->site_count == 0 && program_is_idle(image))
                plan->flags |= FL_PLAN_IDLE;
        memcpy(plan + 1, draft->sites, sites_size);
        if (draft->code_size)
                memcpy((uint8_t *)(plan + 1) + sites_size, draft->code, draft->code_size);
        plan->checksum = plan_checksum(plan, size);
        ret_result->plan = plan;
        ret_result->size = size;
        ret_result->refusals = draft->refusals;
        draft->refusals = NULL;
        return 0;
}

static int map_fill(struct code_map *map, const struct elf_image *image, struct candidates *candidates)
{
        int r;

        r = code_map_init(map, image);
        if (r == 0)
                r = references_collect(map);
        if (r == 0)
                r = eh_frame_collect(map);
        if (r < 0)
                return r;
        code_map_sort_functions(map);
        r = sweep(map, candidates);
        if (r < 0)
                return r;
        code_map_sort_tables(map);
        references_jump_tables(map);
        return candidates->cut ? -E2BIG : 0;
}

int scan_elf(const uint8_t *data, size_t size, struct scan_result *ret_result)
{
        struct candidates candidates = {0};
        struct elf_image image;
        struct code_map map;
        struct draft draft = {0};
        int r;

        r = elf_image_parse(data, size, &image);
        if (r < 0)
                return r;
        r = map_fill(&map, &image, &candidates);
        if (r == 0)
                r = draft_init(&draft, candidates.count);
        if (r == 0)
                r = draft_fill(&draft, &map, &candidates);
        if (r == 0)
                r = draft_fill_sides(&draft, &map);
        if (r == 0)
                r = draft_join(&draft, &image, ret_result);
        draft_finish(&draft);
        free(candidates.items);
        code_map_finish(&map);
        return r;
}

void scan_result_finish(struct scan_result *result)
{
        free(result->plan);
        free(result->refusals);
        *result = (struct scan_result){0};
}
