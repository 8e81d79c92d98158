/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/loader.h"

static int loader_init(struct loader *loader, const struct policy_options *options, struct err *err)
{
        struct policy *policy = calloc(1, sizeof *policy);

        *loader = (struct loader){.options = options, .policy = policy, .err = err};
        if (!policy)
                return err_set(err, ENOMEM, "out of memory");
        policy->audit_limit = POLICY_AUDIT_LIMIT;
        loader->resolver.arena = &policy->arena;
        loader->resolver.witness = options->witness;
        loader->command_line.name = "command line";
        if (automaton_create(LISTS_GUARDED, &policy->paths) < 0)
                return err_set(err, ENOMEM, "out of memory");
        return 0;
}

static void loader_finish(struct loader *loader)
{
        for (size_t i = 0; i < loader->source_count; i++)
                source_destroy(loader->sources[i]);
        resolver_finish(&loader->resolver);
        policy_destroy(loader->policy);
}

static int read_all_keys(struct loader *loader, enum phase phase)
{
        loader->phase = phase;
        for (size_t i = loader->order_count; i-- > 0;) {
                int r = keys_read(loader, loader->order[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_extra_rules(struct loader *loader)
{
        struct value at = {.source = &loader->command_line};
        unsigned indices[RULE_LIST_COUNT] = {0};

        for (size_t i = 0; i < loader->options->extra_count; i++) {
                const struct policy_extra_rule *extra = &loader->options->extra[i];
                unsigned index = indices[extra->list]++;
                int r;

                if (extra->list <= RULE_FILES_HIDE)
                        r = rule_add_file(loader, at, extra->list, index, extra->text);
                else if (extra->list <= RULE_NETWORK_DENY)
                        r = rule_add_network(loader, at, extra->list, index, extra->text);
                else
                        r = value_error(loader, at, "a syscall rule; expected it in a policy file");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* "web.json" is "web". */
static int name_from_file(struct loader *loader)
{
        const char *name = loader->order[loader->order_count - 1]->name, *slash = strrchr(name, '/');
        size_t length;

        if (loader->policy->name)
                return 0;
        if (slash && slash[1])
                name = slash + 1;
        length = strlen(name);
        if (length > 5 && !strcmp(name + length - 5, ".json"))
                length -= 5;
        loader->policy->name = arena_copy(&loader->policy->arena, name, length);
        return loader->policy->name ? 0 : err_set(loader->err, ENOMEM, "out of memory");
}

static int compile(struct loader *loader)
{
        int r = read_all_keys(loader, PHASE_VARIABLES);

        if (r == 0)
                r = variables_override(loader);
        if (r == 0)
                r = variables_expand_all(loader);
        if (r == 0)
                r = add_extra_rules(loader);
        if (r == 0)
                r = read_all_keys(loader, PHASE_RULES);
        if (r == 0)
                r = syscall_rules_index(loader);
        if (r == 0)
                r = name_from_file(loader);
        if (r == 0 && automaton_seal(loader->policy->paths) < 0)
                r = err_set(loader->err, ENOMEM, "out of memory");
        return r;
}

int policy_load(const struct policy_options *options, struct policy **ret_policy, struct err *err)
{
        struct loader loader;
        int r = loader_init(&loader, options, err);

        loader.phase = PHASE_EXTENDS;
        if (r == 0)
                r = extends_load(&loader, options->reference ? options->reference : "default");
        if (r == 0)
                r = compile(&loader);
        if (r == 0) {
                *ret_policy = loader.policy;
                loader.policy = NULL;
        }
        loader_finish(&loader);
        return r;
}

int policy_load_text(const struct policy_options *options, const char *name, const char *text, size_t length,
                     struct policy **ret_policy, struct err *err)
{
        struct loader loader;
        struct source *source;
        char *copy = NULL;
        int r = loader_init(&loader, options, err);

        loader.offline = loader.resolver.offline = true;
        loader.phase = PHASE_EXTENDS;
        if (r == 0 && length > POLICY_FILE_MAX)
                r = err_set(err, EFBIG, "%s: larger than 4 MiB", name);
        if (r == 0 && !(copy = malloc(length + 1)))
                r = err_set(err, ENOMEM, "out of memory");
        if (r == 0) {
                memcpy(copy, text, length);
                copy[length] = '\0';
                r = source_parse(&loader, name, options->cwd ? options->cwd : "/", copy, length, &source);
        }
        if (r == 0) {
                loader.sources[loader.source_count++] = source;
                r = extends_visit(&loader, source);
        }
        if (r == 0)
                r = compile(&loader);
        if (r == 0) {
                *ret_policy = loader.policy;
                loader.policy = NULL;
        }
        loader_finish(&loader);
        return r;
}

void policy_destroy(struct policy *policy)
{
        if (!policy)
                return;
        automaton_destroy(policy->paths);
        free(policy->rules);
        if (!policy->unpacked) {
                free(policy->addresses);
                free(policy->syscall_next);
        }
        arena_finish(&policy->arena);
        free(policy);
}
