/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/side.h"

#include <string.h>

#define REACH             127u /* of a short jump, forward; backward one more */
#define STEPS_MAX         256u /* instructions looked at: 128 bytes on either side */
#define PADDING_ALIGNMENT 16u
#define PUN_LOWEST        0x10000               /* address that a page can be mapped at */
#define SUCCESSOR_LOWEST  ((int32_t)0xe900e900) /* displacement of such a pun (agent/pun.h), at least */

/* An instruction on the way past the syscall. */
struct step {
        uint64_t vaddr;
        unsigned length;
        enum displace_kind kind;
        bool ends; /* control does not reach what follows */
        bool trap; /* int3 */
};

struct surroundings {
        const struct code_map *map;
        const struct code_segment *segment;
        const ZydisDecoder *decoder;
        const struct fl_site *sites;
        uint32_t site_count, index;
        uint64_t syscall, end;
        struct step steps[STEPS_MAX];
        unsigned count;
};

static const uint8_t *bytes_at(const struct surroundings *here, uint64_t vaddr)
{
        return here->segment->bytes + (vaddr - here->segment->vaddr);
}

static bool decode(const struct surroundings *here, uint64_t vaddr, struct instruction *ret_instruction)
{
        return instruction_decode(here->decoder, bytes_at(here, vaddr), here->end - vaddr, vaddr,
                                  ret_instruction);
}

/* From what leads to the syscall to as far behind it as a short jump reaches. False: the syscall is not met.
 */
static bool steps_decode(struct surroundings *here, uint64_t vaddr)
{
        struct instruction instruction;
        bool met = false;

        while (here->count < STEPS_MAX && vaddr < here->end && vaddr < here->syscall + REACH &&
               decode(here, vaddr, &instruction) && instruction.plausible) {
                met |= vaddr == here->syscall;
                here->steps[here->count++] = (struct step){
                        .vaddr = vaddr,
                        .length = instruction.length,
                        .kind = instruction.kind,
                        .ends = instruction.kind == DISPLACE_END ||
                                instruction.decoded.mnemonic == ZYDIS_MNEMONIC_UD2 ||
                                instruction.decoded.mnemonic == ZYDIS_MNEMONIC_HLT,
                        .trap = instruction.decoded.mnemonic == ZYDIS_MNEMONIC_INT3,
                };
                vaddr += instruction.length;
        }
        return met;
}

static bool overlap(uint64_t a, unsigned a_size, uint64_t b, unsigned b_size)
{
        return a < b + b_size && b < a + a_size;
}

/* No other site has [vaddr, vaddr+size) for its own, and the syscall is not in it. */
static bool is_free(const struct surroundings *here, uint64_t vaddr, unsigned size)
{
        const uint64_t start = here->segment->offset + (vaddr - here->segment->vaddr);
        uint32_t first = here->index > FL_SITE_NEAR ? here->index - FL_SITE_NEAR : 0;

        if (overlap(vaddr, size, here->syscall, FL_SITE_SYSCALL))
                return false;
        for (uint32_t i = first; i < here->site_count && i <= here->index + FL_SITE_NEAR; i++) {
                const struct fl_site *site = &here->sites[i];

                if (i != here->index &&
                    (overlap(start, size, site->start, site->length) ||
                     overlap(start, size, site->start + (uint64_t)(int64_t)site->side, site->side_length)))
                        return false;
        }
        return true;
}

/* May the site's short jump lead to a long one at vaddr? */
static bool in_reach(const struct surroundings *here, uint64_t vaddr)
{
        const int64_t distance = (int64_t)(vaddr - (here->syscall + FL_SITE_SYSCALL));

        return distance >= INT8_MIN && distance <= INT8_MAX;
}

/* Padding, as compilers and assemblers put it behind a flow end to align what follows: from the step at first
 * on. Returns its length; 0 where it is something else, or somebody jumps there. */
static unsigned padding_measure(const struct surroundings *here, unsigned first)
{
        unsigned length = 0;
        uint64_t start = here->steps[first].vaddr, end;

        for (unsigned i = first; i < here->count && here->steps[i].kind == DISPLACE_FILLER &&
                                 !code_map_marked(here->segment, here->steps[i].vaddr,
                                                  here->steps[i].vaddr + here->steps[i].length);
             i++)
                length += here->steps[i].length;
        end = start + length;
        return end % PADDING_ALIGNMENT == 0 || end >= here->syscall + REACH ||
                               code_map_marked(here->segment, end - 1, end + (end < here->end))
                       ? length
                       : 0;
}

static bool padding_find(const struct surroundings *here, uint64_t *ret_start)
{
        for (unsigned i = 0; i + 1 < here->count; i++) {
                unsigned length = here->steps[i].ends ? padding_measure(here, i + 1) : 0;
                uint64_t start = here->steps[i + 1].vaddr;

                for (unsigned skip = 0; skip + FL_SITE_WINDOW_MIN <= length; skip++)
                        if (in_reach(here, start + skip) && is_free(here, start + skip, FL_SITE_WINDOW_MIN)) {
                                *ret_start = start + skip;
                                return true;
                        }
        }
        return false;
}

/* Instructions from the step at first on that may run elsewhere, together at least bytes long, entered at the
 * first alone; how many bytes they are, or 0. */
