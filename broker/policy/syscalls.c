/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/syscalls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "broker/base/nearest.h"

static const struct syscall_entry entries[SYSCALLS_LIMIT] = {
#define SYSCALL(number, symbol, treats, reason) [number] = {#symbol, TREAT_##treats, GRANT_NEVER},
#define GRANTABLE(number, symbol, treats, grants, reason)                                                    \
        [number] = {#symbol, TREAT_##treats, GRANT_##grants},
#include "broker/policy/syscalls.def"
#undef GRANTABLE
#undef SYSCALL
};

static const char reasons[SYSCALLS_LIMIT][160] = {
#define SYSCALL(number, symbol, treats, reason)           [number] = reason,
#define GRANTABLE(number, symbol, treats, grants, reason) [number] = reason,
#include "broker/policy/syscalls.def"
#undef GRANTABLE
#undef SYSCALL
};

const struct syscall_entry *syscall_entry(int nr)
{
        static const struct syscall_entry unknown = {.treatment = TREAT_UNKNOWN};

        return nr >= 0 && nr < SYSCALLS_LIMIT ? &entries[nr] : &unknown;
}

const char *syscall_name(int nr)
{
        static _Thread_local char unknown[32];

        if (syscall_entry(nr)->name[0])
                return syscall_entry(nr)->name;
        snprintf(unknown, sizeof unknown, "syscall_%d", nr);
        return unknown;
}

const char *syscall_why(int nr)
{
        return nr >= 0 && nr < SYSCALLS_LIMIT ? reasons[nr] : "";
}

int syscall_number(const char *name)
{
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++)
                if (entries[nr].name[0] && strcmp(entries[nr].name, name) == 0)
                        return nr;
        return -ENOENT;
}

bool syscall_in_baseline(int nr)
{
        switch (syscall_entry(nr)->treatment) {
        case TREAT_UNKNOWN:
        case TREAT_REFUSE:
        case TREAT_NOSYS:
                return false;
        default:
                return true;
        }
}

bool syscall_is_indispensable(int nr)
{
        const int *numbers;
        int count = syscall_group("@default", &numbers);

        for (int i = 0; i < count; i++)
                if (numbers[i] == nr)
                        return true;
        return nr == SYS_close;
}

const char *syscall_nearest(const char *name)
{
        struct nearest search;

        nearest_init(&search, name);
        for (int nr = 0; nr < SYSCALLS_LIMIT; nr++)
                if (entries[nr].name[0])
                        nearest_consider(&search, entries[nr].name);
        return search.name;
}
