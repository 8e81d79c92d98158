/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/base/files.h"

#define CACHE_MAGIC  0x32686361632e6c66ull /* "fl.cach2" */
#define BUILD_ID_MAX 64
#define ALIGNMENT    16u

struct header {
        uint64_t magic;
        uint64_t checksum; /* of all that follows the header */
        uint64_t key_size; /* bytes behind the header, then zeroes up to the alignment */
        uint64_t data_size;
};

static size_t aligned(size_t size)
{
        return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* FNV-1a over words of 64 bits; what is left over counts as a word with zeroes. Against accidents, not
 * against malice. */
static uint64_t hash(const void *data, size_t size)
{
        const uint8_t *bytes = data;
        uint64_t state = 0xcbf29ce484222325ull ^ size;

        for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
                uint64_t word = 0;

                memcpy(&word, bytes + at, size - at < sizeof word ? size - at : sizeof word);
                state = (state ^ word) * 0x100000001b3ull;
                state ^= state >> 29;
        }
        return state;
}

void run_cache_key_add(struct run_cache_key *key, const void *data, size_t size)
{
        if (size > sizeof key->data - key->size) {
                key->unusable = true;
                return;
        }
        memcpy(key->data + key->size, data, size);
        key->size += size;
}

void run_cache_key_add_text(struct run_cache_key *key, const char *text)
{
        uint32_t length = text ? (uint32_t)strlen(text) : UINT32_MAX;

        run_cache_key_add(key, &length, sizeof length);
        if (text)
                run_cache_key_add(key, text, length);
}

/* dl_iterate_phdr names the running program first: its build id stands for the code that works things out. */
static int add_build_id(struct dl_phdr_info *info, size_t size, void *context)
{
        (void)size;
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                const uint8_t *note = (const uint8_t *)(info->dlpi_addr + segment->p_vaddr);
                const uint8_t *end = note + segment->p_memsz;

                while (segment->p_type == PT_NOTE && note + sizeof(ElfW(Nhdr)) <= end) {
                        const ElfW(Nhdr) *head = (const void *)note;
                        const uint8_t *name = note + sizeof *head, *id = name + ((head->n_namesz + 3u) & ~3u);

                        if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 &&
                            !memcmp(name, "GNU", 4) && head->n_descsz <= BUILD_ID_MAX) {
                                run_cache_key_add(context, id, head->n_descsz);
                                return 1;
                        }
                        note = id + ((head->n_descsz + 3u) & ~3u);
                }
        }
        return -1; /* not on to the libraries */
}

void run_cache_key_init(struct run_cache_key *key)
{
        struct utsname kernel;

        key->size = 0;
        key->unusable = uname(&kernel) < 0 || dl_iterate_phdr(add_build_id, key) != 1;
        if (!key->unusable)
                run_cache_key_add_text(key, kernel.release);
}

/* Where a key's entry lies. Equality is decided by the file's content. */
static bool entry_path(const struct run_cache_key *key, const char *directory, char out[PATH_MAX])
{
        int n;

        if (key->unusable)
                return false;
        n = snprintf(out, PATH_MAX, "%s/%016" PRIx64, directory, hash(key->data, key->size));
        return n > 0 && n < PATH_MAX - 32;
}

static bool is_trusted(int fd, struct stat *ret_status)
{
        return fd >= 0 && fstat(fd, ret_status) == 0 && S_ISREG(ret_status->st_mode) &&
               ret_status->st_uid == geteuid() && !(ret_status->st_mode & (S_IWGRP | S_IWOTH));
}

static bool is_right(const struct run_cache_key *key, const void *map, size_t size)
{
        const struct header *header = map;
        size_t data_at = aligned(sizeof *header + key->size);

        return size >= data_at && header->magic == CACHE_MAGIC && header->key_size == key->size &&
               header->data_size == size - data_at && memcmp(header + 1, key->data, key->size) == 0 &&
               header->checksum == hash(header + 1, size - sizeof *header);
}

bool run_cache_recall(const struct run_cache_key *key, const char *directory,
                      struct run_cache_entry *ret_entry)
{
        char path[PATH_MAX];
        _cleanup_close_ int fd = -1;
        struct stat status;
        size_t size;
        void *map;

        if (!entry_path(key, directory, path))
                return false;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (!is_trusted(fd, &status) || status.st_size < (off_t)sizeof(struct header))
                return false;
        size = (size_t)status.st_size;
        map = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (map == MAP_FAILED)
                return false;
        if (!is_right(key, map, size)) {
                munmap(map, size);
                return false;
        }
        *ret_entry = (struct run_cache_entry){
                .data = (uint8_t *)map + aligned(sizeof(struct header) + key->size),
                .size = size - aligned(sizeof(struct header) + key->size),
                .map = map,
                .map_size = size,
        };
        return true;
}

void run_cache_release(struct run_cache_entry *entry)
{
        if (entry->map)
                munmap(entry->map, entry->map_size);
        *entry = (struct run_cache_entry){0};
}

/* Nobody counts what is used: where there are many, something changes often, and all go. */
static void forget_many(const char *directory)
{
        DIR *stream = opendir(directory);
        struct dirent *entry;
        unsigned count = 0;

        while (stream && (entry = readdir(stream)))
                count++;
        if (stream && count > RUN_CACHE_FILES_MAX) {
                rewinddir(stream);
                while ((entry = readdir(stream)))
                        unlinkat(dirfd(stream), entry->d_name, 0);
        }
        if (stream)
                closedir(stream);
}

static uint64_t checksum(const struct run_cache_key *key, const void *data, size_t size)
{
        size_t before = aligned(sizeof(struct header) + key->size) - sizeof(struct header);
        uint8_t *copy = calloc(1, before + size);
        uint64_t sum = 0;

        if (copy) {
                memcpy(copy, key->data, key->size);
                memcpy(copy + before, data, size);
                sum = hash(copy, before + size);
        }
        free(copy);
        return sum;
}

void run_cache_remember(const struct run_cache_key *key, const char *directory, const void *data, size_t size)
{
        static const uint8_t zeroes[ALIGNMENT];
        struct header header = {CACHE_MAGIC, checksum(key, data, size), key->size, size};
        size_t padding = aligned(sizeof header + key->size) - sizeof header - key->size;
        const struct iovec parts[] = {{&header, sizeof header},
                                      {(void *)key->data, key->size},
                                      {(void *)zeroes, padding},
                                      {(void *)data, size}};
        char path[PATH_MAX], temporary[PATH_MAX + 16];
        _cleanup_close_ int fd = -1;

        if (!files_size_allowed(sizeof header + key->size + padding + size) ||
            !entry_path(key, directory, path) || !files_make_directories(directory))
                return;
        forget_many(directory);
        snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return;
        if (writev(fd, parts, 4) != (ssize_t)(sizeof header + key->size + padding + size) ||
            rename(temporary, path) < 0)
                unlink(temporary);
}
