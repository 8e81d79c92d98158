/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_filter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#define FILTER_MAGIC     0x31746c6631636c66ull /* "flc1flt1" */
#define FILTER_KEY_MAX   (256u << 10)          /* bytes; more is not remembered */
#define FILTER_FILES_MAX 64                    /* remembered; then all are forgotten */
#define BUILD_ID_MAX     64

/* What a program is made from, as bytes. */
struct key {
        uint8_t *data; /* allocated */
        size_t size, room;
};

struct header {
        uint64_t magic;
        uint32_t key_size;     /* bytes that follow */
        uint32_t instructions; /* of 8 bytes each, behind the key */
};

static bool key_add(struct key *key, const void *data, size_t size)
{
        if (size > key->room - key->size)
                return false;
        memcpy(key->data + key->size, data, size);
        key->size += size;
        return true;
}

/* dl_iterate_phdr names the running program first: its build id stands for the code that builds. */
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
                            !memcmp(name, "GNU", 4) && head->n_descsz <= BUILD_ID_MAX)
                                return key_add(context, id, head->n_descsz) ? 1 : -1;
                        note = id + ((head->n_descsz + 3u) & ~3u);
                }
        }
        return -1; /* not on to the libraries */
}

static bool add_rule(struct key *key, const struct rule *rule)
{
        const int64_t numbers[] = {rule->list, rule->nr, rule->error, rule->condition_count};
        bool fits = key_add(key, numbers, sizeof numbers);

        for (unsigned i = 0; i < rule->condition_count && fits; i++) {
                const struct argument_condition *condition = &rule->conditions[i];
                const uint64_t words[] = {condition->index, condition->op, condition->value, condition->mask};

                fits = key_add(key, words, sizeof words);
        }
        return fits;
}

static bool make_key(const struct policy *policy, const struct tiers *tiers, struct key *key)
{
        const uint64_t on_deny = policy_on_deny(policy);
        struct utsname kernel;

        key->data = malloc(FILTER_KEY_MAX);
        key->room = key->data ? FILTER_KEY_MAX : 0;
        if (uname(&kernel) < 0 || dl_iterate_phdr(add_build_id, key) != 1 ||
            !key_add(key, kernel.release, strlen(kernel.release) + 1) ||
            !key_add(key, &on_deny, sizeof on_deny) || !key_add(key, tiers, sizeof *tiers))
                return false;
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                if ((rule->list == RULE_SYSCALLS_DENY || rule->list == RULE_SYSCALLS_KILL) &&
                    !add_rule(key, rule))
                        return false;
        }
        return true;
}

/* Where a key's program lies: FNV-1a, 64 bits, word by word. Equality is decided by the file's content. */
static bool key_path(const struct key *key, const char *directory, char out[PATH_MAX])
{
        uint64_t hash = 0xcbf29ce484222325ull;
        int n;

        for (size_t i = 0; i < key->size; i++)
                hash = (hash ^ key->data[i]) * 0x100000001b3ull;
        n = snprintf(out, PATH_MAX, "%s/%016" PRIx64, directory, hash);
        return n > 0 && n < PATH_MAX - 32;
}

static bool read_exactly(int fd, void *out, size_t size)
{
        return read(fd, out, size) == (ssize_t)size;
}

/* The remembered program, or false. */
static bool recall(const struct key *key, const char *path, struct filter *ret_filter)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        _cleanup_free_ uint8_t *made_from = NULL;
        struct sock_filter *code;
        struct header header;
        struct stat status;
        size_t bytes;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
            status.st_mode & (S_IWGRP | S_IWOTH) || !read_exactly(fd, &header, sizeof header))
                return false;
        bytes = header.instructions * sizeof *code;
        if (header.magic != FILTER_MAGIC || header.key_size != key->size || header.instructions == 0 ||
            header.instructions > BPF_MAXINSNS ||
            (uint64_t)status.st_size != sizeof header + key->size + bytes)
                return false;
        made_from = malloc(key->size);
        if (!made_from || !read_exactly(fd, made_from, key->size) ||
            memcmp(made_from, key->data, key->size) != 0)
                return false;
        code = malloc(bytes);
        if (!code || !read_exactly(fd, code, bytes)) {
                free(code);
                return false;
        }
        ret_filter->program.len = (unsigned short)header.instructions;
        ret_filter->program.filter = code;
        return true;
}

/* Nobody counts what is used: where there are many, some policy changes often, and all go. */
static void forget_many(const char *directory)
{
        DIR *stream = opendir(directory);
        struct dirent *entry;
        unsigned count = 0;

        while (stream && (entry = readdir(stream)))
                count++;
        if (stream && count > FILTER_FILES_MAX) {
                rewinddir(stream);
                while ((entry = readdir(stream)))
                        unlinkat(dirfd(stream), entry->d_name, 0);
        }
        if (stream)
                closedir(stream);
}

static bool write_exactly(int fd, const void *data, size_t size)
{
        return write(fd, data, size) == (ssize_t)size;
}

static void remember(const struct key *key, const char *directory, const char *path,
                     const struct filter *filter)
{
        const struct header header = {FILTER_MAGIC, (uint32_t)key->size, filter->program.len};
        char temporary[PATH_MAX + 16];
        bool written;
        int fd;

        forget_many(directory);
        snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return;
        written = write_exactly(fd, &header, sizeof header) && write_exactly(fd, key->data, key->size) &&
                  write_exactly(fd, filter->program.filter,
                                filter->program.len * sizeof *filter->program.filter);
        close(fd);
        if (!written || rename(temporary, path) < 0)
                unlink(temporary);
}

/* directory and what is above it, as far as it is missing. */
static bool make_directories(const char *directory)
{
        char path[PATH_MAX];
        size_t length = strlen(directory);

        if (length >= sizeof path)
                return false;
        memcpy(path, directory, length + 1);
        for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
                *slash = '\0';
                mkdir(path, 0700);
                *slash = '/';
        }
        return mkdir(path, 0700) == 0 || errno == EEXIST;
}

int run_filter_get(const struct policy *policy, const struct tiers *tiers, const char *directory,
                   struct filter *ret_filter, struct err *err)
{
        struct key key = {0};
        char path[PATH_MAX];
        bool usable = directory && make_key(policy, tiers, &key) && key_path(&key, directory, path);
        int r = 0;

        if (!usable || !recall(&key, path, ret_filter)) {
                r = filter_build(policy, tiers, ret_filter, err);
                if (r == 0 && usable && make_directories(directory))
                        remember(&key, directory, path, ret_filter);
        }
        free(key.data);
        return r;
}
