/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/plan_store.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/plan/plan_cache.h"
#include "broker/plan/scanner_process.h"

#define BUCKETS 1024u

/* A plan in memory. The store holds one reference while the plan is in the table, every user one more. */
struct block {
        size_t size;
        unsigned references;
        struct fl_plan plan; /* size bytes from here */
};

/* A file known to the store. */
struct entry {
        struct plan_identity identity;
        struct block *block; /* NULL: somebody is getting it */
        unsigned waiters;
        bool failed; /* it could not be got; the last waiter frees the entry */
        LIST_ENTRY(entry) bucket;
        TAILQ_ENTRY(entry) age; /* only with a block: most recently used first */
};

struct plan_store {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        LIST_HEAD(, entry) buckets[BUCKETS];
        TAILQ_HEAD(ages, entry) ages;
        size_t bytes;
        unsigned count; /* of entries with a block */
        unsigned scans; /* that run */
        bool stopped;
        int cache_fd; /* -1: none */
        char *scanner;
};

int plan_store_create(const char *cache_directory, const char *scanner, struct plan_store **ret_store)
{
        struct plan_store *store = calloc(1, sizeof *store);

        if (!store)
                return -ENOMEM;
        store->scanner = strdup(scanner);
        if (!store->scanner) {
                free(store);
                return -ENOMEM;
        }
        pthread_mutex_init(&store->lock, NULL);
        pthread_cond_init(&store->changed, NULL);
        for (unsigned i = 0; i < BUCKETS; i++)
                LIST_INIT(&store->buckets[i]);
        TAILQ_INIT(&store->ages);
        store->cache_fd = cache_directory ? plan_cache_open(cache_directory) : -1;
        *ret_store = store;
        return 0;
}

static void block_unref(struct block *block)
{
        if (--block->references == 0)
                free(block);
}

/* The functions from here to "Getting a plan" are called with the lock held. */

static void entry_drop(struct plan_store *store, struct entry *entry)
{
        LIST_REMOVE(entry, bucket);
        TAILQ_REMOVE(&store->ages, entry, age);
        store->bytes -= entry->block->size;
        store->count--;
        block_unref(entry->block);
        free(entry);
}

/* Waiters of an entry have yet to take their reference. */
static void store_trim(struct plan_store *store)
{
        struct entry *entry = TAILQ_LAST(&store->ages, ages), *newer;

        while (entry && (store->bytes > PLAN_STORE_MEMORY_MAX || store->count > PLAN_STORE_ENTRIES_MAX)) {
                newer = TAILQ_PREV(entry, ages, age);
                if (entry->waiters == 0)
                        entry_drop(store, entry);
                entry = newer;
        }
}

static struct entry *entry_find(struct plan_store *store, const struct plan_identity *identity)
{
        struct entry *entry;

        LIST_FOREACH(entry, &store->buckets[plan_identity_hash(identity) % BUCKETS], bucket)
        {
                if (plan_identity_equal(&entry->identity, identity))
                        return entry;
        }
        return NULL;
}

static struct entry *entry_add(struct plan_store *store, const struct plan_identity *identity)
{
        struct entry *entry = calloc(1, sizeof *entry);

        if (entry) {
                entry->identity = *identity;
                LIST_INSERT_HEAD(&store->buckets[plan_identity_hash(identity) % BUCKETS], entry, bucket);
        }
        return entry;
}

static void block_take(struct plan_store *store, struct entry *entry, const struct fl_plan **ret_plan,
                       size_t *ret_size)
{
        TAILQ_REMOVE(&store->ages, entry, age);
        TAILQ_INSERT_HEAD(&store->ages, entry, age);
        entry->block->references++;
        *ret_plan = &entry->block->plan;
        *ret_size = entry->block->size;
}

/* Waits until whoever is at work on the entry has finished. -EAGAIN: without a plan; the entry may be gone.
 */
