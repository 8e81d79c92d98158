/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/patch.h"

#include <linux/mman.h>

#include "agent/bytes.h"
#include "agent/code_map.h"
#include "agent/fault.h"
#include "agent/gate.h"
#include "agent/kernel.h"
#include "agent/original.h"
#include "agent/place.h"
#include "agent/process.h"
#include "agent/pun.h"
#include "agent/trampoline.h"

#include "agent/poison.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool ag_patch_wants(const struct fl_site *site)
{
        if (site->tactic == FL_TACTIC_NONE)
                return false;
        return site->nr == FL_SITE_NR_UNKNOWN || ag_hot[site->nr] != 0;
}

static bool holds(const struct ag_mapping *mapping, uint64_t start, uint64_t length)
{
        return start >= mapping->offset && start - mapping->offset < mapping->length &&
               start - mapping->offset + length <= mapping->length;
}

/* The mapping that holds all that a site overwrites, or NULL. Not one that the program may write to: who can
 * change code expects to find it as it was. */
static const struct ag_mapping *mapping_of(const struct fl_site *site, const struct ag_mapping *code,
                                           unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                if (!(code[i].protection & PROT_WRITE) && holds(&code[i], site->start, site->length) &&
                    holds(&code[i], site->start + (uint64_t)(int64_t)site->side, site->side_length))
                        return &code[i];
        }
        return NULL;
}

/* musl's cancellation point: its signal handler compares the interrupted address with the labels round this
 * very syscall (src/thread/x86_64/syscall_cp.s), so the instruction has to run where it stands. */
static bool is_cancellation_point(const struct fl_site *site, const uint8_t *window)
{
        static const uint8_t code[] = {0x4c, 0x89, 0x5c, 0x24,
                                       0x08, 0x0f, 0x05}; /* mov %r11, 8(%rsp); syscall */

        if (site->nr != FL_SITE_NR_UNKNOWN || site->syscall_at < 5)
                return false;
        for (unsigned i = 0; i < sizeof code; i++) {
                if (window[site->syscall_at - 5 + i] != code[i])
                        return false;
        }
        return true;
}

static uint64_t trampolines_size(const struct ag_plan *plan, const struct ag_mapping *code, unsigned count)
{
        uint64_t size = 0;

        for (uint32_t i = 0; i < plan->site_count; i++) {
                if (ag_patch_wants(&plan->sites[i]) && mapping_of(&plan->sites[i], code, count))
                        size += ag_trampoline_size(&plan->sites[i]) + ag_original_size(&plan->sites[i]) +
                                AG_NOTE_SIZE;
        }
        return size ? size + sizeof(struct ag_trampoline_header) + AG_NOTES_SIZE : 0;
}

unsigned ag_patch_write(const struct ag_plan *plan, const struct ag_mapping *code, unsigned count,
                        uint64_t trampolines, uint64_t size)
{
        struct ag_trampoline_header *header = ag_pointer(trampolines);
        uint64_t at = trampolines + sizeof *header, end = trampolines + size;
        unsigned patched = 0, puns = 0;

        *header = (struct ag_trampoline_header){.gate = ag_address(ag_gate), .hot = ag_address(ag_hot)};
        for (uint32_t i = 0; i < plan->site_count; i++) {
                const struct fl_site *site = &plan->sites[i];
                const struct ag_mapping *mapping =
                        ag_patch_wants(site) ? mapping_of(site, code, count) : NULL;
                bool punned = fl_site_is_punned(site);
                uint64_t window, written;
                int32_t stub;

                if (!mapping || at + ag_trampoline_size(site) + ag_original_size(site) >
                                        ag_address(ag_note_at(end, patched)))
                        continue;
                window = mapping->address + (site->start - mapping->offset);
                if (!ag_window_check(site, ag_pointer(window)) || (punned && puns == AG_PUNS_MAX) ||
                    is_cancellation_point(site, ag_pointer(window)))
                        continue;
                written = ag_trampoline_write(plan, site, window, trampolines, at, ag_pointer(at));
                ag_original_keep(site, ag_pointer(window), ag_pointer(at + written));
                if (written && ag_window_write(site, ag_pointer(window), at, &stub)) {
                        ag_note_write(ag_note_at(end, patched), site, window, trampolines, at, written, stub);
                        at += written + ag_original_size(site);
                        patched++;
                        puns += punned;
                }
        }
        *ag_note_count(end) = patched;
        return patched;
}

