/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_enclose.h"

#include "broker/base/files.h"
#include "broker/enforce/landlock.h"

#define OWN_MAX 16

/* The scanner is a dynamic program, and so is flicker-run where sanitizers are in it. */
static const char *const libraries[] = {"/etc/ld.so.cache", "/lib",       "/lib64",
                                        "/usr/lib",         "/usr/lib64", "/usr/local/lib"};

struct list {
        struct landlock_own own[OWN_MAX];
        unsigned count;
};

static void add(struct list *list, const char *path, enum landlock_own_use use)
{
        list->own[list->count++] = (struct landlock_own){path, use};
}

static void add_agent(struct list *list, const struct run_paths *paths, const struct run_sandbox *sandbox)
{
        add(list, paths->agent, LANDLOCK_OWN_EXECUTE);
        add(list, paths->scanner, LANDLOCK_OWN_EXECUTE);
        if (sandbox->has_cache && files_make_directories(sandbox->plans))
                add(list, sandbox->plans, LANDLOCK_OWN_CHANGE);
}

int run_enclose(const struct run_paths *paths, const struct run_sandbox *sandbox, struct err *err)
{
        struct list list = {0};

        add(&list, "/proc", LANDLOCK_OWN_READ);
        add(&list, "/dev/null", LANDLOCK_OWN_CHANGE); /* in place of what is the program's */
        add(&list, paths->self, LANDLOCK_OWN_EXECUTE);
        for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
                add(&list, libraries[i], LANDLOCK_OWN_EXECUTE);
        if (sandbox->tiers.agent)
                add_agent(&list, paths, sandbox);
        if (sandbox->has_tmpdir)
                add(&list, sandbox->tmpdir, LANDLOCK_OWN_REMOVE);
        add(&list, NULL, LANDLOCK_OWN_READ);
        return landlock_enclose(sandbox->policy, &sandbox->tiers, list.own, err);
}
