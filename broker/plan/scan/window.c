/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/window.h"

#include <string.h>

#include "broker/plan/scan/number.h"
#include "broker/plan/scan/number_guess.h"
#include "broker/plan/scan/repeats.h"

#define AFTER_MAX       12u /* instructions looked at behind the syscall */
#define AFTER_PLAUSIBLE 8u  /* of which so many have to look like code where nobody vouches for it */
#define NR_RT_SIGRETURN 15u

struct neighbourhood {
        const struct code_segment *segment;
        uint64_t syscall; /* address */
        uint64_t end;     /* of the region */
        struct instruction before[SWEEP_LOOKBACK + 1];
        unsigned before_count;
        struct instruction after[AFTER_MAX];
        unsigned after_count;
};

/* So many instructions on either side, and filler bytes behind the last. */
struct choice {
        unsigned before, after;
        unsigned filler;
        unsigned cost;
        unsigned length;
};

static const uint8_t *bytes_at(const struct neighbourhood *here, uint64_t vaddr)
{
        return here->segment->bytes + (vaddr - here->segment->vaddr);
}

/* False: what leads to the syscall does not decode as the sweep had it. */
static bool before_decode(struct neighbourhood *here, const ZydisDecoder *decoder, uint64_t vaddr)
{
        while (vaddr < here->syscall) {
                if (here->before_count > SWEEP_LOOKBACK ||
                    !instruction_decode(decoder, bytes_at(here, vaddr), here->end - vaddr, vaddr,
                                        &here->before[here->before_count]))
                        return false;
                vaddr += here->before[here->before_count++].length;
        }
        return vaddr == here->syscall;
}

static void after_decode(struct neighbourhood *here, const ZydisDecoder *decoder)
{
        uint64_t vaddr = here->syscall + FL_SITE_SYSCALL;

        while (here->after_count < AFTER_MAX && vaddr < here->end) {
                struct instruction *instruction = &here->after[here->after_count];

                if (!instruction_decode(decoder, bytes_at(here, vaddr), here->end - vaddr, vaddr,
                                        instruction))
                        return;
                here->after_count++;
                vaddr += instruction->length;
        }
}

static bool is_flow_end(const struct instruction *instruction)
{
        return instruction->kind == DISPLACE_END ||
               instruction->decoded.meta.category == ZYDIS_CATEGORY_RET ||
               instruction->decoded.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
               instruction->decoded.mnemonic == ZYDIS_MNEMONIC_UD2 ||
               instruction->decoded.mnemonic == ZYDIS_MNEMONIC_HLT;
}

/* Does what follows look like code as far as control would go? */
static bool after_convincing(const struct neighbourhood *here)
{
        for (unsigned i = 0; i < here->after_count; i++) {
                if (!here->after[i].plausible)
                        return false;
                if (is_flow_end(&here->after[i]) || i + 1 == AFTER_PLAUSIBLE)
                        return true;
        }
        return false;
}

static bool marked(const struct neighbourhood *here, uint64_t from, uint64_t to)
{
        return code_map_marked(here->segment, from, to);
}

/* How many instructions in front of the syscall could go with it. */
static unsigned before_limit(const struct neighbourhood *here, uint64_t floor)
{
        unsigned count = 0;

        while (count < here->before_count) {
                const struct instruction *next = &here->before[here->before_count - count - 1];

                if ((next->kind != DISPLACE_PLAIN && next->kind != DISPLACE_FILLER) ||
                    next->decoded.mnemonic == ZYDIS_MNEMONIC_INT3 || next->vaddr < floor ||
                    marked(here, next->vaddr + 1, next->vaddr + next->length + 1u))
                        break;
                count++;
        }
        return count;
}

/* Filler behind a flow end, until the window is long enough. */
static unsigned filler_measure(const struct neighbourhood *here, unsigned from, unsigned wanted)
{
        unsigned length = 0;

        for (unsigned i = from; i < here->after_count && length < wanted; i++) {
                const struct instruction *next = &here->after[i];

                if (next->kind != DISPLACE_FILLER || marked(here, next->vaddr, next->vaddr + next->length))
                        break;
                length += next->length;
        }
        return length;
}

static void choice_consider(const struct choice *choice, struct choice *best)
{
        if (choice->length >= FL_SITE_WINDOW_MIN && choice->length <= FL_SITE_WINDOW_MAX &&
            (best->length == 0 || choice->cost < best->cost))
                *best = *choice;
}

/* All choices with `before` instructions in front, which make choice.length and choice.cost so far. */
static void after_extend(const struct neighbourhood *here, struct choice choice, struct choice *best)
{
        choice_consider(&choice, best);
        for (unsigned i = 0; i < here->after_count && choice.length < FL_SITE_WINDOW_MIN; i++) {
                const struct instruction *next = &here->after[i];

                if (next->kind == DISPLACE_NEVER || next->decoded.mnemonic == ZYDIS_MNEMONIC_INT3 ||
                    marked(here, next->vaddr, next->vaddr + next->length))
                        return;
                choice.after++;
                choice.cost += next->cost;
                choice.length += next->length;
                if (next->kind == DISPLACE_END) {
                        if (choice.length < FL_SITE_WINDOW_MIN)
                                choice.filler =
                                        filler_measure(here, i + 1, FL_SITE_WINDOW_MIN - choice.length);
                        choice.length += choice.filler;
                        choice_consider(&choice, best);
                        return;
                }
                choice_consider(&choice, best);
        }
}

