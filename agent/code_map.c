/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/code_map.h"

#include "agent/kernel.h"
#include "agent/process.h"
#include "proto/ring.h"

#include "agent/poison.h"

struct entry {
        uint64_t start, end; /* end 0: free; written last */
        uint64_t trampolines, length;
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

void ag_code_map_add(uint64_t start, uint64_t end, uint64_t trampolines, uint64_t length)
{
        lock();
        for (unsigned i = 0; i < AG_CODE_MAX; i++) {
                if (entries[i].end)
                        continue;
                entries[i].start = start;
                entries[i].trampolines = trampolines;
                entries[i].length = length;
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

bool ag_code_map_is_trampoline(uint64_t address)
{
        uint32_t count = fl_load_once_32(&used);

        for (unsigned i = 0; i < count && i < AG_CODE_MAX; i++) {
                if (fl_load_once_64(&entries[i].end) &&
                    within(address, fl_load_once_64(&entries[i].trampolines),
                           fl_load_once_64(&entries[i].length)))
                        return true;
        }
        return false;
}

static bool find_site(uint64_t address, uint64_t trampolines, uint64_t length, struct ag_site *ret_site)
{
        uint64_t end = trampolines + length, count = *ag_note_count(end);

        for (uint64_t i = 0; i < count; i++) {
                const struct ag_note *note = ag_note_at(end, i);
                struct ag_site site = {.window = trampolines + (uint64_t)(int64_t)note->window,
                                       .trampoline = trampolines + note->trampoline};

                site.native = note->flags & AG_NOTE_IN_PLACE ? site.window + note->syscall_at
                                                             : site.trampoline + ag_note_go(note);
                if (address != site.native && !within(address, site.trampoline, note->size))
                        continue;
                site.note = *note;
                *ret_site = site;
                return true;
        }
        return false;
}

bool ag_code_map_site(uint64_t address, struct ag_site *ret_site)
{
        uint32_t count = fl_load_once_32(&used);

        for (unsigned i = 0; i < count && i < AG_CODE_MAX; i++) {
                uint64_t start = fl_load_once_64(&entries[i].start), end = fl_load_once_64(&entries[i].end);
                uint64_t trampolines = fl_load_once_64(&entries[i].trampolines);
                uint64_t length = fl_load_once_64(&entries[i].length);

                if (end && (within(address, start, end - start) || within(address, trampolines, length)) &&
                    find_site(address, trampolines, length, ret_site))
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
                ag_munmap(entries[i].trampolines, entries[i].length);
                fl_store_release_64(&entries[i].end, 0);
        }
        unlock();
}