static int entry_wait(struct plan_store *store, struct entry *entry)
{
        int r = 0;

        entry->waiters++;
        while (!entry->block && !entry->failed)
                pthread_cond_wait(&store->changed, &store->lock);
        entry->waiters--;
        if (entry->failed) {
                if (entry->waiters == 0)
                        free(entry);
                r = -EAGAIN;
        }
        return r;
}

/* Ends what entry_add began. block NULL: without success. */
static void entry_settle(struct plan_store *store, struct entry *entry, struct block *block)
{
        if (block) {
                entry->block = block;
                TAILQ_INSERT_HEAD(&store->ages, entry, age);
                store->bytes += block->size;
                store->count++;
        } else {
                LIST_REMOVE(entry, bucket);
                entry->failed = true;
                if (entry->waiters == 0)
                        free(entry);
        }
        pthread_cond_broadcast(&store->changed);
}

/* Getting a plan: without the lock. */

static int block_make(const struct fl_plan *plan, size_t size, struct block **ret_block)
{
        struct block *block = malloc(offsetof(struct block, plan) + size);

        if (!block)
                return -ENOMEM;
        block->size = size;
        block->references = 1;
        memcpy(&block->plan, plan, size);
        *ret_block = block;
        return 0;
}

static int block_make_empty(const struct plan_identity *identity, struct block **ret_block)
{
        struct fl_plan plan = {.magic = FL_PLAN_MAGIC, .version = FL_PLAN_VERSION};

        plan_identity_write(identity, &plan);
        plan.checksum = plan_checksum(&plan, sizeof plan);
        return block_make(&plan, sizeof plan, ret_block);
}

/* Spares the scanner a file that begins otherwise. A file system may be slow, or a target's own: reads
 * nothing that is not in memory already, and leaves the rest to the scanner, which has a time limit. */
