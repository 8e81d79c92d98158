/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_policy_witness.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/policy/resolver.h"

/* A change within this time of a look may carry the same time stamp as what was seen. */
#define SETTLED_AFTER_S 2

/* A file or directory at one time. The change time cannot be set, so it says of a file that its content, of a
 * directory that its entries are what they were. */
struct identity {
        uint64_t device, inode, size;
        int64_t changed_s, changed_ns;
};

struct file {
        const char *path;
        struct identity identity; /* all 0: not there */
};

struct path {
        const char *path, *target;
        enum path_kind kind;
};

/* A directory, and the paths in it from first on. */
struct directory {
        const char *path;
        struct identity identity; /* all 0: to be looked at path by path in any case */
        uint32_t first, count;
};

struct testimony {
        const struct file *files;
        const struct directory *directories;
        const struct path *paths;
        uint32_t file_count, directory_count;
};

struct witness {
        struct arena arena;
        struct file files[WITNESS_FILES_MAX];
        struct path paths[WITNESS_PATHS_MAX];
        size_t file_count, path_count;
        bool failed;
};

static struct identity identity_of(const struct stat *status)
{
        return (struct identity){
                .device = status->st_dev,
                .inode = status->st_ino,
                .size = S_ISDIR(status->st_mode) ? 0 : (uint64_t)status->st_size,
                .changed_s = status->st_ctim.tv_sec,
                .changed_ns = status->st_ctim.tv_nsec,
        };
}

