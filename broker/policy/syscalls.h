/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every x86-64 syscall and how it is treated: one table (syscalls.def), from which the seccomp filter, the
 * decoder's coverage test and the documentation follow. Numbers that the table does not know are refused
 * with ENOSYS.
 */
#ifndef FLICKER_POLICY_SYSCALLS_H
#define FLICKER_POLICY_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSCALLS_LIMIT 512 /* all known numbers are below */

enum treatment {
        TREAT_UNKNOWN = 0, /* not in the table: ENOSYS */
        TREAT_ALLOW,       /* runs natively */
        TREAT_GUARDED,     /* runs natively; a kernel guard (Landlock scope or ptrace rule) confines it */
        TREAT_SCALAR,      /* by its registers, in the filter: see enforce/filter.c */
        TREAT_OPEN,        /* brokered, or kernel tier where Landlock expresses the whole file policy */
        TREAT_META,        /* brokered where something is hidden, else runs natively */
        TREAT_BROKER,      /* always brokered */
        TREAT_CREDENTIALS, /* natively; noted first by a broker that has privileges */
        TREAT_REFUSE,      /* refused by the baseline, EPERM, explained */
        TREAT_NOSYS,       /* as if the kernel lacked it: ENOSYS, silent; programs fall back */
};

/* How a policy grants what the baseline refuses. */
enum syscall_grant {
        GRANT_NEVER = 0, /* it cannot; or the baseline allows it anyway */
        GRANT_ALLOW,     /* syscalls.allow; it runs natively then */
        GRANT_ARGUMENTS, /* the same, by its registers: see enforce/scalar_rules.c */
        GRANT_PTRACE,    /* process.ptrace; Landlock confines it */
};

struct syscall_entry {
        char name[26]; /* "": number not in the table. In place: pointers would be relocated at each start */
        uint8_t treatment; /* enum treatment */
        uint8_t grant;     /* enum syscall_grant */
};

/* nr may be anything. */
const struct syscall_entry *syscall_entry(int nr);
const char *syscall_name(int nr);     /* never NULL: "syscall_NNN" for the unknown (thread-local buffer) */
const char *syscall_why(int nr);      /* as docs/SYSCALLS.md has it, maybe "" */
int syscall_number(const char *name); /* -ENOENT where unknown */

/* Does the baseline let it run, at least with some arguments? */
bool syscall_in_baseline(int nr);
/* Is it allowed even where a policy's list of allowed syscalls is exhaustive and lacks it? The group
 * @default, as systemd has it, and close, which the sandbox itself cannot refuse. */
bool syscall_is_indispensable(int nr);

/* Close matches for "did you mean"; NULL where nothing is near. */
const char *syscall_nearest(const char *name);

/* systemd's groups, "@mount" and so on; nested groups expanded. Returns the count, or -ENOENT. */
int syscall_group(const char *name, const int **ret_numbers);
const char *syscall_group_nearest(const char *name);

/* C constants usable as argument values (AF_*, SOCK_*, CLONE_*, O_*, PR_*, ...). -ENOENT where unknown. */
int constant_value(const char *name, uint64_t *ret_value);
const char *constant_nearest(const char *name);
/* The first constant (by name) that starts with prefix and has this value; NULL where none has. */
const char *constant_symbol(const char *prefix, uint64_t value);
/* "EPERM" -> 1; -ENOENT. */
int errno_number(const char *name);
const char *errno_symbol(int error); /* "EPERM"; "E?" */

#endif
