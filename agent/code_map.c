/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/code_map.h"

#include "agent/kernel.h"
#include "agent/process.h"
#include "agent/pun.h"
#include "proto/ring.h"

#include "agent/poison.h"

struct entry {
        uint64_t start, end; /* end 0: free; written last */
        uint64_t trampolines, length;
        uint64_t puns[AG_PUNS_MAX]; /* pages of stubs; 0 behind the last */
        uint64_t has_sides;         /* some syscall has its jump elsewhere in the code */
};

static struct entry entries[AG_CODE_MAX];
static uint32_t used; /* entries below this index have been used at some time */

/* Held for a few instructions with every signal blocked. The lock's word lies in the page that fork wipes, so
 * a child never finds it taken by a thread that it does not have. */
static void lock(void)
{
        while (__atomic_exchange_n(&ag_process->code_lock, 1, __ATOMIC_ACQUIRE))
                ag_kernel3(__NR_sched_yield, 0, 0, 0);
}

static void unlock(void)
{
        fl_store_release(&ag_process->code_lock, 0);
}

bool ag_code_map_room(void)
{
        if (fl_load_once_32(&used) < AG_CODE_MAX)
                return true;
        for (unsigned i = 0; i < AG_CODE_MAX; i++) {
                if (fl_load_once_64(&entries[i].end) == 0)
                        return true;
        }
        return false;
}

/* From the notes of its trampolines. */
static void keep_sides(struct entry *entry)
{
        uint64_t end = entry->trampolines + entry->length, count = *ag_note_count(end);
        unsigned kept = 0;

        entry->has_sides = 0;
        for (uint64_t i = 0; i < count; i++) {
                const struct ag_note *note = ag_note_at(end, i);

                if (note->stub && kept < AG_PUNS_MAX)
                        entry->puns[kept++] = ag_page_of(ag_note_stub(note, entry->trampolines));
                entry->has_sides |= ag_note_side_jump(note, entry->trampolines) != 0;
        }
        while (kept < AG_PUNS_MAX)
                entry->puns[kept++] = 0;
}

void ag_code_map_add(uint64_t start, uint64_t end, uint64_t trampolines, uint64_t length)
{
        lock();
        for (unsigned i = 0; i < AG_CODE_MAX; i++) {
                if (entries[i].end)
                        continue;
                entries[i].start = start;
                entries[i].trampolines = trampolines;
                entries[i].length = length;
                keep_sides(&entries[i]);
                fl_store_release_64(&entries[i].end, end);
                if (used <= i)
                        fl_store_once_32(&used, i + 1);
                break;
        }
        unlock();
}

static bool covered(const struct entry *entry, uint64_t start, uint64_t end)
{
        uint64_t entry_end = fl_load_once_64(&entry->end);

        return entry_end && fl_load_once_64(&entry->start) >= start && entry_end <= end;
}

static bool touched(const struct entry *entry, uint64_t start, uint64_t end)
{
        return fl_load_once_64(&entry->end) > start && fl_load_once_64(&entry->start) < end;
}

static bool any(bool (*is)(const struct entry *, uint64_t, uint64_t), uint64_t start, uint64_t end)
{
        uint32_t count = fl_load_once_32(&used);

        for (unsigned i = 0; i < count && i < AG_CODE_MAX; i++) {
                if (is(&entries[i], start, end))
                        return true;
        }
        return false;
}

bool ag_code_map_covers(uint64_t start, uint64_t end)
{
        return any(covered, start, end);
}

bool ag_code_map_touches(uint64_t start, uint64_t end)
{
        return any(touched, start, end);
}

void ag_code_map_visit(uint64_t start, uint64_t end, void (*function)(uint64_t trampolines, uint64_t length))
{
        lock();
        for (unsigned i = 0; i < used; i++) {
                if (touched(&entries[i], start, end))
                        function(entries[i].trampolines, entries[i].length);
        }
        unlock();
}

static bool within(uint64_t address, uint64_t start, uint64_t length)
{
        return address - start < length; /* below start it wraps round */
}