/* The cheapest window. Where a window in front costs as much as one behind, the one in front: mostly that is
 * the instruction that sets rax, which nobody jumps to and which cannot fault. */
static bool choice_make(const struct neighbourhood *here, uint64_t floor, struct choice *ret_choice)
{
        unsigned limit = before_limit(here, floor);
        struct choice step = {.length = FL_SITE_SYSCALL}, best = {0}, behind = {0};

        if (marked(here, here->syscall + 1, here->syscall + FL_SITE_SYSCALL))
                return false;
        after_extend(here, step, &behind);
        while (step.before < limit && step.length < FL_SITE_WINDOW_MIN) {
                const struct instruction *next = &here->before[here->before_count - step.before - 1];

                step.before++;
                step.cost += next->cost;
                step.length += next->length;
                after_extend(here, step, &best);
        }
        choice_consider(&behind, &best);
        *ret_choice = best;
        return best.length > 0;
}

static bool choice_encode(const struct neighbourhood *here, const struct choice *choice, struct fl_site *site,
                          struct displaced *displaced)
{
        const struct instruction *first = &here->before[here->before_count - choice->before];
        uint64_t start = choice->before ? first->vaddr : here->syscall;

        for (unsigned i = 0; i < choice->before; i++)
                if (!displaced_append(displaced, &first[i], start))
                        return false;
        site->before_size = (uint16_t)displaced->size;
        for (unsigned i = 0; i < choice->after; i++)
                if (!displaced_append(displaced, &here->after[i], start))
                        return false;
        site->after_size = (uint16_t)(displaced->size - site->before_size);
        site->relocations = (uint16_t)displaced->relocation_count;
        site->start = here->segment->offset + (start - here->segment->vaddr);
        site->length = (uint8_t)choice->length;
        site->syscall_at = (uint8_t)(here->syscall - start);
        site->tactic =
                (uint8_t)((choice->before ? FL_TACTIC_BEFORE : 0) | (choice->after ? FL_TACTIC_AFTER : 0));
        if (choice->after && here->after[choice->after - 1].kind == DISPLACE_END)
                site->flags |= FL_SITE_ENDS;
        if (choice->before && instructions_repeat(first, choice->before))
                site->flags |= FL_SITE_REPEATS;
        site->original = fl_site_hash(site, bytes_at(here, start));
        return true;
}

static void site_none(const struct neighbourhood *here, uint16_t nr, struct fl_site *ret_site)
{
        *ret_site = (struct fl_site){
                .start = here->segment->offset + (here->syscall - here->segment->vaddr),
                .length = FL_SITE_SYSCALL,
                .nr = nr,
                .tactic = FL_TACTIC_NONE,
        };
        ret_site->original = fl_site_hash(ret_site, bytes_at(here, here->syscall));
}

enum window_refusal window_choose(const struct code_map *map, const ZydisDecoder *decoder,
                                  const struct candidate *candidate, uint64_t floor, struct fl_site *ret_site,
                                  struct displaced *ret_displaced)
{
        const struct code_region *region = &map->regions[candidate->region];
        struct neighbourhood here;
        struct choice choice;
        struct fl_site site;
        uint16_t nr = FL_SITE_NR_UNKNOWN;

        here.segment = &map->segments[region->segment];
        here.syscall = candidate->vaddr;
        here.end = region->end;
        here.before_count = here.after_count = 0;
        memset(ret_displaced, 0, sizeof *ret_displaced);
        site_none(&here, nr, ret_site);
        if (candidate->trust == TRUST_NONE || !before_decode(&here, decoder, candidate->back))
                return WINDOW_NOT_CODE;
        after_decode(&here, decoder);
        if (candidate->trust != TRUST_FUNCTION && !after_convincing(&here))
                return WINDOW_NOT_CODE;

        nr = number_find(here.segment, here.before, here.before_count, here.syscall);
        if (nr == FL_SITE_NR_UNKNOWN)
                nr = number_guess(map, here.segment, decoder, here.before, here.before_count, here.syscall);
        site_none(&here, nr, ret_site);
        if (nr == NR_RT_SIGRETURN)
                return WINDOW_SIGRETURN;
        site = (struct fl_site){.nr = nr};
        if (!choice_make(&here, floor, &choice) || !choice_encode(&here, &choice, &site, ret_displaced))
                return WINDOW_NO_ROOM;
        *ret_site = site;
        return WINDOW_FITS;
}

const char *window_refusal_text(enum window_refusal refusal)
{
        switch (refusal) {
        case WINDOW_FITS:
                return "fits";
        case WINDOW_NOT_CODE:
                return "perhaps not code";
        case WINDOW_NO_ROOM:
                return "no room";
        case WINDOW_SIGRETURN:
                return "sigreturn";
        }
        return "?";
}

const char *site_tactic_text(enum fl_site_tactic tactic)
{
        static const char *const texts[] = {
                [FL_TACTIC_NONE] = "none",           [FL_TACTIC_BEFORE] = "before",
                [FL_TACTIC_AFTER] = "after",         [FL_TACTIC_BOTH] = "both",
                [FL_TACTIC_PADDING] = "padding",     [FL_TACTIC_NEIGHBOUR] = "neighbour",
                [FL_TACTIC_PUNNED] = "punned",       [FL_TACTIC_PREFIXED] = "prefixed",
                [FL_TACTIC_SUCCESSOR] = "successor",
        };

        return texts[tactic];
}
