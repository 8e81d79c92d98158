/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the policy language, version 1. */
#include <errno.h>
#include <string.h>

#include "broker/policy/loader.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int read_text(struct loader *loader, struct value value, int argument)
{
        const char *text;

        (void)argument;
        return value_string(loader, value, "a string", &text);
}

static int read_version(struct loader *loader, struct value value, int argument)
{
        uint64_t version;
        char seen[128];
        int r = value_unsigned(loader, value, "1, the version of the policy language", &version);

        (void)argument;
        if (r == 0 && version != 1)
                return value_error(loader, value, "%s; expected 1, the version of the policy language",
                                   value_found(value, seen, sizeof seen));
        return r;
}

/* A policy that is extended does not name the one that extends it. */
static int read_name(struct loader *loader, struct value value, int argument)
{
        const char *text;
        int r = value_string(loader, value, "a name", &text);

        (void)argument;
        if (r < 0 || value.source != loader->order[loader->order_count - 1])
                return r;
        loader->policy->name = arena_copy(&loader->policy->arena, text, strlen(text));
        return loader->policy->name ? 0 : err_set(loader->err, ENOMEM, "out of memory");
}

static int read_on_deny(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {"errno", "kill", "warn"};
        size_t chosen;
        int r;

        (void)argument;
        if (json_object_is_type(value.json, json_type_string) &&
            !strcmp(json_object_get_string(value.json), "ask"))
                return value_error(loader, value,
                                   "\"ask\", which this version of flicker does not support yet; "
                                   "expected \"errno\" or \"kill\" or \"warn\"");
        r = value_choice(loader, value, names, COUNT(names), &chosen);
        if (r == 0 && !loader->on_deny_set) {
                loader->on_deny_set = true;
                loader->policy->on_deny = (enum policy_on_deny)chosen;
        }
        return r;
}

static int read_mediate(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {"auto", "all"};
        size_t chosen;
        int r = value_choice(loader, value, names, COUNT(names), &chosen);

        (void)argument;
        if (r == 0 && !loader->mediate_set) {
                loader->mediate_set = true;
                loader->policy->mediate_all = chosen == 1;
        }
        return r;
}

static int read_audit_log(struct loader *loader, struct value value, int argument)
{
        static const char *const names[] = {"denied", "all", "none"};
        size_t chosen;
        int r = value_choice(loader, value, names, COUNT(names), &chosen);

        (void)argument;
        if (r == 0 && !loader->audit_set) {
                loader->audit_set = true;
                loader->policy->audit = (enum policy_audit)chosen;
        }
        return r;
}

static int read_audit_limit(struct loader *loader, struct value value, int argument)
{
        uint64_t limit;
        int r = value_size(loader, value, &limit);

        (void)argument;
        if (r == 0 && !loader->audit_limit_set) {
                loader->audit_limit_set = true;
                loader->policy->audit_limit = limit;
        }
        return r;
}

static int read_audit(struct loader *loader, struct value value, int argument)
{
        static const struct key keys[] = {{.name = "log", .read = read_audit_log},
                                          {.name = "limit", .read = read_audit_limit}};

        (void)argument;
        return object_read(loader, value, "an object such as { \"log\": \"denied\" }", keys, COUNT(keys));
}

static int read_file_list(struct loader *loader, struct value value, int list)
{
        return array_each(loader, value, "a list of paths", rule_read_files, list);
}

static int read_network_list(struct loader *loader, struct value value, int list)
{
        return array_each(loader, value, "a list of addresses", rule_read_network, list);
}

static int read_syscall_list(struct loader *loader, struct value value, int list)
{
        return array_each(loader, value, "a list of syscalls", rule_read_syscall, list);
}

static int read_files(struct loader *loader, struct value value, int argument)
{
        static const struct key keys[] = {
                {.name = "read", .read = read_file_list, .argument = RULE_FILES_READ},
                {.name = "write", .read = read_file_list, .argument = RULE_FILES_WRITE},
                {.name = "exec", .read = read_file_list, .argument = RULE_FILES_EXEC},
                {.name = "deny", .read = read_file_list, .argument = RULE_FILES_DENY},
                {.name = "hide", .read = read_file_list, .argument = RULE_FILES_HIDE},
                {.name = "map", .unsupported = true},
        };

        (void)argument;
        return object_read(loader, value, "an object with lists of paths", keys, COUNT(keys));
}

static int read_network(struct loader *loader, struct value value, int argument)
{
        static const struct key keys[] = {
                {.name = "bind", .read = read_network_list, .argument = RULE_NETWORK_BIND},
                {.name = "connect", .read = read_network_list, .argument = RULE_NETWORK_CONNECT},
                {.name = "deny", .read = read_network_list, .argument = RULE_NETWORK_DENY},
                {.name = "dns", .unsupported = true},
        };

        (void)argument;
        return object_read(loader, value, "an object with lists of addresses", keys, COUNT(keys));
}

static int read_syscalls(struct loader *loader, struct value value, int argument)
{
        static const struct key keys[] = {
                {.name = "deny", .read = read_syscall_list, .argument = RULE_SYSCALLS_DENY},
                {.name = "kill", .read = read_syscall_list, .argument = RULE_SYSCALLS_KILL},
                {.name = "allow", .read = read_syscall_list, .argument = RULE_SYSCALLS_ALLOW},
                {.name = "default", .read = syscall_default_read},
                {.name = "oci", .unsupported = true},
        };

        (void)argument;
        return object_read(loader, value, "an object with lists of syscalls", keys, COUNT(keys));
}

static const struct key keys_of_policy[] = {
        {.name = "$schema", .read = read_text},
        {.name = "flicker", .read = read_version, .phase = PHASE_EXTENDS},
        {.name = "name", .read = read_name},
        {.name = "description", .read = read_text},
        {.name = "extends", .read = extends_read, .phase = PHASE_EXTENDS},
        {.name = "vars", .read = variables_read, .phase = PHASE_VARIABLES},
        {.name = "files", .read = read_files},
        {.name = "network", .read = read_network},
        {.name = "syscalls", .read = read_syscalls},
        {.name = "mediate", .read = read_mediate},
        {.name = "on_deny", .read = read_on_deny},
        {.name = "audit", .read = read_audit},
        {.name = "dns", .unsupported = true},
        {.name = "process", .read = process_read},
        {.name = "environment", .unsupported = true},
        {.name = "limits", .unsupported = true},
        {.name = "programs", .unsupported = true},
};

int keys_read(struct loader *loader, struct source *source)
{
        struct value root = {.source = source, .json = source->root};
        int r = object_read(loader, root, "a policy", keys_of_policy, COUNT(keys_of_policy));

        if (r == 0 && loader->phase == PHASE_EXTENDS &&
            !json_object_object_get_ex(source->root, "flicker", NULL))
                return value_error(loader, root, "a policy without \"flicker\"; expected \"flicker\": 1");
        return r;
}
