/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trampolines: the code that stands in for a patched window. All of one file's are in one mapping, which
 * begins with the two words that they read and lies within reach of a 32-bit displacement from every window.
 *
 *      displaced code that runs before the syscall
 *   [  movzwl %ax, %r11d ; mov hot(%rip), %rcx ; movzbl (%rcx,%r11), %ecx ; jrcxz go        number unknown ]
 *      lea native(%rip), %rcx ; jmp *gate(%rip)
 *
 * Where the jump to the trampoline fits in front of the syscall instruction, that stays, and is native: what
 * blocks in the kernel is seen by unwinders, cancellation, profilers where they expect it. The gate goes to
 * native + 2 where it has the result. Then only this follows, where the number is unknown:
 *
 * go:  jmp native
 *
 * Else the instruction is displaced too:
 *
 * go: native:
 *      syscall
 *      lea site(%rip), %rcx                  what the kernel leaves in rcx: the address behind the original
 *      displaced code that runs after it
 *      jmp back
 *
 * The instructions that make room (fl_site_makes_room) have a trampoline of their own in front of that:
 * they, and a jump back behind them.
 *
 * rcx and r11 are free from the syscall's start on, as the instruction destroys them; flags are not touched.
 *
 * Notes about the trampolines lie at the end of the mapping, in their order from the end down, and their
 * number behind them: signals that arrive in a trampoline are to be told of the site.
 */
#ifndef FLICKER_AGENT_TRAMPOLINE_H
#define FLICKER_AGENT_TRAMPOLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/plan.h"

/* At the start of a trampoline mapping. */
struct ag_trampoline_header {
        uint64_t gate; /* address of ag_gate */
        uint64_t hot;  /* address of a byte for each 16-bit number: zero runs natively */
};

struct ag_note {
        int32_t window;      /* from the mapping's start, bytes */
        int32_t stub;        /* of a pun (pun.h): from the window, bytes; else 0 */
        uint32_t trampoline; /* likewise */
        uint16_t size;       /* of the trampoline */
        uint16_t nr;         /* as in struct fl_site */
        uint8_t before_size, syscall_at;
        uint8_t flags; /* enum ag_note_flags */
        /* As in struct fl_site. */
        uint8_t length;
        int16_t side;
        uint8_t side_length;
        uint8_t reserved;
};

enum ag_note_flags {
        AG_NOTE_IN_PLACE = 1u << 0, /* the site's own instruction is the one that runs */
        AG_NOTE_REPEATS = 1u << 1,  /* the window may be run again from its start, up to the syscall */
};

/* Bytes of the note of one trampoline, and what a mapping takes besides. */
#define AG_NOTE_SIZE  sizeof(struct ag_note)
#define AG_NOTES_SIZE sizeof(uint64_t)

/* Note index of the mapping that ends at end. */
static inline struct ag_note *ag_note_at(uint64_t end, uint64_t index)
{
        return (struct ag_note *)(uintptr_t)(end - AG_NOTES_SIZE - (index + 1) * AG_NOTE_SIZE);
}

static inline uint64_t *ag_note_count(uint64_t end)
{
        return (uint64_t *)(uintptr_t)(end - AG_NOTES_SIZE);
}

static inline uint64_t ag_note_window(const struct ag_note *note, uint64_t header)
{
        return header + (uint64_t)(int64_t)note->window;
}

/* Only where the site has one. */
static inline uint64_t ag_note_stub(const struct ag_note *note, uint64_t header)
{
        return ag_note_window(note, header) + (uint64_t)(int64_t)note->stub;
}

/* Where the long jump is that a short one leads to; 0 where there is none. */
static inline uint64_t ag_note_side_jump(const struct ag_note *note, uint64_t header)
{
        if (note->side_length == 0 || note->stub)
                return 0;
        return ag_note_window(note, header) + (uint64_t)(int64_t)note->side +
               (note->side_length > FL_SITE_WINDOW_MIN ? FL_SITE_WINDOW_MIN : 0);
}

/* Where a trampoline has its syscall instruction, or the jump to the one in place. */
static inline uint64_t ag_note_go(const struct ag_note *note)
{
        return note->before_size + (note->nr == FL_SITE_NR_UNKNOWN ? 18u : 0) + 13u;
}

/* Writes the note of a site whose trampoline, of size bytes, is at address at in the mapping at header. */
void ag_note_write(struct ag_note *note, const struct fl_site *site, uint64_t window, uint64_t header,
                   uint64_t at, uint64_t size, int32_t stub);

/* Does the site's own syscall instruction stay in place? */
static inline bool ag_site_in_place(const struct fl_site *site)
{
        return site->after_size == 0 && site->syscall_at >= FL_SITE_WINDOW_MIN &&
               site->length == site->syscall_at + 2;
}

/* Bytes of a site's trampolines, at most. */
static inline uint64_t ag_trampoline_size(const struct fl_site *site)
{
        return (uint64_t)site->before_size + site->after_size + 56;
}

/* Writes the trampolines of a site whose window is (or will be) at address window to the bytes at out, which
 * will run at address at in a mapping that starts at address header. Returns its size, or 0 where a
 * displacement does not reach. */
uint64_t ag_trampoline_write(const struct ag_plan *plan, const struct fl_site *site, uint64_t window,
                             uint64_t header, uint64_t at, uint8_t *out);

/* Overwrites what the site overwrites by jumps to its trampolines; the caller made it writable. The window is
 * at window, *ret_stub as in struct ag_note. False: out of reach, and nothing is written. */
bool ag_window_write(const struct fl_site *site, uint8_t *window, uint64_t trampoline, int32_t *ret_stub);

/* Is the window what was scanned, a syscall in the right place? */
bool ag_window_check(const struct fl_site *site, const uint8_t *window);

#endif
