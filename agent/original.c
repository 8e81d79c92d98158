/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/original.h"

#include <linux/mman.h>
#include <stdbool.h>

#include "agent/bytes.h"
#include "agent/kernel.h"
#include "agent/payload.h"
#include "agent/pun.h"
#include "agent/trampoline.h"

#include "agent/poison.h"

void ag_original_keep(const struct fl_site *site, const uint8_t *window, uint8_t *out)
{
        ag_copy(out, window, site->length);
        ag_copy(out + site->length, window + site->side, site->side_length);
}

/* Is there a jump from at into the mapping? */
static bool leads_into(uint64_t at, uint64_t trampolines, uint64_t length)
{
        const uint8_t *bytes = ag_pointer(at);
        int32_t distance;

        if (!ag_readable(at) || !ag_readable(at + 4) || bytes[0] != 0xe9)
                return false;
        ag_copy(&distance, bytes + 1, sizeof distance);
        return at + 5 + (uint64_t)(int64_t)distance - trampolines < length;
}

static bool is_patched(const struct ag_note *note, uint64_t window, uint64_t trampolines, uint64_t length)
{
        uint64_t last = FL_SITE_SYSCALL + FL_SITE_WINDOW_MIN - 1;

        if (note->stub)
                return ag_readable(window) && ag_readable(window + last) &&
                       ag_pun_stands(ag_pointer(window), note->stub);
        return leads_into(note->side_length ? window + (uint64_t)(int64_t)note->side : window, trampolines,
                          length);
}

static void put_back(uint64_t at, const uint8_t *bytes, uint64_t size)
{
        uint64_t start = ag_page_of(at), length = ag_page_of(at + size + AG_PAGE - 1) - start;

        if (ag_mprotect(start, length, PROT_READ | PROT_WRITE) < 0)
                return;
        ag_copy(ag_pointer(at), bytes, size);
        ag_mprotect(start, length, PROT_READ | PROT_EXEC);
}

void ag_original_restore(uint64_t trampolines, uint64_t length)
{
        uint64_t end = trampolines + length, count = *ag_note_count(end);

        for (uint64_t i = 0; i < count; i++) {
                const struct ag_note *note = ag_note_at(end, i);
                const uint8_t *bytes = ag_pointer(trampolines + note->trampoline + note->size);
                uint64_t window = ag_note_window(note, trampolines);
                uint64_t side = window + (uint64_t)(int64_t)note->side;

                if (!is_patched(note, window, trampolines, length))
                        continue;
                put_back(window, bytes, note->length);
                if (note->side_length)
                        put_back(side, bytes + note->length, note->side_length);
        }
}
