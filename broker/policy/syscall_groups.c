/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "broker/base/nearest.h"
#include "broker/policy/syscalls.h"

#define GROUP_DEPTH_MAX 4
#define GROUP_COUNT     (sizeof groups / sizeof groups[0])

static const struct {
        const char *name, *members;
} groups[] = {
#define GROUP(group, list) {group, list},
#include "broker/policy/syscall_groups.def"
#undef GROUP
        {"@known", NULL},
};

/* What the members come to, sorted by number; made once, when a policy first names a group. */
static struct {
        int numbers[SYSCALLS_LIMIT];
        int count;
} expansions[GROUP_COUNT];
static pthread_once_t expanded = PTHREAD_ONCE_INIT;

static size_t group_find(const char *name)
{
        size_t i = 0;

        while (i < GROUP_COUNT && strcmp(groups[i].name, name) != 0)
                i++;
        return i;
}

/* The groups are our own data: a name that is not one is a mistake of ours. */
static void collect(const char *members, bool present[SYSCALLS_LIMIT], unsigned depth)
{
        char name[64];

        assert(depth < GROUP_DEPTH_MAX);
        while (*members) {
                size_t length = strcspn(members, " ");

                assert(length > 0 && length < sizeof name);
                memcpy(name, members, length);
                name[length] = '\0';
                if (name[0] == '@') {
                        size_t group = group_find(name);

                        assert(group < GROUP_COUNT && groups[group].members);
                        collect(groups[group].members, present, depth + 1);
                } else {
                        int nr = syscall_number(name);

                        assert(nr >= 0);
                        present[nr] = true;
                }
                members += length + strspn(members + length, " ");
        }
}

static void expand_all(void)
{
        for (size_t i = 0; i < GROUP_COUNT; i++) {
                bool present[SYSCALLS_LIMIT] = {false};

                if (groups[i].members)
                        collect(groups[i].members, present, 0);
                for (int nr = 0; nr < SYSCALLS_LIMIT; nr++)
                        if (present[nr] || (!groups[i].members && syscall_entry(nr)->name[0]))
                                expansions[i].numbers[expansions[i].count++] = nr;
        }
}

int syscall_group(const char *name, const int **ret_numbers)
{
        size_t group = group_find(name);

        if (group == GROUP_COUNT)
                return -ENOENT;
        pthread_once(&expanded, expand_all);
        *ret_numbers = expansions[group].numbers;
        return expansions[group].count;
}

const char *syscall_group_nearest(const char *name)
{
        struct nearest search;

        nearest_init(&search, name);
        for (size_t i = 0; i < GROUP_COUNT; i++)
                nearest_consider(&search, groups[i].name);
        return search.name;
}
