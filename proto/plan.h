/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch plan: how to redirect the syscall instructions of one ELF file. Computed by the broker's
 * scanner once per file, applied by the agent while the file's code is still writable and not yet
 * executable. Position-independent: every offset is a file offset.
 *
 * Hostile on both sides: the agent is in hostile ground, and the file that was scanned is foreign.
 *
 * Layout: struct fl_plan, then site_count struct fl_site sorted by offset, then code_size bytes of
 * displaced code that the sites refer to.
 */
#ifndef FL_PROTO_PLAN_H
#define FL_PROTO_PLAN_H

#include <stdint.h>

#define FL_PLAN_MAGIC     0x316e616c70316c66ull /* "fl1plan1" */
#define FL_PLAN_VERSION   1u
#define FL_PLAN_SITES_MAX (1u << 20)
#define FL_PLAN_CODE_MAX  (64u << 20)

#define FL_SITE_NR_UNKNOWN 0xffffu

/* Bytes displaced before, and after, the syscall instruction, re-encoded for the trampoline. */
#define FL_SITE_WINDOW_MAX 64u /* bytes of original code one site may cover */

enum fl_site_tactic {
        FL_TACTIC_NONE = 0, /* not patched: left to the backstop */
        FL_TACTIC_BEFORE = 1, /* preceding instructions displaced with the syscall */
        FL_TACTIC_AFTER = 2,  /* following instructions displaced with the syscall */
        FL_TACTIC_BOTH = 3,
};

/*
 * One site. The window [start, start+length) of the file, 5 bytes or more, is overwritten by a 5-byte
 * jmp rel32 to the trampoline and filled up with int3; no known branch lands inside it but at its start.
 * The syscall instruction stands at start+syscall_at in it.
 */
struct fl_site {
        uint64_t start;       /* file offset of the window */
        uint8_t length;       /* bytes */
        uint8_t syscall_at;   /* offset of the 0f 05 in the window */
        uint16_t nr;          /* syscall number where one is known, else FL_SITE_NR_UNKNOWN */
        uint8_t tactic;       /* enum fl_site_tactic */
        uint8_t relocations;  /* rip-relative operands and branches, see struct fl_relocation */
        uint16_t before_size; /* displaced code in front of the syscall, bytes */
        uint32_t code;        /* offset of the displaced code in the plan's code area: before_size bytes that
                                 run before the syscall, after_size that run after it, then (aligned to 4)
                                 the relocations */
        uint16_t after_size;
        uint16_t reserved;
};

/* A 32-bit displacement in the displaced code that has to reach the same target from the trampoline:
 * the agent writes target - address of the byte behind the instruction. Branches out of the window are
 * re-encoded by the scanner in their rel32 form. */
struct fl_relocation {
        uint16_t at;          /* offset of the rel32/disp32 in the displaced code (before and after counted
                                 as one run: before_size + n is byte n of the second part) */
        uint16_t next;        /* offset of the byte behind the instruction, counted likewise */
        uint32_t reserved;
        int64_t target;       /* file offset-relative: where it points, as an offset from the window's start
                                 in the mapped image (may lie outside the window, in another segment) */
};

struct fl_plan {
        uint64_t magic;
        uint32_t version;
        uint32_t site_count;
        uint32_t code_size;
        uint32_t reserved;
        /* Identity of the scanned file. */
        uint64_t device, inode, size;
        int64_t change_seconds, change_nanoseconds;
        uint64_t checksum; /* FNV-1a 64 over everything behind this structure */
};

_Static_assert(sizeof(struct fl_site) == 24, "site layout");
_Static_assert(sizeof(struct fl_relocation) == 16, "relocation layout");
_Static_assert(sizeof(struct fl_plan) == 72, "plan layout");

#endif
