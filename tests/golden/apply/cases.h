/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden patches: code before, its plan, code and trampoline after. Code stands at CODE_ADDRESS, trampolines
 * at TRAMPOLINE_ADDRESS behind their header, so every displacement is fixed.
 */
#ifndef TESTS_GOLDEN_APPLY_CASES_H
#define TESTS_GOLDEN_APPLY_CASES_H

#include <stdint.h>

#include "proto/plan.h"

#define CODE_ADDRESS       0x20000000ull
#define TRAMPOLINE_ADDRESS 0x20100000ull

#define BYTES_MAX 64

struct bytes {
        unsigned size;
        uint8_t byte[BYTES_MAX];
};

struct apply_case {
        const char *name;
        struct bytes before; /* a function; ends in ret */
        struct fl_site site; /* start is an offset in it; code and original are filled in by the test */
        struct bytes displaced;
        struct fl_relocation relocations[2];
        struct bytes after;      /* of the function */
        struct bytes trampoline; /* empty: the site must be left alone */
};

/* clang-format off */
static const struct apply_case cases[] = {
        {
                .name = "before: mov $110, %eax; syscall; ret",
                .before = {8, {0xb8, 0x6e, 0, 0, 0, 0x0f, 0x05, 0xc3}},
                .site = {.start = 0, .length = 7, .syscall_at = 5, .nr = 110, .tactic = FL_TACTIC_BEFORE, .before_size = 5},
                .displaced = {5, {0xb8, 0x6e, 0, 0, 0}},
                .after = {8, {0xe9, 0x0b, 0x00, 0x10, 0x00, 0x0f, 0x05, 0xc3}},
                .trampoline = {18, {
                        0xb8, 0x6e, 0x00, 0x00, 0x00,             /* mov $110, %eax */
                        0x48, 0x8d, 0x0d, 0xe9, 0xff, 0xef, 0xff, /* lea 0x20000005, %rcx */
                        0xff, 0x25, 0xde, 0xff, 0xff, 0xff,       /* jmp *gate(%rip) */
                }},
        },
        {
                .name = "before, number unknown: mov %rsi, %rsi; mov %ebx, %eax; nop; syscall; ret",
                .before = {9, {0x48, 0x89, 0xf6, 0x89, 0xd8, 0x90, 0x0f, 0x05, 0xc3}},
                .site = {.start = 0, .length = 8, .syscall_at = 6, .nr = FL_SITE_NR_UNKNOWN, .tactic = FL_TACTIC_BEFORE,
                         .before_size = 6},
                .displaced = {6, {0x48, 0x89, 0xf6, 0x89, 0xd8, 0x90}},
                .after = {9, {0xe9, 0x0b, 0x00, 0x10, 0x00, 0xcc, 0x0f, 0x05, 0xc3}},
                .trampoline = {42, {
                        0x48, 0x89, 0xf6, 0x89, 0xd8, 0x90,       /* mov %rsi, %rsi; mov %ebx, %eax; nop */
                        0x44, 0x0f, 0xb7, 0xd8,                   /* movzwl %ax, %r11d */
                        0x48, 0x8b, 0x0d, 0xe7, 0xff, 0xff, 0xff, /* mov hot(%rip), %rcx */
                        0x42, 0x0f, 0xb6, 0x0c, 0x19,             /* movzbl (%rcx,%r11), %ecx */
                        0xe3, 0x0d,                               /* jrcxz go */
                        0x48, 0x8d, 0x0d, 0xd7, 0xff, 0xef, 0xff, /* lea 0x20000006, %rcx */
                        0xff, 0x25, 0xcb, 0xff, 0xff, 0xff,       /* jmp *gate(%rip) */
                        0xe9, 0xcc, 0xff, 0xef, 0xff,             /* go: jmp 0x20000006 */
                }},
        },
        {
                .name = "after, number unknown: mov %ebx, %eax; syscall; mov %rcx, %r14; mov %rdx, %r13; ret",
                .before = {11, {0x89, 0xd8, 0x0f, 0x05, 0x49, 0x89, 0xce, 0x49, 0x89, 0xd5, 0xc3}},
                .site = {.start = 2, .length = 5, .syscall_at = 0, .nr = FL_SITE_NR_UNKNOWN, .tactic = FL_TACTIC_AFTER,
                         .after_size = 3},
                .displaced = {3, {0x49, 0x89, 0xce}},
                .after = {11, {0x89, 0xd8, 0xe9, 0x09, 0x00, 0x10, 0x00, 0x49, 0x89, 0xd5, 0xc3}},
                .trampoline = {48, {
                        0x44, 0x0f, 0xb7, 0xd8,                   /* movzwl %ax, %r11d */
                        0x48, 0x8b, 0x0d, 0xed, 0xff, 0xff, 0xff, /* mov hot(%rip), %rcx */
                        0x42, 0x0f, 0xb6, 0x0c, 0x19,             /* movzbl (%rcx,%r11), %ecx */
                        0xe3, 0x0d,                               /* jrcxz native */
                        0x48, 0x8d, 0x0d, 0x06, 0x00, 0x00, 0x00, /* lea native(%rip), %rcx */
                        0xff, 0x25, 0xd1, 0xff, 0xff, 0xff,       /* jmp *gate(%rip) */
                        0x0f, 0x05,                               /* syscall */
                        0x48, 0x8d, 0x0d, 0xcc, 0xff, 0xef, 0xff, /* lea 0x20000004, %rcx: as the kernel leaves it */
                        0x49, 0x89, 0xce,                         /* mov %rcx, %r14 */
                        0xe9, 0xc7, 0xff, 0xef, 0xff,             /* jmp 0x20000007 */
                }},
        },
        {
                .name = "ends: mov $110, %eax; syscall; neg %rax; ret",
                .before = {11, {0xb8, 0x6e, 0, 0, 0, 0x0f, 0x05, 0x48, 0xf7, 0xd8, 0xc3}},
                .site = {.start = 5, .length = 6, .syscall_at = 0, .nr = 110, .tactic = FL_TACTIC_AFTER,
                         .flags = FL_SITE_ENDS, .after_size = 4},
                .displaced = {4, {0x48, 0xf7, 0xd8, 0xc3}},
                .after = {11, {0xb8, 0x6e, 0x00, 0x00, 0x00, 0xe9, 0x06, 0x00, 0x10, 0x00, 0xcc}},
                .trampoline = {26, {
                        0x48, 0x8d, 0x0d, 0x06, 0x00, 0x00, 0x00, /* lea native(%rip), %rcx */
                        0xff, 0x25, 0xe3, 0xff, 0xff, 0xff,       /* jmp *gate(%rip) */
                        0x0f, 0x05,                               /* syscall */
                        0x48, 0x8d, 0x0d, 0xe1, 0xff, 0xef, 0xff, /* lea 0x20000007, %rcx */
                        0x48, 0xf7, 0xd8, 0xc3,                   /* neg %rax; ret */
                }},
        },
        {
                .name = "relocated: mov $110, %eax; mov 8(%rip), %rdx; syscall; cmp $-4095, %rax; jae 1f; ret; ...",
                .before = {40, {0xb8, 0x6e, 0, 0, 0, 0x48, 0x8b, 0x15, 0x14, 0, 0, 0, 0x0f, 0x05,
                                0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x73, 0x01, 0xc3, 0x31, 0xc0, 0xc3,
                                0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}},
                .site = {.start = 5, .length = 17, .syscall_at = 7, .nr = 110, .tactic = FL_TACTIC_BOTH,
                         .before_size = 7, .after_size = 12, .relocations = 2},
                .displaced = {19, {0x48, 0x8b, 0x15, 0, 0, 0, 0,
                                   0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x0f, 0x83, 0, 0, 0, 0}},
                .relocations = {{.at = 3, .next = 7, .target = 27}, {.at = 15, .next = 19, .grown = 4, .target = 18}},
                .after = {40, {0xb8, 0x6e, 0x00, 0x00, 0x00, 0xe9, 0x06, 0x00, 0x10, 0x00, 0xcc, 0xcc, 0xcc, 0xcc,
                               0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xc3, 0x31, 0xc0, 0xc3,
                               0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}},
                .trampoline = {46, {
                        0x48, 0x8b, 0x15, 0x09, 0x00, 0xf0, 0xff, /* mov 0x20000020, %rdx */
                        0x48, 0x8d, 0x0d, 0x06, 0x00, 0x00, 0x00, /* lea native(%rip), %rcx */
                        0xff, 0x25, 0xdc, 0xff, 0xff, 0xff,       /* jmp *gate(%rip) */
                        0x0f, 0x05,                               /* syscall */
                        0x48, 0x8d, 0x0d, 0xe1, 0xff, 0xef, 0xff, /* lea 0x2000000e, %rcx */
                        0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff,       /* cmp $-4095, %rax */
                        0x0f, 0x83, 0xde, 0xff, 0xef, 0xff,       /* jae 0x20000017 */
                        0xe9, 0xd8, 0xff, 0xef, 0xff,             /* jmp 0x20000016 */
                }},
        },
        {
                .name = "red zone: mov %rbx, -8(%rsp); mov $110, %eax; syscall; mov -8(%rsp), %rdx; ret",
                .before = {18, {0x48, 0x89, 0x5c, 0x24, 0xf8, 0xb8, 0x6e, 0, 0, 0, 0x0f, 0x05, 0x48, 0x8b, 0x54, 0x24, 0xf8,
                                0xc3}},
                .site = {.start = 5, .length = 7, .syscall_at = 5, .nr = 110, .tactic = FL_TACTIC_BEFORE, .before_size = 5},
                .displaced = {5, {0xb8, 0x6e, 0, 0, 0}},
                .after = {18, {0x48, 0x89, 0x5c, 0x24, 0xf8, 0xe9, 0x06, 0x00, 0x10, 0x00, 0x0f, 0x05, 0x48, 0x8b, 0x54, 0x24,
                               0xf8, 0xc3}},
                .trampoline = {18, {
                        0xb8, 0x6e, 0x00, 0x00, 0x00, 0x48, 0x8d, 0x0d, 0xee, 0xff, 0xef, 0xff, 0xff, 0x25, 0xde, 0xff,
                        0xff, 0xff,
                }},
        },
        {
                .name = "cancellation point of musl: left alone",
                .before = {14, {0x89, 0xd8, 0x90, 0x90, 0x90, 0x90, 0x4c, 0x89, 0x5c, 0x24, 0x08, 0x0f, 0x05, 0xc3}},
                .site = {.start = 6, .length = 7, .syscall_at = 5, .nr = FL_SITE_NR_UNKNOWN, .tactic = FL_TACTIC_BEFORE,
                         .before_size = 5},
                .displaced = {5, {0x4c, 0x89, 0x5c, 0x24, 0x08}},
                .after = {14, {0x89, 0xd8, 0x90, 0x90, 0x90, 0x90, 0x4c, 0x89, 0x5c, 0x24, 0x08, 0x0f, 0x05, 0xc3}},
        },
};
/* clang-format on */

#endif
