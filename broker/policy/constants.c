/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/nearest.h"
#include "broker/policy/syscalls.h"

#define ERRNO_MAX 133 /* EHWPOISON, the last one of Linux */

/* Names in place: pointers would have to be relocated at each start. */
static const struct constant {
        char name[40];
        uint64_t value;
} constants[] = {
#define CONSTANT(symbol, number) {#symbol, number},
#include "broker/policy/constants.def"
#undef CONSTANT
};

static int compare(const void *name, const void *constant)
{
        return strcmp(name, ((const struct constant *)constant)->name);
}

int constant_value(const char *name, uint64_t *ret_value)
{
        const struct constant *found = bsearch(name, constants, sizeof constants / sizeof constants[0],
                                               sizeof constants[0], compare);

        if (!found)
                return -ENOENT;
        *ret_value = found->value;
        return 0;
}

const char *constant_symbol(const char *prefix, uint64_t value)
{
        for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
                if (constants[i].value == value && strncmp(constants[i].name, prefix, strlen(prefix)) == 0)
                        return constants[i].name;
        return NULL;
}

const char *constant_nearest(const char *name)
{
        struct nearest search;

        nearest_init(&search, name);
        for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
                nearest_consider(&search, constants[i].name);
        return search.name;
}

int errno_number(const char *name)
{
        static const struct {
                const char *name;
                int error;
        } aliases[] = {{"EWOULDBLOCK", EWOULDBLOCK}, {"EDEADLOCK", EDEADLOCK}, {"ENOTSUP", ENOTSUP}};

        for (int error = 1; error <= ERRNO_MAX; error++) {
                const char *symbol = strerrorname_np(error);

                if (symbol && strcmp(symbol, name) == 0)
                        return error;
        }
        for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
                if (strcmp(aliases[i].name, name) == 0)
                        return aliases[i].error;
        return -ENOENT;
}

const char *errno_symbol(int error)
{
        const char *symbol = error > 0 ? strerrorname_np(error) : NULL;

        return symbol ? symbol : "E?";
}