static unsigned room_measure(const struct surroundings *here, unsigned first, unsigned least)
{
        unsigned length = 0;

        for (unsigned i = first; i < here->count && length < least; i++) {
                const struct step *step = &here->steps[i];

                if ((step->kind != DISPLACE_PLAIN && step->kind != DISPLACE_FILLER) || step->trap ||
                    code_map_marked(here->segment, step->vaddr + (i == first), step->vaddr + step->length))
                        return 0;
                length += step->length;
        }
        return length >= least && length <= FL_SITE_WINDOW_MAX &&
                               is_free(here, here->steps[first].vaddr, length)
                       ? length
                       : 0;
}

/* The shortest. */
static bool neighbours_find(const struct surroundings *here, uint64_t *ret_start, unsigned *ret_length)
{
        unsigned best = 0;

        for (unsigned i = 0; i < here->count; i++) {
                unsigned length = in_reach(here, here->steps[i].vaddr + FL_SITE_WINDOW_MIN)
                                          ? room_measure(here, i, 2 * FL_SITE_WINDOW_MIN)
                                          : 0;

                if (length && (!best || length < best)) {
                        best = length;
                        *ret_start = here->steps[i].vaddr;
                }
        }
        *ret_length = best;
        return best > 0;
}

static bool room_displace(const struct surroundings *here, uint64_t start, unsigned length,
                          struct displaced *displaced)
{
        struct instruction instruction;

        for (uint64_t vaddr = start; vaddr < start + length; vaddr += instruction.length)
                if (!decode(here, vaddr, &instruction) || !displaced_append(displaced, &instruction, start))
                        return false;
        return true;
}

/* Could the agent map a page where a jump by displacement from vaddr leads? */
static bool leads_to_room(const struct surroundings *here, uint64_t vaddr, int32_t displacement)
{
        return displacement <= -FL_PUN_NEAREST &&
               (!here->map->image->fixed || (int64_t)vaddr + displacement >= PUN_LOWEST);
}

static bool pun_fits(const struct surroundings *here, const struct fl_site *site)
{
        const uint64_t side = here->syscall + FL_SITE_SYSCALL, end = side + site->side_length;

        return end <= here->segment->vaddr + here->segment->size && is_free(here, side, site->side_length) &&
               leads_to_room(here, end, fl_pun_displacement(site, bytes_at(here, side)));
}

/* How long what follows the syscall is, where it may run elsewhere; or 0. */
static unsigned successor_measure(const struct surroundings *here)
{
        for (unsigned i = 0; i < here->count; i++)
                if (here->steps[i].vaddr == here->syscall + FL_SITE_SYSCALL)
                        return leads_to_room(here, here->syscall, SUCCESSOR_LOWEST)
                                       ? room_measure(here, i, FL_SITE_WINDOW_MIN)
                                       : 0;
        return 0;
}

static bool pun_choose(const struct surroundings *here, struct fl_site *site, struct displaced *displaced)
{
        const uint64_t side = here->syscall + FL_SITE_SYSCALL;

        site->side = (int16_t)FL_SITE_SYSCALL;
        site->tactic = FL_TACTIC_PUNNED;
        site->side_length = FL_SITE_WINDOW_MIN - FL_SITE_SYSCALL;
        if (pun_fits(here, site))
                return true;
        site->tactic = FL_TACTIC_PREFIXED;
        site->side_length++;
        if (pun_fits(here, site))
                return true;
        site->tactic = FL_TACTIC_SUCCESSOR;
        site->side_length = (uint8_t)successor_measure(here);
        return site->side_length > 0 && room_displace(here, side, site->side_length, displaced);
}

static bool jump_choose(const struct surroundings *here, struct fl_site *site, struct displaced *displaced)
{
        unsigned length = FL_SITE_WINDOW_MIN;
        uint64_t start;

        if (padding_find(here, &start))
                site->tactic = FL_TACTIC_PADDING;
        else if (neighbours_find(here, &start, &length) && room_displace(here, start, length, displaced))
                site->tactic = FL_TACTIC_NEIGHBOUR;
        else
                return false;
        site->side = (int16_t)(start - here->syscall);
        site->side_length = (uint8_t)length;
        return true;
}

/* May the syscall's bytes change, and what is round it? */
static bool surroundings_decode(struct surroundings *here, uint64_t back)
{
        return !code_map_marked(here->segment, here->syscall + 1, here->syscall + FL_SITE_SYSCALL) &&
               steps_decode(here, back);
}

bool side_choose(const struct code_map *map, const ZydisDecoder *decoder, const struct candidate *candidate,
                 const struct fl_site *sites, uint32_t site_count, uint32_t index, bool with_pun,
                 struct fl_site *ret_site, struct displaced *ret_displaced)
{
        const struct code_region *region = &map->regions[candidate->region];
        struct surroundings here = {.map = map,
                                    .segment = &map->segments[region->segment],
                                    .decoder = decoder,
                                    .sites = sites,
                                    .site_count = site_count,
                                    .index = index,
                                    .syscall = candidate->vaddr,
                                    .end = region->end};
        struct fl_site site = {.start = sites[index].start + sites[index].syscall_at,
                               .length = FL_SITE_SYSCALL,
                               .nr = sites[index].nr};

        memset(ret_displaced, 0, sizeof *ret_displaced);
        if (!surroundings_decode(&here, candidate->back))
                return false;
        if (!jump_choose(&here, &site, ret_displaced)) {
                memset(ret_displaced, 0, sizeof *ret_displaced);
                if (!with_pun || !pun_choose(&here, &site, ret_displaced))
                        return false;
        }
        site.after_size = (uint16_t)ret_displaced->size;
        site.relocations = (uint16_t)ret_displaced->relocation_count;
        site.original = fl_site_hash(&site, bytes_at(&here, here.syscall));
        *ret_site = site;
        return true;
}
