/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/trampoline.h"

#include "agent/bytes.h"
#include "agent/kernel.h"
#include "agent/pun.h"

#include "agent/poison.h"

#define INT3 0xcc

/* Where the next byte goes, as bytes and as the address at which it will run. */
struct writer {
        uint8_t *out;
        uint64_t at;
        bool fits; /* every displacement so far */
};

static void put(struct writer *writer, const void *bytes, uint64_t size)
{
        ag_copy(writer->out, bytes, size);
        writer->out += size;
        writer->at += size;
}

static bool displacement(uint64_t target, uint64_t next, int32_t *ret_displacement)
{
        int64_t distance = (int64_t)(target - next);

        if (distance < INT32_MIN || distance > INT32_MAX)
                return false;
        *ret_displacement = (int32_t)distance;
        return true;
}

/* opcode bytes followed by the displacement of target. */
static void put_relative(struct writer *writer, const void *opcode, uint64_t size, uint64_t target)
{
        int32_t value = 0;

        put(writer, opcode, size);
        writer->fits &= displacement(target, writer->at + 4, &value);
        put(writer, &value, 4);
}

/* Copies one part of the displaced code, bytes [first, first + size) of the run, and relocates it. */
static void put_displaced(struct writer *writer, const struct ag_plan *plan, const struct fl_site *site,
                          uint64_t window, unsigned first, unsigned size)
{
        const struct fl_relocation *relocations = ag_plan_relocations(plan, site);
        uint8_t *part = writer->out;
        uint64_t at = writer->at;

        put(writer, ag_plan_code(plan, site) + first, size);
        for (unsigned i = 0; i < site->relocations; i++) {
                int32_t value = 0;

                if (relocations[i].at < first || relocations[i].at >= first + size)
                        continue;
                writer->fits &= displacement(window + (uint64_t)relocations[i].target,
                                             at + (relocations[i].next - first), &value);
                ag_copy(part + (relocations[i].at - first), &value, 4);
        }
}

/* Leaves for native at once, without a change to the flags, where the number in rax is none of ours. */
static void put_number_check(struct writer *writer, uint64_t header)
{
        static const uint8_t number[] = {0x44, 0x0f, 0xb7, 0xd8};      /* movzwl %ax, %r11d */
        static const uint8_t table[] = {0x48, 0x8b, 0x0d};             /* mov table(%rip), %rcx */
        static const uint8_t entry[] = {0x42, 0x0f, 0xb6, 0x0c, 0x19}; /* movzbl (%rcx,%r11), %ecx */
        static const uint8_t leave[] = {0xe3, 0x0d};                   /* jrcxz over lea and jmp */

        put(writer, number, sizeof number);
        put_relative(writer, table, sizeof table, header + offsetof(struct ag_trampoline_header, hot));
        put(writer, entry, sizeof entry);
        put(writer, leave, sizeof leave);
}

static const uint8_t lea_rcx[] = {0x48, 0x8d, 0x0d}, jmp_memory[] = {0xff, 0x25}, jmp = 0xe9,
                     jmp_short = 0xeb;

/* Behind the way to the gate: the syscall and what follows it, displaced. */
static void put_syscall(struct writer *writer, const struct ag_plan *plan, const struct fl_site *site,
                        uint64_t window)
{
        static const uint8_t instruction[] = {0x0f, 0x05};

        put(writer, instruction, sizeof instruction);
        put_relative(writer, lea_rcx, sizeof lea_rcx, window + site->syscall_at + 2);
        if (!fl_site_has_side(site))
                put_displaced(writer, plan, site, window, site->before_size, site->after_size);
        if (!(site->flags & FL_SITE_ENDS))
                put_relative(writer, &jmp, 1, window + site->length);
}

/* Those that make room. */
static void put_neighbours(struct writer *writer, const struct ag_plan *plan, const struct fl_site *site,
                           uint64_t side)
{
        put_displaced(writer, plan, site, side, 0, site->after_size);
        put_relative(writer, &jmp, 1, side + site->side_length);
}

