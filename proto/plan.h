/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch plan: how to redirect the syscall instructions of one ELF file. Computed by the broker's
 * scanner once per file, applied by the agent while the file's code is still writable and not yet
 * executable. Position-independent: sites are file offsets, displaced operands are relative to their site.
 *
 * Hostile on both sides: the agent is in hostile ground, and the file that was scanned is foreign.
 *
 * Layout: struct fl_plan, then site_count struct fl_site sorted by start and disjoint, then code_size bytes
 * of displaced code that the sites refer to. All three parts begin at multiples of 8.
 *
 * A trampoline for a site runs: the before part; the syscall (rcx as the kernel leaves it: the address of
 * start+syscall_at+2); the after part; a jump to start+length, which FL_SITE_ENDS makes superfluous.
 * Displaced instructions are in their original order, and each has its original length except where
 * fl_relocation.grown says otherwise, so a program counter in a trampoline maps back to one in the file.
 */
#ifndef FL_PROTO_PLAN_H
#define FL_PROTO_PLAN_H

#include <stdint.h>

#define FL_PLAN_MAGIC     0x316e616c70316c66ull /* "fl1plan1" */
#define FL_PLAN_VERSION   6u
#define FL_PLAN_SITES_MAX (1u << 17)
#define FL_PLAN_CODE_MAX  (8u << 20)

#define FL_SITE_NR_UNKNOWN 0xffffu

#define FL_SITE_WINDOW_MIN      5u   /* bytes of a jmp rel32 */
#define FL_SITE_WINDOW_MAX      64u  /* bytes of original code one site may cover */
#define FL_SITE_CODE_MAX        192u /* bytes of displaced code: a 2-byte branch becomes one of 6 */
#define FL_SITE_RELOCATIONS_MAX 16u
#define FL_SITE_NEAR            256u /* sites before and behind one that its side, or theirs, may touch, at most */
#define FL_SITE_SYSCALL         2u /* bytes of a syscall instruction, and of the short jump that fits there */
#define FL_PUN_NEAREST          (128 << 20) /* bytes that a pun's jump goes back, at least */

enum fl_site_tactic {
        FL_TACTIC_NONE = 0,   /* not patched: left to the backstop. start is the syscall, length 2, no code */
        FL_TACTIC_BEFORE = 1, /* preceding instructions displaced with the syscall */
        FL_TACTIC_AFTER = 2,  /* following instructions displaced with the syscall */
        FL_TACTIC_BOTH = 3,
        FL_TACTIC_PADDING =
                4, /* only the syscall is displaced, by a short jump to a jump in padding nearby */
        FL_TACTIC_NEIGHBOUR = 5, /* the same, but room for that jump is made by displacing others nearby */
        FL_TACTIC_PUNNED = 6,    /* only the syscall is displaced, by the first two bytes of a jump; its other
                                    bytes are those that follow, and stay */
        FL_TACTIC_PREFIXED = 7,  /* the same, with a prefix in front of the jump */
        FL_TACTIC_SUCCESSOR = 8, /* the same as PUNNED, but what follows is displaced too, so that its bytes
                                    can be chosen */
        FL_TACTIC_LAST = FL_TACTIC_SUCCESSOR,
};

enum fl_site_flags {
        FL_SITE_ENDS = 1u << 0,    /* the after part ends in jmp or ret: control never reaches its end */
        FL_SITE_REPEATS = 1u << 1, /* the before part, run again from its start, does nothing new */
};