static bool identity_equal(const struct identity *a, const struct identity *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

static bool is_settled(const struct identity *identity)
{
        return identity->changed_s + SETTLED_AFTER_S < time(NULL);
}

static void note_file(void *context, const char *path, const struct stat *status)
{
        struct witness *witness = context;
        struct file *file = &witness->files[witness->file_count];

        if (witness->file_count == WITNESS_FILES_MAX) {
                witness->failed = true;
                return;
        }
        file->path = arena_copy(&witness->arena, path, strlen(path));
        if (status)
                file->identity = identity_of(status);
        if (!file->path || (status && !is_settled(&file->identity)))
                witness->failed = true;
        witness->file_count++;
}

static void note_path(void *context, const char *path, enum path_kind kind, const char *target)
{
        struct witness *witness = context;
        struct path *noted = &witness->paths[witness->path_count];

        if (witness->path_count == WITNESS_PATHS_MAX) {
                witness->failed = true;
                return;
        }
        noted->path = arena_copy(&witness->arena, path, strlen(path));
        noted->target = target ? arena_copy(&witness->arena, target, strlen(target)) : NULL;
        noted->kind = kind;
        if (!noted->path || (target && !noted->target))
                witness->failed = true;
        witness->path_count++;
}

struct witness *witness_create(struct policy_witness *ret_callbacks)
{
        struct witness *witness = calloc(1, sizeof *witness);

        *ret_callbacks = (struct policy_witness){note_file, note_path, witness};
        return witness;
}

void witness_destroy(struct witness *witness)
{
        if (!witness)
                return;
        arena_finish(&witness->arena);
        free(witness);
}

static size_t parent_length(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? (size_t)(slash - path) : 0;
}

static int compare_paths(const void *a, const void *b)
{
        const char *left = ((const struct path *)a)->path, *right = ((const struct path *)b)->path;
        size_t left_length = parent_length(left), right_length = parent_length(right);
        size_t shorter = left_length < right_length ? left_length : right_length;
        int order = memcmp(left, right, shorter);

        if (order)
                return order;
        if (left_length != right_length)
                return left_length < right_length ? -1 : 1;
        return strcmp(left, right);
}

static bool same_parent(const char *a, const char *b)
{
        return parent_length(a) == parent_length(b) && memcmp(a, b, parent_length(a)) == 0;
}

static bool path_holds(const struct path *path)
{
        char target[RESOLVER_PATH_MAX];

        return resolver_look(path->path, target) == path->kind &&
               (path->kind != PATH_LINK || strcmp(target, path->target) == 0);
}

/* Directory first, then what is in it: what changes in between shows in the directory's time. */
static bool see_directory(const struct path *paths, uint32_t first, uint32_t count, struct image *image,
                          struct directory *ret_directory)
{
        size_t length = parent_length(paths[first].path);
        char path[RESOLVER_PATH_MAX] = "/";
        struct stat status;

        memcpy(path, paths[first].path, length);
        path[length ? length : 1] = '\0';
        *ret_directory = (struct directory){.first = first, .count = count};
        if (stat(path, &status) == 0) {
                ret_directory->identity = identity_of(&status);
                if (!is_settled(&ret_directory->identity))
                        ret_directory->identity = (struct identity){0};
        }
        ret_directory->path = image_add_text(image, path);
        for (uint32_t i = first; i < first + count; i++)
                if (!path_holds(&paths[i]))
                        return false;
        return true;
}

/* Paths sorted by directory; the directories, or SIZE_MAX where something is not as it was. */
static size_t see_directories(const struct path *paths, size_t count, struct image *image,
                              struct directory directories[WITNESS_DIRECTORIES_MAX])
{
        size_t directory_count = 0;

        for (size_t first = 0, next; first < count; first = next) {
                for (next = first + 1; next < count && same_parent(paths[first].path, paths[next].path);)
                        next++;
                if (directory_count == WITNESS_DIRECTORIES_MAX ||
                    !see_directory(paths, (uint32_t)first, (uint32_t)(next - first), image,
                                   &directories[directory_count++]))
                        return SIZE_MAX;
        }
        return directory_count;
}

static void *add_files(const struct witness *witness, struct image *image)
{
        struct file files[WITNESS_FILES_MAX];

        for (size_t i = 0; i < witness->file_count; i++) {
                files[i] = witness->files[i];
                files[i].path = image_add_text(image, files[i].path);
        }
        return image_add(image, files, witness->file_count * sizeof *files);
}

static void *add_paths(struct path *paths, size_t count, struct image *image)
{
        for (size_t i = 0; i < count; i++) {
                paths[i].path = image_add_text(image, paths[i].path);
                paths[i].target = image_add_text(image, paths[i].target);
        }
        return image_add(image, paths, count * sizeof *paths);
}

const void *witness_add(const struct witness *witness, struct image *image)
{
        struct path *paths = malloc(sizeof witness->paths);
        struct directory *directories = malloc(WITNESS_DIRECTORIES_MAX * sizeof *directories);
        size_t directory_count = SIZE_MAX;
        const void *at = NULL;

        if (paths && directories && !witness->failed) {
                memcpy(paths, witness->paths, witness->path_count * sizeof *paths);
                qsort(paths, witness->path_count, sizeof *paths, compare_paths);
                directory_count = see_directories(paths, witness->path_count, image, directories);
        }
        if (directory_count != SIZE_MAX) {
                struct testimony testimony = {
                        .files = add_files(witness, image),
                        .directories = image_add(image, directories, directory_count * sizeof *directories),
                        .paths = add_paths(paths, witness->path_count, image),
                        .file_count = (uint32_t)witness->file_count,
                        .directory_count = (uint32_t)directory_count,
                };

                at = image_add(image, &testimony, sizeof testimony);
        }
        free(directories);
        free(paths);
        return at;
}

static bool file_holds(const void *image, const struct file *file)
{
        struct identity identity = {0};
        struct stat status;

        if (stat(image_at(image, file->path), &status) == 0)
                identity = identity_of(&status);
        return identity_equal(&identity, &file->identity);
}

static bool directory_holds(const void *image, const struct directory *directory, const struct path *paths)
{
        static const struct identity unknown;
        struct identity identity;
        struct stat status;

        if (!identity_equal(&directory->identity, &unknown) &&
            stat(image_at(image, directory->path), &status) == 0) {
                identity = identity_of(&status);
                if (identity_equal(&identity, &directory->identity))
                        return true;
        }
        for (uint32_t i = directory->first; i < directory->first + directory->count; i++) {
                struct path path = {image_at(image, paths[i].path), image_at(image, paths[i].target),
                                    paths[i].kind};

                if (!path_holds(&path))
                        return false;
        }
        return true;
}

bool witness_holds(const void *image, const void *at)
{
        const struct testimony *testimony = image_at(image, at);
        const struct file *files = image_at(image, testimony->files);
        const struct directory *directories = image_at(image, testimony->directories);
        const struct path *paths = image_at(image, testimony->paths);

        for (uint32_t i = 0; i < testimony->file_count; i++)
                if (!file_holds(image, &files[i]))
                        return false;
        for (uint32_t i = 0; i < testimony->directory_count; i++)
                if (!directory_holds(image, &directories[i], paths))
                        return false;
        return true;
}
