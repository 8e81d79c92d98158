/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pun.h"

#include <linux/mman.h>

#include "agent/bytes.h"
#include "agent/kernel.h"
#include "agent/place.h"
#include "agent/trampoline.h"

#include "agent/poison.h"

#define JUMP_SIZE 5u   /* of a jump rel32 */
#define STUB_SIZE 14u  /* of an indirect jump and the address that it reads */
#define VALUES    256u /* of a byte */
#define BETWEEN   64u  /* bytes from one stub to the other, more or less: xx - yy */
#define INT3      0xcc

static const uint8_t jump = 0xe9, prefix = 0x48;

/* The jumps of one site: the bytes that are to stand at its window, and where they lead. */
struct pun {
        uint8_t bytes[FL_SITE_SYSCALL + JUMP_SIZE];
        unsigned size;             /* of bytes */
        uint64_t stub, neighbours; /* addresses of the stubs: of the syscall, and of what follows it or 0 */
};

/* Where the jump leads whose opcode is at pun->bytes[at]. */
static uint64_t target(const struct pun *pun, unsigned at, uint64_t window)
{
        int32_t displacement;

        ag_copy(&displacement, pun->bytes + at + 1, sizeof displacement);
        return window + at + JUMP_SIZE + (uint64_t)(int64_t)displacement;
}

/* Of the bytes that follow as they are: at is 1 behind a prefix, else 0 with a byte to choose. */
static struct pun make_of_bytes(const uint8_t *window, unsigned at, unsigned value)
{
        struct pun pun = {.bytes = {at ? prefix : jump, at ? jump : (uint8_t)value}, .size = FL_SITE_SYSCALL};

        ag_copy(pun.bytes + pun.size, window + pun.size, at + JUMP_SIZE - pun.size);
        pun.stub = target(&pun, at, ag_address(window));
        return pun;
}

static struct pun make_successor(const uint8_t *window, unsigned value)
{
        const uint8_t x = (uint8_t)(value + BETWEEN), y = (uint8_t)value;
        struct pun pun = {.bytes = {jump, x, jump, y, jump, y, jump}, .size = FL_SITE_SYSCALL + JUMP_SIZE};

        pun.stub = target(&pun, 0, ag_address(window));
        pun.neighbours = target(&pun, 2, ag_address(window));
        return pun;
}

/* Is all of both stubs in one page? */
static bool fits_page(const struct pun *pun)
{
        uint64_t page = ag_page_of(pun->stub);

        return ag_page_of(pun->stub + STUB_SIZE - 1) == page &&
               (!pun->neighbours ||
                (ag_page_of(pun->neighbours) == page && ag_page_of(pun->neighbours + STUB_SIZE - 1) == page));
}

/* The first of the site's possible puns whose page could be mapped. */
static bool place(const struct fl_site *site, const uint8_t *window, struct pun *ret_pun)
{
        uint64_t tried = 0;

        for (unsigned value = 0; value < (site->tactic == FL_TACTIC_PREFIXED ? 1 : VALUES); value++) {
                struct pun pun = site->tactic == FL_TACTIC_SUCCESSOR
                                         ? make_successor(window, value)
                                         : make_of_bytes(window, site->tactic == FL_TACTIC_PREFIXED, value);
                uint64_t page = ag_page_of(pun.stub);

                if (!fits_page(&pun) || page == tried ||
                    (int64_t)(ag_address(window) - pun.stub) < FL_PUN_NEAREST)
                        continue;
                if (ag_place_at(page, AG_PAGE)) {
                        *ret_pun = pun;
                        return true;
                }
                tried = page;
        }
        return false;
}

static void write_stub(uint64_t stub, uint64_t trampoline)
{
        static const uint8_t jump_to_next[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *(%rip) */

        ag_copy(ag_pointer(stub), jump_to_next, sizeof jump_to_next);
        ag_copy(ag_pointer(stub + sizeof jump_to_next), &trampoline, sizeof trampoline);
}

bool ag_pun_write(const struct fl_site *site, uint8_t *window, uint64_t trampoline, uint64_t neighbours,
                  int32_t *ret_stub)
{
        struct pun pun;

        if (!place(site, window, &pun))
                return false;
        write_stub(pun.stub, trampoline);
        if (pun.neighbours)
                write_stub(pun.neighbours, neighbours);
        if (ag_mprotect(ag_page_of(pun.stub), AG_PAGE, PROT_READ | PROT_EXEC) < 0) {
                ag_munmap(ag_page_of(pun.stub), AG_PAGE);
                return false;
        }
        ag_place_name(ag_page_of(pun.stub), AG_PAGE);
        if (pun.neighbours)
                ag_fill(window + pun.size, INT3, site->side + site->side_length - pun.size);
        ag_copy(window, pun.bytes, pun.size);
        *ret_stub = (int32_t)(pun.stub - ag_address(window));
        return true;
}

bool ag_pun_stands(const uint8_t *window, int32_t stub)
{
        unsigned at = window[0] == prefix;
        int32_t displacement;

        ag_copy(&displacement, window + at + 1, sizeof displacement);
        return window[at] == jump && (int64_t)at + JUMP_SIZE + displacement == stub;
}

void ag_pun_unmap(uint64_t trampolines, uint64_t length)
{
        uint64_t end = trampolines + length, count = *ag_note_count(end);

        for (uint64_t i = 0; i < count; i++) {
                const struct ag_note *note = ag_note_at(end, i);

                if (note->stub)
                        ag_munmap(ag_page_of(ag_note_stub(note, trampolines)), AG_PAGE);
        }
}