/*
 * One site. The window [start, start+length) of the file, 5 bytes or more, is overwritten by a 5-byte
 * jmp rel32 to the trampoline and filled up with int3 (but for a syscall instruction at its end, which may
 * stay); no known branch lands inside it but at its start. The syscall instruction stands at start+syscall_at
 * in it.
 *
 * Where a window round the syscall has no room, the window is the syscall alone, length 2, and becomes a
 * short jump to a jump rel32 in a second window, the side: side_length bytes at start+side. Of
 * FL_TACTIC_PADDING it is 5 bytes that nothing executes. Of FL_TACTIC_NEIGHBOUR it is 10 bytes or more of
 * whole instructions that no known branch enters but at their start, which are the after part (of them, not
 * of the syscall): they are overwritten by a jump to their trampoline, then the jump to the syscall's, and
 * filled up with int3. The trampoline of these instructions runs them, and jumps to start+side+side_length.
 * Their relocations count from start+side.
 *
 * Where a short jump finds nothing either, the jump rel32 begins in the syscall's two bytes and ends in those
 * behind it, the side. Their values say where it leads: far off, where the agent maps a page with a jump to
 * the trampoline (agent/pun.h). It goes back by FL_PUN_NEAREST or more, since the heap grows above a program
 * and the stack has its room above the libraries. Of FL_TACTIC_PUNNED the side is 3 bytes, and of
 * FL_TACTIC_PREFIXED 4; they stay, and whoever jumps to them finds them. Of FL_TACTIC_SUCCESSOR it is 5 bytes
 * or more of instructions as of FL_TACTIC_NEIGHBOUR, overwritten by a jump of their own.
 *
 * What code gets displaced: nothing that depends on where it stands but rip-relative operands and direct
 * branches, which have relocations; no call; branches only in the after part.
 */
struct fl_site {
        uint64_t start;     /* file offset of the window */
        uint8_t length;     /* bytes */
        uint8_t syscall_at; /* offset of the 0f 05 in the window */
        uint16_t nr;        /* syscall number where straight-line code sets one, else FL_SITE_NR_UNKNOWN. Says
                               whether a patch is worth it; what runs is what rax holds at run time */
        uint8_t tactic;     /* enum fl_site_tactic */
        uint8_t flags;      /* enum fl_site_flags */
        uint16_t before_size; /* displaced code in front of the syscall, bytes */
        uint16_t after_size;  /* displaced code behind it */
        uint16_t relocations; /* how many struct fl_relocation follow, sorted by at */
        uint32_t code; /* offset of the displaced code in the plan's code area, a multiple of 8: before_size
                          bytes, then after_size bytes, then, at the next multiple of 8, the relocations */
        uint32_t original; /* fl_site_hash of the file as scanned: where memory holds anything else
                              (relocated text, a changed file), the site is left alone */
        int16_t side;      /* all three 0 where the tactic has no side */
        uint8_t side_length;
        uint8_t reserved; /* 0 */
};

/* A 32-bit displacement in the displaced code that has to reach the same target from the trampoline:
 * at `at`, the agent writes window's address + target - address of the byte at `next`, and leaves the site
 * alone where that does not fit 32 bits. Branches are in their rel32 form already. Offsets count before and
 * after part as one run: before_size + n is byte n of the after part (the trampoline puts the syscall between
 * them). */
struct fl_relocation {
        uint16_t at;       /* offset of the displacement, 4 bytes; they hold 0 in the plan */
        uint16_t next;     /* offset of the byte behind its instruction; the instruction lies in one part */
        uint16_t grown;    /* bytes by which the instruction is longer than it was in the window */
        uint16_t reserved; /* 0 */
        int64_t target;    /* where it points: memory distance from the window's start, in bytes; may lie in
                              another    segment of the file's mapping */
};

enum fl_plan_flags {
        FL_PLAN_IDLE = 1u << 0, /* of a program that hardly makes a mediated call: for the broker */
};

struct fl_plan {
        uint64_t magic;
        uint32_t version;
        uint32_t site_count;
        uint32_t code_size;
        uint32_t flags; /* enum fl_plan_flags */
        /* Identity of the scanned file. */
        uint64_t device, inode, size;
        int64_t change_seconds, change_nanoseconds;
        uint64_t checksum; /* FNV-1a 64 over everything behind this structure */
};

_Static_assert(sizeof(struct fl_site) == 32, "site layout");
_Static_assert(sizeof(struct fl_relocation) == 16, "relocation layout");
_Static_assert(sizeof(struct fl_plan) == 72, "plan layout");

