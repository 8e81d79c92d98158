/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a policy consists of. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/escape.h"
#include "broker/base/nearest.h"
#include "broker/policy/loader.h"
#include "broker/policy/witness.h"

static bool ends_with(const char *text, const char *end)
{
        size_t length = strlen(text), end_length = strlen(end);

        return length >= end_length && !strcmp(text + length - end_length, end);
}

static bool is_file_reference(const char *reference)
{
        return strchr(reference, '/') || ends_with(reference, ".json");
}

static bool try_name(struct loader *loader, const char *directory, const char *name, char path[PATH_MAX])
{
        int n = snprintf(path, PATH_MAX, "%s/%s.json", directory, name);

        if (n <= 0 || n >= PATH_MAX)
                return false;
        if (access(path, F_OK) == 0)
                return true;
        if (loader->options->witness)
                loader->options->witness->file(loader->options->witness->context, path, NULL);
        return false;
}

/* A bare name: beside the file that refers to it, then in the directories of the options. What a file extends
 * does not depend on where one stands, so relative directories are for the command line only. */
static bool find_name(struct loader *loader, const char *name, struct value at, char path[PATH_MAX])
{
        const char *const *directory = loader->options->directories;
        bool from_file = at.source && at.source->text.text;

        if (from_file && try_name(loader, at.source->directory, name, path))
                return true;
        for (; directory && *directory; directory++)
                if ((!from_file || **directory == '/') && try_name(loader, *directory, name, path))
                        return true;
        return false;
}

static int not_found(struct loader *loader, const char *reference, struct value at)
{
        static const char *const shipped[] = {"base", "default", "web", "build"};
        const char *near = nearest_of(reference, shipped, sizeof shipped / sizeof *shipped);
        char seen[128], meant[64];

        escape_text(reference, strlen(reference), seen, sizeof seen);
        if (at.source) {
                value_error(loader, at, "no policy is named \"%s\"; expected a shipped policy or a file%s",
                            seen, did_you_mean(near, meant, sizeof meant));
                if (loader->err)
                        loader->err->error = ENOENT;
                return -ENOENT;
        }
        return err_set(
                loader->err, ENOENT,
                "no policy is named \"%s\"; expected a name that is found in the policy directories, or a "
                "file (with a slash or .json)%s",
                seen, did_you_mean(near, meant, sizeof meant));
}

static int reference_read(struct loader *loader, const char *reference, struct value at,
                          struct source **ret_source)
{
        char path[PATH_MAX];

        if (!*reference)
                return value_error(loader, at, "an empty policy reference; expected a name or a file");
        if (!is_file_reference(reference)) {
                if (!find_name(loader, reference, at, path))
                        return not_found(loader, reference, at);
                return source_read(loader, path, at, ret_source);
        }
        if (at.source && reference[0] != '/') {
                /* As the referring file was named, so that a person finds it. */
                const char *slash = strrchr(at.source->name, '/');
                int length = slash ? (int)(slash - at.source->name) + 1 : 0;

                if (snprintf(path, sizeof path, "%.*s%s", length, at.source->name, reference) >= PATH_MAX)
                        return value_error(loader, at, "a path that is too long; expected a policy file");
                return source_read(loader, path, at, ret_source);
        }
        return source_read(loader, reference, at, ret_source);
}

static int visit_reference(struct loader *loader, struct value value, unsigned index, int argument)
{
        struct source *source;
        const char *reference;
        int r = value_string(loader, value, "the name or path of a policy", &reference);

        (void)index;
        (void)argument;
        if (r < 0)
                return r;
        if (loader->offline)
                return value_error(loader, value, "a reference to another policy; expected none here");
        r = reference_read(loader, reference, value, &source);
        if (r < 0)
                return r;
        if (source->visiting)
                return value_error(loader, value,
                                   "\"%s\", which extends this file in turn; expected no circle",
                                   source->name);
        return extends_visit(loader, source);
}

int extends_read(struct loader *loader, struct value value, int argument)
{
        if (json_object_is_type(value.json, json_type_string))
                return visit_reference(loader, value, 0, argument);
        return array_each(loader, value, "a policy or a list of policies", visit_reference, argument);
}

/* Extended files come before the files that extend them; of two in one list, the later counts as nearer. */
int extends_visit(struct loader *loader, struct source *source)
{
        int r;

        if (source->visited)
                return 0;
        source->visited = source->visiting = true;
        r = keys_read(loader, source);
        source->visiting = false;
        if (r < 0)
                return r;
        loader->order[loader->order_count++] = source;
        return 0;
}

int extends_load(struct loader *loader, const char *reference)
{
        struct value nowhere = {0};
        struct source *source;
        int r = reference_read(loader, reference, nowhere, &source);

        return r < 0 ? r : extends_visit(loader, source);
}
