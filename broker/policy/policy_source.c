/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a policy, read into memory and parsed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/base/cleanup.h"
#include "broker/policy/loader.h"
#include "broker/policy/witness.h"

static int read_error(struct loader *loader, const char *name, struct value at, int error, const char *what)
{
        if (at.source && at.source->text.text) {
                value_error(loader, at, "\"%s\": %s; expected a readable policy file", name, what);
                if (loader->err)
                        loader->err->error = error;
                return -error;
        }
        return err_set(loader->err, error, "%s: %s; expected a readable policy file", name, what);
}

/* Never waits: a FIFO opens at once, and is refused. */
static int open_regular(struct loader *loader, const char *name, struct value at, struct stat *ret_stat)
{
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0 || fstat(fd, ret_stat) < 0)
                return read_error(loader, name, at, errno, strerror(errno));
        if (S_ISDIR(ret_stat->st_mode))
                return read_error(loader, name, at, EISDIR, "a directory");
        if (!S_ISREG(ret_stat->st_mode))
                return read_error(loader, name, at, EINVAL, "not a regular file");
        if (ret_stat->st_size > POLICY_FILE_MAX)
                return read_error(loader, name, at, EFBIG, "larger than 4 MiB");
        return fd_take(&fd);
}

/* Reads to the end, which may have moved since fstat. */
static int read_all(struct loader *loader, const char *name, struct value at, int fd, size_t expected,
                    char **ret_text, size_t *ret_length)
{
        size_t room = expected + 1, length = 0;
        _cleanup_free_ char *text = malloc(room + 1);

        for (;;) {
                ssize_t n;

                if (!text)
                        return read_error(loader, name, at, ENOMEM, "out of memory");
                if (length > POLICY_FILE_MAX)
                        return read_error(loader, name, at, EFBIG, "larger than 4 MiB");
                n = read(fd, text + length, room - length);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return read_error(loader, name, at, errno, strerror(errno));
                if (n == 0)
                        break;
                length += (size_t)n;
                if (length == room) {
                        char *larger = realloc(text, room * 2 + 1);

                        if (!larger)
                                return read_error(loader, name, at, ENOMEM, "out of memory");
                        text = larger;
                        room *= 2;
                }
        }
        text[length] = '\0';
        *ret_length = length;
        *ret_text = text;
        text = NULL;
        return 0;
}

/* The directory of a file, absolute. */
static const char *directory_of(struct loader *loader, const char *name)
{
        const char *slash = strrchr(name, '/');
        const char *cwd = loader->options->cwd ? loader->options->cwd : "/";

        if (!slash)
                return arena_copy(&loader->policy->arena, cwd, strlen(cwd));
        if (name[0] == '/')
                return slash == name ? "/" : arena_copy(&loader->policy->arena, name, (size_t)(slash - name));
        return arena_format(&loader->policy->arena, "%s/%.*s", cwd, (int)(slash - name), name);
}

static int parse_json(struct loader *loader, struct source *source)
{
        json_tokener *tokener = json_tokener_new_ex(POLICY_DEPTH_MAX + 2);
        enum json_tokener_error error;
        size_t end;

        if (!tokener)
                return err_set(loader->err, ENOMEM, "%s: out of memory", source->name);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        /* With the NUL, so that nothing is left open at the end. */
        source->root = json_tokener_parse_ex(tokener, source->text.text, (int)source->text.length + 1);
        error = json_tokener_get_error(tokener);
        end = json_tokener_get_parse_end(tokener);
        json_tokener_free(tokener);
        if (error != json_tokener_success)
                return json_text_error(&source->text, end < source->text.length ? end : source->text.length,
                                       loader->err, "not JSON: %s", json_tokener_error_desc(error));
        return 0;
}

int source_parse(struct loader *loader, const char *name, const char *directory, char *text, size_t length,
                 struct source **ret_source)
{
        struct source *source = directory ? arena_alloc(&loader->policy->arena, sizeof *source) : NULL;
        int r;

        if (!source) {
                free(text);
                return err_set(loader->err, ENOMEM, "%s: out of memory", name);
        }
        source->name = name;
        source->directory = directory;
        r = json_text_init(&source->text, name, text, length, loader->err);
        if (r < 0)
                return r;
        r = parse_json(loader, source);
        if (r < 0) {
                source_destroy(source);
                return r;
        }
        *ret_source = source;
        return 0;
}

int source_read(struct loader *loader, const char *name, struct value at, struct source **ret_source)
{
        struct stat stat;
        _cleanup_close_ int fd = open_regular(loader, name, at, &stat);
        const char *kept;
        char *text = NULL;
        size_t length = 0;
        int r;

        if (fd < 0)
                return fd;
        if (loader->options->witness)
                loader->options->witness->file(loader->options->witness->context, name, &stat);
        for (size_t i = 0; i < loader->source_count; i++)
                if (loader->sources[i]->device == stat.st_dev && loader->sources[i]->inode == stat.st_ino) {
                        *ret_source = loader->sources[i];
                        return 0;
                }
        if (loader->source_count == POLICY_EXTENDS_MAX)
                return read_error(loader, name, at, EINVAL, "one policy file too many (64 are allowed)");
        r = read_all(loader, name, at, fd, (size_t)stat.st_size, &text, &length);
        if (r < 0)
                return r;
        kept = arena_copy(&loader->policy->arena, name, strlen(name));
        r = source_parse(loader, kept ? kept : "policy", kept ? directory_of(loader, kept) : NULL, text,
                         length, ret_source);
        if (r < 0)
                return r;
        (*ret_source)->device = stat.st_dev;
        (*ret_source)->inode = stat.st_ino;
        loader->sources[loader->source_count++] = *ret_source;
        return 0;
}

void source_destroy(struct source *source)
{
        json_object_put(source->root);
        source->root = NULL;
        json_text_finish(&source->text);
}
