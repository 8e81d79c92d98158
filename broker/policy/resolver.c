/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/resolver.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct resolver_entry {
        const char *path;
        const char *target; /* PATH_LINK */
        enum path_kind kind;
        uint32_t hash;
};

/* A path under way: out is resolved, rest is to come. */
struct walk {
        char *out;
        size_t length;
        char rest[RESOLVER_PATH_MAX];
        unsigned links;
        bool absent;
};

static uint32_t hash_path(const char *path)
{
        uint32_t hash = 2166136261u;

        for (; *path; path++)
                hash = (hash ^ (unsigned char)*path) * 16777619u;
        return hash;
}

static struct resolver_entry **place(struct resolver_entry **table, size_t size, const char *path,
                                     uint32_t hash)
{
        for (size_t i = hash & (size - 1);; i = (i + 1) & (size - 1))
                if (!table[i] || (table[i]->hash == hash && !strcmp(table[i]->path, path)))
                        return &table[i];
}

static int grow(struct resolver *resolver)
{
        size_t size = resolver->size ? resolver->size * 2 : 256;
        struct resolver_entry **table;

        if (resolver->count * 2 < resolver->size)
                return 0;
        table = calloc(size, sizeof *table);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < resolver->size; i++)
                if (resolver->table[i])
                        *place(table, size, resolver->table[i]->path, resolver->table[i]->hash) =
                                resolver->table[i];
        free(resolver->table);
        resolver->table = table;
        resolver->size = size;
        return 0;
}

static bool is_self(const char *path)
{
        return !strcmp(path, "/proc/self") || !strcmp(path, "/proc/thread-self");
}

enum path_kind resolver_look(const char *path, char ret_target[RESOLVER_PATH_MAX])
{
        ssize_t n;

        if (is_self(path))
                return PATH_ABSENT;
        n = readlink(path, ret_target, RESOLVER_PATH_MAX - 1);
        /* readlink(2): EINVAL is what a file that is no link gives. */
        if (n <= 0)
                return n < 0 && errno == EINVAL ? PATH_PLAIN : PATH_ABSENT;
        ret_target[n] = '\0';
        return PATH_LINK;
}

static struct resolver_entry *look(struct resolver *resolver, const char *path, uint32_t hash)
{
        struct resolver_entry *entry = arena_alloc(resolver->arena, sizeof *entry);
        char target[RESOLVER_PATH_MAX];

        if (!entry)
                return NULL;
        entry->hash = hash;
        entry->path = arena_copy(resolver->arena, path, strlen(path));
        entry->kind = resolver_look(path, target);
        if (entry->kind == PATH_LINK)
                entry->target = arena_copy(resolver->arena, target, strlen(target));
        if (!entry->path || (entry->kind == PATH_LINK && !entry->target))
                return NULL;
        if (resolver->witness)
                resolver->witness->path(resolver->witness->context, path, entry->kind, entry->target);
        return entry;
}

static const struct resolver_entry *lookup(struct resolver *resolver, const char *path)
{
        uint32_t hash = hash_path(path);
        struct resolver_entry **found;

        if (grow(resolver) < 0)
                return NULL;
        found = place(resolver->table, resolver->size, path, hash);
        if (!*found) {
                *found = look(resolver, path, hash);
                resolver->count += *found != NULL;
        }
        return *found;
}

static void go_up(struct walk *walk)
{
        while (walk->length && walk->out[--walk->length] != '/')
                ;
        walk->out[walk->length] = '\0';
}

/* Puts a link's target before what is to come. */
static int follow_link(struct walk *walk, const char *target, const char *after)
{
        size_t target_length = strlen(target), after_length = strlen(after);

        if (++walk->links > RESOLVER_LINKS_MAX)
                return -ELOOP;
        if (target_length + 1 + after_length >= sizeof walk->rest)
                return -ENAMETOOLONG;
        if (target[0] == '/')
                walk->length = 0;
        else
                go_up(walk);
        walk->out[walk->length] = '\0';
        memmove(walk->rest + target_length + 1, after, after_length + 1);
        memcpy(walk->rest, target, target_length);
        walk->rest[target_length] = '/';
        return 0;
}

/* Takes one component from rest to out. Returns what was left of rest. */
static int take_component(struct walk *walk, const char **rest)
{
        const char *start = *rest + strspn(*rest, "/");
        size_t length = strcspn(start, "/");

        *rest = start + length;
        if (length == 0 || (length == 1 && start[0] == '.'))
                return 0;
        if (length == 2 && !memcmp(start, "..", 2)) {
                go_up(walk);
                return 0;
        }
        if (walk->length + 1 + length >= RESOLVER_PATH_MAX)
                return -ENAMETOOLONG;
        walk->out[walk->length] = '/';
        memcpy(walk->out + walk->length + 1, start, length);
        walk->length += 1 + length;
        walk->out[walk->length] = '\0';
        return 1;
}

static int walk_run(struct resolver *resolver, struct walk *walk, bool follow_last)
{
        const char *rest = walk->rest;

        while (*rest) {
                const struct resolver_entry *entry;
                int r = take_component(walk, &rest);

                if (r < 0)
                        return r;
                if (r == 0 || walk->absent || resolver->offline)
                        continue;
                if (!follow_last && rest[strspn(rest, "/")] == '\0')
                        continue;
                entry = lookup(resolver, walk->out);
                if (!entry)
                        return -ENOMEM;
                walk->absent = entry->kind == PATH_ABSENT;
                if (entry->kind == PATH_LINK) {
                        r = follow_link(walk, entry->target, rest);
                        if (r < 0)
                                return r;
                        rest = walk->rest;
                }
        }
        return 0;
}

static int resolve(struct resolver *resolver, const char *path, bool follow_last,
                   char ret_path[RESOLVER_PATH_MAX])
{
        char out[RESOLVER_PATH_MAX];
        size_t length = strlen(path);
        struct walk walk; /* large: not zeroed as a whole */
        int r;

        if (length >= sizeof walk.rest)
                return -ENAMETOOLONG;
        memcpy(walk.rest, path, length + 1);
        out[0] = '\0';
        walk.out = out;
        walk.length = 0;
        walk.links = 0;
        walk.absent = false;
        r = walk_run(resolver, &walk, follow_last);
        if (r < 0)
                return r;
        if (!walk.length)
                strcpy(out, "/");
        memcpy(ret_path, out, strlen(out) + 1);
        return 0;
}

int resolver_resolve(struct resolver *resolver, const char *path, char ret_path[RESOLVER_PATH_MAX])
{
        return resolve(resolver, path, true, ret_path);
}

int resolver_resolve_parent(struct resolver *resolver, const char *path, char ret_path[RESOLVER_PATH_MAX])
{
        return resolve(resolver, path, false, ret_path);
}

void resolver_finish(struct resolver *resolver)
{
        free(resolver->table);
        resolver->table = NULL;
        resolver->size = resolver->count = 0;
}
