/* SPDX-License-Identifier: Apache-2.0 */
/* process: what processes of the sandbox may do to one another, and with what others share. Of each key the
 * nearest file counts. */
#include "broker/policy/loader.h"

#include <json-c/json.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int read_ptrace(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {[PTRACE_NONE] = "none", [PTRACE_SANDBOX] = "sandbox"};
        size_t chosen;
        int r = value_choice(loader, value, names, COUNT(names), &chosen);

        (void)argument;
        if (r == 0 && !loader->ptrace_set) {
                loader->ptrace_set = true;
                loader->policy->ptrace = (enum policy_ptrace)chosen;
        }
        return r;
}

static int read_ipc(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {"sandbox", "host"};
        size_t chosen;
        int r = value_choice(loader, value, names, COUNT(names), &chosen);

        (void)argument;
        if (r == 0 && !loader->ipc_set) {
                loader->ipc_set = true;
                loader->policy->ipc_shared = chosen == 1;
        }
        return r;
}

/* Signals never leave the sandbox: there is one value, for those who like to see it written. */
static int read_signal(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {"sandbox"};
        size_t chosen;

        (void)argument;
        return value_choice(loader, value, names, COUNT(names), &chosen);
}

static int read_namespaces(struct loader *loader, struct value value, int argument)
{
        char seen[128];

        (void)argument;
        if (json_object_is_type(value.json, json_type_boolean) && !json_object_get_boolean(value.json))
                return 0;
        if (json_object_is_type(value.json, json_type_boolean))
                return value_error(
                        loader, value,
                        "true; this version of flicker cannot grant namespaces, in which paths would mean "
                        "something else than in the policy; expected false");
        return value_error(loader, value, "%s; expected false", value_found(value, seen, sizeof seen));
}

int process_read(struct loader *loader, struct value value, int argument)
{
        static const struct key keys[] = {
                {.name = "namespaces", .read = read_namespaces},
                {.name = "ptrace", .read = read_ptrace},
                {.name = "signal", .read = read_signal},
                {.name = "ipc", .read = read_ipc},
        };

        (void)argument;
        return object_read(loader, value, "an object such as { \"ptrace\": \"sandbox\" }", keys, COUNT(keys));
}