static bool is_elf(int fd)
{
        unsigned char magic[SELFMAG];
        struct iovec vector = {.iov_base = magic, .iov_len = sizeof magic};
        ssize_t n = preadv2(fd, &vector, 1, 0, RWF_NOWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EOPNOTSUPP;
        return n == sizeof magic && memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* Waits for its turn. A target may name many files at once, and each scan takes memory and a core. */
static int scan_begin(struct plan_store *store)
{
        int r;

        pthread_mutex_lock(&store->lock);
        while (store->scans >= PLAN_STORE_SCANS_MAX && !store->stopped)
                pthread_cond_wait(&store->changed, &store->lock);
        r = store->stopped ? -ECANCELED : 0;
        store->scans += r == 0;
        pthread_mutex_unlock(&store->lock);
        return r;
}

static void scan_end(struct plan_store *store)
{
        pthread_mutex_lock(&store->lock);
        store->scans--;
        pthread_cond_broadcast(&store->changed);
        pthread_mutex_unlock(&store->lock);
}

/* -ECANCELED, or 0 and *ret_plan, NULL where none came of it. */
static int scan(struct plan_store *store, int fd, struct fl_plan **ret_plan, size_t *ret_size)
{
        int r = scan_begin(store);

        if (r < 0)
                return r;
        if (scanner_run(store->scanner, fd, ret_plan, ret_size) < 0)
                *ret_plan = NULL;
        scan_end(store);
        return 0;
}

/* Scans. The file may have changed under the scanner; then what it saw is worth nothing. */
static int block_scan(struct plan_store *store, int fd, const struct plan_identity *identity,
                      struct block **ret_block)
{
        _cleanup_free_ struct fl_plan *plan = NULL;
        struct plan_identity after;
        size_t size;
        int r;

        if (!is_elf(fd))
                return block_make_empty(identity, ret_block);
        r = scan(store, fd, &plan, &size);
        if (r < 0)
                return r;
        if (!plan || plan_identity_read(fd, &after) < 0 || !plan_identity_equal(identity, &after))
                return block_make_empty(identity, ret_block);
        plan_identity_write(identity, plan);
        if (store->cache_fd >= 0)
                plan_cache_save(store->cache_fd, plan, size, PLAN_STORE_DISK_MAX);
        return block_make(plan, size, ret_block);
}

static int block_get(struct plan_store *store, int fd, const struct plan_identity *identity, bool may_scan,
                     struct block **ret_block)
{
        _cleanup_free_ struct fl_plan *plan = NULL;
        size_t size;

        if (store->cache_fd >= 0 && plan_cache_load(store->cache_fd, identity, &plan, &size) == 0)
                return block_make(plan, size, ret_block);
        return may_scan ? block_scan(store, fd, identity, ret_block) : -EAGAIN;
}

/* Called with the lock held, which it lets go meanwhile. */
static int entry_fill(struct plan_store *store, int fd, const struct plan_identity *identity, bool may_scan,
                      const struct fl_plan **ret_plan, size_t *ret_size)
{
        struct entry *entry = entry_add(store, identity);
        struct block *block = NULL;
        int r;

        if (!entry)
                return -ENOMEM;
        pthread_mutex_unlock(&store->lock);
        r = block_get(store, fd, identity, may_scan, &block);
        pthread_mutex_lock(&store->lock);
        entry_settle(store, entry, block);
        if (r == 0) {
                block_take(store, entry, ret_plan, ret_size);
                store_trim(store);
        }
        return r;
}

static int plan_get(struct plan_store *store, int fd, bool may_scan, const struct fl_plan **ret_plan,
                    size_t *ret_size)
{
        struct plan_identity identity;
        struct entry *entry;
        int r = plan_identity_read(fd, &identity);

        if (r < 0)
                return r;
        pthread_mutex_lock(&store->lock);
        for (;;) {
                entry = entry_find(store, &identity);
                if (!entry) {
                        r = entry_fill(store, fd, &identity, may_scan, ret_plan, ret_size);
                        break;
                }
                if (!entry->block && !may_scan) {
                        r = -EAGAIN;
                        break;
                }
                if (entry->block || entry_wait(store, entry) == 0) {
                        block_take(store, entry, ret_plan, ret_size);
                        break;
                }
        }
        pthread_mutex_unlock(&store->lock);
        return r;
}

int plan_store_get(struct plan_store *store, int fd, const struct fl_plan **ret_plan, size_t *ret_size)
{
        return plan_get(store, fd, true, ret_plan, ret_size);
}

int plan_store_peek(struct plan_store *store, int fd, const struct fl_plan **ret_plan, size_t *ret_size)
{
        return plan_get(store, fd, false, ret_plan, ret_size);
}

bool plan_store_head(struct plan_store *store, int fd, struct fl_plan *ret_head)
{
        const struct fl_plan *plan;
        size_t size;

        if (plan_store_peek(store, fd, &plan, &size) < 0)
                return false;
        *ret_head = *plan;
        plan_unref(store, plan);
        return true;
}

void plan_store_stop(struct plan_store *store)
{
        if (!store)
                return;
        pthread_mutex_lock(&store->lock);
        store->stopped = true;
        pthread_cond_broadcast(&store->changed);
        pthread_mutex_unlock(&store->lock);
}

void plan_unref(struct plan_store *store, const struct fl_plan *plan)
{
        struct block *block;

        if (!plan)
                return;
        block = (struct block *)((char *)(uintptr_t)plan - offsetof(struct block, plan));
        pthread_mutex_lock(&store->lock);
        block_unref(block);
        pthread_mutex_unlock(&store->lock);
}

void plan_store_destroy(struct plan_store *store)
{
        struct entry *entry;

        if (!store)
                return;
        while ((entry = TAILQ_FIRST(&store->ages)))
                entry_drop(store, entry);
        if (store->cache_fd >= 0)
                close(store->cache_fd);
        pthread_cond_destroy(&store->changed);
        pthread_mutex_destroy(&store->lock);
        free(store->scanner);
        free(store);
}