/* Private copies of the pages that are going to change, a call for each row of them: a fault for each page
 * costs more. Without MADV_POPULATE_WRITE (Linux 5.14) faults make them. */
static void populate(const struct ag_plan *plan, const struct ag_mapping *code, unsigned count)
{
        uint64_t start = 0, end = 0;

        for (uint32_t i = 0; i < plan->site_count; i++) {
                const struct fl_site *site = &plan->sites[i];
                const struct ag_mapping *mapping =
                        ag_patch_wants(site) ? mapping_of(site, code, count) : NULL;
                uint64_t window, first, last;

                if (!mapping)
                        continue;
                window = mapping->address + (site->start - mapping->offset);
                first = ag_page_of(window);
                last = ag_page_of(window + site->length + AG_PAGE - 1);
                if (first > end || first < start) {
                        if (end > start)
                                ag_kernel3(__NR_madvise, start, end - start, MADV_POPULATE_WRITE);
                        start = first;
                }
                end = last > end || start == first ? last : end;
        }
        if (end > start)
                ag_kernel3(__NR_madvise, start, end - start, MADV_POPULATE_WRITE);
}

static bool protect(const struct ag_mapping *code, unsigned count, int protection)
{
        for (unsigned i = 0; i < count; i++) {
                int r = (int)ag_mprotect(code[i].address, code[i].length,
                                         protection ? protection : code[i].protection);

                if (r < 0)
                        return false;
        }
        return true;
}

/* The file's own code again; without it there is nothing to go on with. */
static void restore(int fd, const struct ag_mapping *code, unsigned count)
{
        for (unsigned i = 0; i < count; i++) {
                long r = ag_mmap(code[i].address, code[i].length, code[i].protection, MAP_PRIVATE | MAP_FIXED,
                                 fd, code[i].offset);

                if (ag_failed(r))
                        ag_fault(AG_FAULT_TEXT);
        }
}

static void apply(int fd, const struct ag_plan *plan, const struct ag_mapping *code, unsigned count)
{
        uint64_t size = trampolines_size(plan, code, count), length = ag_page_of(size + AG_PAGE - 1);
        uint64_t start = UINT64_MAX, end = 0, trampolines;
        bool patched = false;

        for (unsigned i = 0; i < count; i++) {
                start = code[i].address < start ? code[i].address : start;
                end = code[i].address + code[i].length > end ? code[i].address + code[i].length : end;
        }
        if (size == 0 || !ag_code_map_room())
                return;
        trampolines = ag_place_near(start, end, length);
        if (!trampolines)
                return;
        if (protect(code, count, PROT_READ | PROT_WRITE)) {
                populate(plan, code, count);
                patched = ag_patch_write(plan, code, count, trampolines, length) > 0 &&
                          ag_mprotect(trampolines, length, PROT_READ | PROT_EXEC) == 0;
        }
        /* Never patched code without its trampolines, never without its own protection. */
        if ((!patched || !protect(code, count, 0))) {
                restore(fd, code, count);
                ag_pun_unmap(trampolines, length);
                ag_munmap(trampolines, length);
                return;
        }
        ag_place_name(trampolines, length);
        ag_code_map_add(start, end, trampolines, length);
}

void ag_patch(int fd, const struct ag_mapping *code, unsigned count, struct ag_workspace *workspace)
{
        struct ag_plan plan;

        if (count == 0 || !ag_plan_fetch(fd, workspace->plan, sizeof workspace->plan, &plan))
                return;
        apply(fd, &plan, code, count);
        ag_plan_release(&plan);
}
