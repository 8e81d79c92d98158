/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are on the way from a site to its trampoline, and which are the program's own. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/code_map.h"
#include "agent/process.h"

#define CODE 0x10000000ull /* nothing is there: the map holds numbers alone */

enum { IN_PLACE, PADDING, NEIGHBOUR, PUNNED, KINDS };

static uint64_t trampolines;

static const struct ag_note notes[KINDS] = {
        [IN_PLACE] = {.trampoline = 0x10,
                      .size = 18,
                      .before_size = 5,
                      .syscall_at = 5,
                      .length = 7,
                      .flags = AG_NOTE_IN_PLACE},
        [PADDING] = {.trampoline = 0x40, .size = 27, .length = 2, .side = 40, .side_length = 5},
        [NEIGHBOUR] = {.trampoline = 0x80, .size = 27, .length = 2, .side = -40, .side_length = 11},
        [PUNNED] = {.trampoline = 0xc0,
                    .size = 27,
                    .length = 2,
                    .side = 2,
                    .side_length = 3,
                    .stub = -0x9000000},
};

static uint64_t window(unsigned kind)
{
        return CODE + 0x100 + 0x100 * kind;
}

static void map_fill(void)
{
        void *memory =
                mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

        cr_assert_neq(memory, MAP_FAILED);
        trampolines = (uint64_t)(uintptr_t)memory;
        for (unsigned i = 0; i < KINDS; i++) {
                struct ag_note *note = ag_note_at(trampolines + 4096, i);

                *note = notes[i];
                note->window = (int32_t)(window(i) - trampolines);
                note->nr = 4;
        }
        *ag_note_count(trampolines + 4096) = KINDS;
        ag_process_init();
        ag_code_map_add(CODE, CODE + 4096, trampolines, 4096);
}

/* The site that address is of; KINDS: none. */
static unsigned site_of(uint64_t address)
{
        struct ag_site site;

        if (!ag_code_map_site(address, &site))
                return KINDS;
        for (unsigned i = 0; i < KINDS; i++) {
                if (site.window == window(i))
                        return i;
        }
        return KINDS;
}

Test(code_map, the_way_to_a_trampoline, .init = map_fill)
{
        const uint64_t padding = window(PADDING) + 40, neighbour = window(NEIGHBOUR) - 40 + 5,
                       stub = window(PUNNED) - 0x9000000;

        cr_expect(ag_code_map_is_ours(padding));
        cr_expect_eq(site_of(padding), PADDING);
        cr_expect(ag_code_map_is_ours(neighbour));
        cr_expect_eq(site_of(neighbour), NEIGHBOUR);
        cr_expect(ag_code_map_is_ours(stub));
        cr_expect_eq(site_of(stub), PUNNED);
}

Test(code_map, trampolines, .init = map_fill)
{
        for (unsigned i = 0; i < KINDS; i++) {
                for (unsigned at = 0; at < notes[i].size; at++) {
                        cr_expect(ag_code_map_is_ours(trampolines + notes[i].trampoline + at));
                        cr_expect_eq(site_of(trampolines + notes[i].trampoline + at), i);
                }
        }
}

/* Also where instructions begin that made room, and the instruction in place, whose site is known. */
Test(code_map, the_programs_own, .init = map_fill)
{
        for (unsigned i = 0; i < KINDS; i++)
                cr_expect_not(ag_code_map_is_ours(window(i)));
        cr_expect_not(ag_code_map_is_ours(window(NEIGHBOUR) - 40));
        cr_expect_not(ag_code_map_is_ours(window(PUNNED) + 2));
        cr_expect_not(ag_code_map_is_ours(window(PADDING) + 39));
        cr_expect_not(ag_code_map_is_ours(window(IN_PLACE) + 5));
        cr_expect_eq(site_of(window(IN_PLACE) + 5), IN_PLACE);
        cr_expect_not(ag_code_map_is_ours(CODE - 1));
        cr_expect_not(ag_code_map_is_ours(CODE + 4096));
}

/* Code that is unmapped is nobody's any more, and the next that is there has no sides of its. */
Test(code_map, gone, .init = map_fill)
{
        ag_code_map_gone(CODE, CODE + 4096);
        cr_expect_not(ag_code_map_is_ours(window(PADDING) + 40));
        cr_expect_not(ag_code_map_is_ours(window(PUNNED) - 0x9000000));
        cr_expect_eq(site_of(window(PADDING) + 40), KINDS);
}