#define FL_PLAN_SIZE_MAX                                                                                     \
        (sizeof(struct fl_plan) + (uint64_t)FL_PLAN_SITES_MAX * sizeof(struct fl_site) + FL_PLAN_CODE_MAX)

/* Where a site's relocations begin in the code area. */
static inline uint32_t fl_site_relocations_at(const struct fl_site *site)
{
        return (site->code + site->before_size + site->after_size + 7u) & ~7u;
}

static inline int fl_site_has_side(const struct fl_site *site)
{
        return site->tactic >= FL_TACTIC_PADDING;
}

/* Is the side code that gets displaced? */
static inline int fl_site_makes_room(const struct fl_site *site)
{
        return site->tactic == FL_TACTIC_NEIGHBOUR || site->tactic == FL_TACTIC_SUCCESSOR;
}

static inline int fl_site_is_punned(const struct fl_site *site)
{
        return site->tactic >= FL_TACTIC_PUNNED;
}

/* Where the jump that the short jump leads to is, from start. */
static inline int32_t fl_site_side_jump(const struct fl_site *site)
{
        return site->side + (site->tactic == FL_TACTIC_NEIGHBOUR ? (int32_t)FL_SITE_WINDOW_MIN : 0);
}

/* How long a side may be, by its tactic. */
static inline int fl_site_side_length_valid(const struct fl_site *site)
{
        switch (site->tactic) {
        case FL_TACTIC_PADDING:
                return site->side_length == FL_SITE_WINDOW_MIN;
        case FL_TACTIC_NEIGHBOUR:
                return site->side_length >= 2 * FL_SITE_WINDOW_MIN && site->side_length <= FL_SITE_WINDOW_MAX;
        case FL_TACTIC_PUNNED:
                return site->side_length == FL_SITE_WINDOW_MIN - FL_SITE_SYSCALL;
        case FL_TACTIC_PREFIXED:
                return site->side_length == FL_SITE_WINDOW_MIN - FL_SITE_SYSCALL + 1;
        case FL_TACTIC_SUCCESSOR:
                return site->side_length >= FL_SITE_WINDOW_MIN && site->side_length <= FL_SITE_WINDOW_MAX;
        default:
                return 0;
        }
}

/* Does the side lie where the tactic's jumps lead, and not on the syscall? */
static inline int fl_site_side_valid(const struct fl_site *site)
{
        int32_t distance = fl_site_side_jump(site) - (int32_t)FL_SITE_SYSCALL;

        if (fl_site_is_punned(site))
                return site->side == (int32_t)FL_SITE_SYSCALL && fl_site_side_length_valid(site);
        return fl_site_side_length_valid(site) && distance >= INT8_MIN && distance <= INT8_MAX &&
               (site->side >= (int32_t)FL_SITE_SYSCALL || site->side + site->side_length <= 0);
}

/* The least displacement of a jump of FL_TACTIC_PUNNED or FL_TACTIC_PREFIXED, by the bytes at its side; of
 * the former up to 255 more can be had. Counts from the side's end. */
static inline int32_t fl_pun_displacement(const struct fl_site *site, const uint8_t *side)
{
        uint32_t value = 0;

        for (unsigned i = 0; i < site->side_length; i++)
                value |= (uint32_t)side[i] << 8 * (4u - site->side_length + i);
        return (int32_t)value;
}

/* FNV-1a, 32 bits, of what a site overwrites. The window stands at window, the side where it is from there.
 */
static inline uint32_t fl_site_hash(const struct fl_site *site, const void *window)
{
        const uint8_t *bytes = window;
        uint32_t hash = 0x811c9dc5u;

        for (uint32_t i = 0; i < site->length; i++)
                hash = (hash ^ bytes[i]) * 0x01000193u;
        for (int32_t i = 0; i < site->side_length; i++)
                hash = (hash ^ bytes[site->side + i]) * 0x01000193u;
        return hash;
}

#endif