static uint64_t neighbours_size(const struct fl_site *site)
{
        return fl_site_makes_room(site) ? site->after_size + 5u : 0;
}

uint64_t ag_trampoline_write(const struct ag_plan *plan, const struct fl_site *site, uint64_t window,
                             uint64_t header, uint64_t at, uint8_t *out)
{
        struct writer writer = {.out = out, .at = at, .fits = true};
        bool in_place = ag_site_in_place(site), unknown = site->nr == FL_SITE_NR_UNKNOWN;
        uint64_t native = window + site->syscall_at;

        if (fl_site_makes_room(site))
                put_neighbours(&writer, plan, site, window + (uint64_t)(int64_t)site->side);
        put_displaced(&writer, plan, site, window, 0, site->before_size);
        if (unknown)
                put_number_check(&writer, header);
        put_relative(&writer, lea_rcx, sizeof lea_rcx, in_place ? native : writer.at + 7 + 6);
        put_relative(&writer, jmp_memory, sizeof jmp_memory,
                     header + offsetof(struct ag_trampoline_header, gate));
        if (!in_place)
                put_syscall(&writer, plan, site, window);
        else if (unknown)
                put_relative(&writer, &jmp, 1, native);
        return writer.fits ? writer.at - at : 0;
}

static void write_jump(uint8_t *at, int32_t value)
{
        at[0] = jmp;
        ag_copy(at + 1, &value, 4);
}

/* The short jump last: until then nothing leads to the side but what always did. */
static bool write_side(const struct fl_site *site, uint8_t *window, uint64_t trampoline)
{
        bool neighbour = site->tactic == FL_TACTIC_NEIGHBOUR;
        uint8_t *side = window + site->side, *jump = window + fl_site_side_jump(site);
        int32_t to_syscall, to_neighbours;

        if (!displacement(trampoline + neighbours_size(site), ag_address(jump) + 5, &to_syscall) ||
            !displacement(trampoline, ag_address(side) + 5, &to_neighbours))
                return false;
        if (neighbour)
                write_jump(side, to_neighbours);
        write_jump(jump, to_syscall);
        ag_fill(jump + 5, INT3, (uint64_t)(side + site->side_length - (jump + 5)));
        window[0] = jmp_short;
        window[1] = (uint8_t)(fl_site_side_jump(site) - 2);
        return true;
}

bool ag_window_write(const struct fl_site *site, uint8_t *window, uint64_t trampoline, int32_t *ret_stub)
{
        int32_t value;

        *ret_stub = 0;
        if (fl_site_is_punned(site))
                return ag_pun_write(site, window, trampoline + neighbours_size(site), trampoline, ret_stub);
        if (fl_site_has_side(site))
                return write_side(site, window, trampoline);
        if (!displacement(trampoline, ag_address(window) + 5, &value))
                return false;
        write_jump(window, value);
        ag_fill(window + 5, INT3, (ag_site_in_place(site) ? site->syscall_at : site->length) - 5u);
        return true;
}

bool ag_window_check(const struct fl_site *site, const uint8_t *window)
{
        return window[site->syscall_at] == 0x0f && window[site->syscall_at + 1] == 0x05 &&
               fl_site_hash(site, window) == site->original;
}

void ag_note_write(struct ag_note *note, const struct fl_site *site, uint64_t window, uint64_t header,
                   uint64_t at, uint64_t size, int32_t stub)
{
        /* Instructions that made room are not part of the site. */
        at += neighbours_size(site);
        size -= neighbours_size(site);
        *note = (struct ag_note){
                .window = (int32_t)(window - header),
                .stub = stub,
                .trampoline = (uint32_t)(at - header),
                .size = (uint16_t)size,
                .nr = site->nr,
                .before_size = (uint8_t)site->before_size,
                .syscall_at = site->syscall_at,
                .length = site->length,
                .side = site->side,
                .side_length = site->side_length,
                .flags = (uint8_t)((ag_site_in_place(site) ? AG_NOTE_IN_PLACE : 0) |
                                   (site->flags & FL_SITE_REPEATS ? AG_NOTE_REPEATS : 0)),
        };
}