/* The site whose note it is: where its syscall instruction is that runs. */
static uint64_t native_of(const struct ag_note *note, uint64_t trampolines)
{
        return note->flags & AG_NOTE_IN_PLACE ? ag_note_window(note, trampolines) + note->syscall_at
                                              : trampolines + note->trampoline + ag_note_go(note);
}

static bool is_of_site(const struct ag_note *note, uint64_t trampolines, uint64_t address)
{
        return address == native_of(note, trampolines) ||
               within(address, trampolines + note->trampoline, note->size) ||
               (note->stub && address == ag_note_stub(note, trampolines)) ||
               address == ag_note_side_jump(note, trampolines);
}

static bool find_site(uint64_t address, uint64_t trampolines, uint64_t length, struct ag_site *ret_site)
{
        uint64_t end = trampolines + length, count = *ag_note_count(end);

        for (uint64_t i = 0; i < count; i++) {
                const struct ag_note *note = ag_note_at(end, i);

                if (!is_of_site(note, trampolines, address))
                        continue;
                ret_site->window = ag_note_window(note, trampolines);
                ret_site->trampoline = trampolines + note->trampoline;
                ret_site->native = native_of(note, trampolines);
                ret_site->note = *note;
                return true;
        }
        return false;
}

/* Is address in a trampoline of the entry, or in a stub's page? */
static bool is_trampoline(const struct entry *entry, uint64_t address)
{
        uint64_t page = ag_page_of(address);

        if (within(address, fl_load_once_64(&entry->trampolines), fl_load_once_64(&entry->length)))
                return true;
        for (unsigned i = 0; i < AG_PUNS_MAX && fl_load_once_64(&entry->puns[i]); i++) {
                if (fl_load_once_64(&entry->puns[i]) == page)
                        return true;
        }
        return false;
}

static bool is_code(const struct entry *entry, uint64_t address)
{
        uint64_t start = fl_load_once_64(&entry->start);

        return within(address, start, fl_load_once_64(&entry->end) - start);
}

static bool is_side_jump(const struct entry *entry, uint64_t address)
{
        uint64_t end = entry->trampolines + entry->length, count = *ag_note_count(end);

        for (uint64_t i = 0; i < count; i++) {
                if (ag_note_side_jump(ag_note_at(end, i), entry->trampolines) == address)
                        return true;
        }
        return false;
}

bool ag_code_map_is_ours(uint64_t address)
{
        uint32_t count = fl_load_once_32(&used);

        for (unsigned i = 0; i < count && i < AG_CODE_MAX; i++) {
                const struct entry *entry = &entries[i];

                if (fl_load_once_64(&entry->end) == 0)
                        continue;
                if (is_trampoline(entry, address))
                        return true;
                if (is_code(entry, address) && fl_load_once_64(&entry->has_sides))
                        return is_side_jump(entry, address);
        }
        return false;
}

bool ag_code_map_site(uint64_t address, struct ag_site *ret_site)
{
        uint32_t count = fl_load_once_32(&used);

        for (unsigned i = 0; i < count && i < AG_CODE_MAX; i++) {
                const struct entry *entry = &entries[i];

                if (fl_load_once_64(&entry->end) &&
                    (is_code(entry, address) || is_trampoline(entry, address)) &&
                    find_site(address, fl_load_once_64(&entry->trampolines), fl_load_once_64(&entry->length),
                              ret_site))
                        return true;
        }
        return false;
}

void ag_code_map_gone(uint64_t start, uint64_t end)
{
        lock();
        for (unsigned i = 0; i < used; i++) {
                if (!covered(&entries[i], start, end))
                        continue;
                for (unsigned n = 0; n < AG_PUNS_MAX && entries[i].puns[n]; n++)
                        ag_munmap(entries[i].puns[n], AG_PAGE);
                ag_munmap(entries[i].trampolines, entries[i].length);
                fl_store_release_64(&entries[i].end, 0);
        }
        unlock();
}
