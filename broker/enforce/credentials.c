/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/enforce/operation.h"

/* What decides the outcome of file and socket operations. */
struct identity {
        uid_t uid, file_uid;
        gid_t gid, file_gid;
        uint64_t cap_effective;
        unsigned group_count;
        gid_t groups[CALLER_GROUPS_MAX];
};

/*
 * What /proc/TID/status said of a thread, good for as long as the kernel names the same ids for the very same
 * thread and nobody in the sandbox changed anything (groups and capabilities are not among the ids).
 */
struct remembered {
        pid_t tid; /* 0: none */
        unsigned generation;
        struct caller_ids ids;
        struct caller_status status;
};

#define REMEMBERED_MAX 4

struct credentials {
        struct identity own;     /* the broker's */
        struct identity current; /* valid unless is_own */
        bool is_own;
        bool real_differs; /* the broker's real ids from its effective ones */
        uint64_t cap_permitted, cap_inheritable;
        unsigned next;
        struct remembered remembered[REMEMBERED_MAX];
};

void credentials_watch_note(struct credentials_watch *watch)
{
        if (__atomic_add_fetch(&watch->changed, 1, __ATOMIC_SEQ_CST) == 0)
                __atomic_add_fetch(&watch->changed, 1, __ATOMIC_SEQ_CST); /* 0 means never */
}

int capabilities_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        *ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
        *ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
        *ret_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
        return 0;
}

static int caps_set(const struct credentials *credentials, uint64_t effective)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        for (unsigned i = 0; i < 2; i++) {
                data[i].effective = (uint32_t)(effective >> 32 * i);
                data[i].permitted = (uint32_t)(credentials->cap_permitted >> 32 * i);
                data[i].inheritable = (uint32_t)(credentials->cap_inheritable >> 32 * i);
        }
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int credentials_create(struct credentials **ret_credentials)
{
        struct credentials *credentials = malloc(sizeof *credentials); /* large: not zeroed as a whole */
        struct identity *own;
        int count, r;

        if (!credentials)
                return -ENOMEM;
        memset(credentials, 0, offsetof(struct credentials, remembered));
        for (unsigned i = 0; i < REMEMBERED_MAX; i++)
                credentials->remembered[i].tid = 0;
        own = &credentials->own;
        r = capabilities_get(&own->cap_effective, &credentials->cap_permitted, &credentials->cap_inheritable);
        count = getgroups(CALLER_GROUPS_MAX, own->groups);
        if (r < 0 || count < 0) {
                r = r < 0 ? r : -errno;
                free(credentials);
                return r;
        }
        own->group_count = (unsigned)count;
        own->uid = own->file_uid = geteuid();
        own->gid = own->file_gid = getegid();
        credentials->is_own = true;
        credentials->real_differs = getuid() != own->uid || getgid() != own->gid;
        *ret_credentials = credentials;
        return 0;
}

void credentials_destroy(struct credentials *credentials)
{
        free(credentials);
}

static bool identity_equal(const struct identity *a, const struct identity *b)
{
        return a->uid == b->uid && a->file_uid == b->file_uid && a->gid == b->gid &&
               a->file_gid == b->file_gid && a->cap_effective == b->cap_effective &&
               a->group_count == b->group_count &&
               !memcmp(a->groups, b->groups, a->group_count * sizeof *a->groups);
}

static const struct identity *identity_now(const struct credentials *credentials)
{
        return credentials->is_own ? &credentials->own : &credentials->current;
}

/* setfsuid(2) and setfsgid(2) tell failure by nothing but the value that stays. */
static int set_file_ids(const struct identity *want)
{
        syscall(SYS_setfsgid, want->file_gid);
        if ((gid_t)syscall(SYS_setfsgid, (gid_t)-1) != want->file_gid)
                return -EPERM;
        syscall(SYS_setfsuid, want->file_uid);
        if ((uid_t)syscall(SYS_setfsuid, (uid_t)-1) != want->file_uid)
                return -EPERM;
        return 0;
}

/* Raw syscalls: for this thread only. With the broker's full effective set raised first, for the changes need
 * it. */
static int identity_take(const struct credentials *credentials, const struct identity *now,
                         const struct identity *want)
{
        int r = 0;

        if (now->cap_effective != credentials->own.cap_effective)
                r = caps_set(credentials, credentials->own.cap_effective);
        if (r < 0)
                return r;
        if (syscall(SYS_setgroups, want->group_count, want->groups) < 0 ||
            syscall(SYS_setresgid, -1, want->gid, -1) < 0)
                return -errno;
        if (want->file_gid != want->gid)
                syscall(SYS_setfsgid, want->file_gid);
        if (syscall(SYS_setresuid, -1, want->uid, -1) < 0)
                return -errno;
        if (want->file_uid != want->uid || want->file_gid != want->gid) {
                /* Leaving uid 0 took the capabilities that this needs. */
                r = caps_set(credentials, credentials->own.cap_effective);
                if (r >= 0)
                        r = set_file_ids(want);
        }
        return r < 0 ? r : caps_set(credentials, want->cap_effective);
}

void credentials_restore(struct worker *worker)
{
        struct credentials *credentials = worker->credentials;

        if (credentials->is_own)
                return;
        if (identity_take(credentials, &credentials->current, &credentials->own) < 0) {
                fprintf(stderr, "flicker: cannot return to the broker's credentials\n");
                abort();
        }
        credentials->is_own = true;
}

static int become(struct worker *worker, const struct identity *want)
{
        struct credentials *credentials = worker->credentials;
        int r;

        if (identity_equal(identity_now(credentials), want))
                return 0;
        credentials_restore(worker);
        if (identity_equal(&credentials->own, want))
                return 0;
        credentials->current = *want;
        credentials->current.cap_effective = ~credentials->own.cap_effective; /* not known half-way */
        credentials->is_own = false;
        r = identity_take(credentials, &credentials->own, want);
        if (r < 0)
                credentials_restore(worker);
        else
                credentials->current.cap_effective = want->cap_effective;
        return r;
}

bool credentials_are_owners(const struct worker *worker, uid_t owner)
{
        const struct identity *identity = identity_now(worker->credentials);

        return identity->file_uid == owner || identity->cap_effective & UINT64_C(1) << CAP_FOWNER;
}

bool credentials_pause(struct worker *worker)
{
        bool was_assumed = !worker->credentials->is_own;

        credentials_restore(worker);
        return was_assumed;
}

int credentials_resume(struct worker *worker, bool was_assumed)
{
        struct identity before = worker->credentials->current;

        return was_assumed ? become(worker, &before) : 0;
}

static bool ids_match(const struct caller_ids *ids, const struct caller_status *status)
{
        return ids->uid[0] == status->uid.real && ids->uid[1] == status->uid.effective &&
               ids->uid[3] == status->uid.file && ids->gid[0] == status->gid.real &&
               ids->gid[1] == status->gid.effective && ids->gid[3] == status->gid.file;
}

/* The caller's status, as far as credentials go: remembered where that is certain to be true still. */
static int status_of(struct operation *operation, unsigned generation,
                     const struct caller_status **ret_status)
{
        struct credentials *credentials = operation->worker->credentials;
        struct remembered *entry = credentials->remembered;
        struct caller_ids ids;
        int r;

        if (operation->status_known || !generation || caller_ids(operation, &ids) < 0)
                return caller_status(operation, ret_status);
        while (entry < credentials->remembered + REMEMBERED_MAX && entry->tid != operation->caller->tid)
                entry++;
        if (entry == credentials->remembered + REMEMBERED_MAX)
                entry = &credentials->remembered[credentials->next++ % REMEMBERED_MAX];
        else if (entry->generation == generation && !memcmp(&entry->ids, &ids, sizeof ids)) {
                *ret_status = &entry->status;
                return 0;
        }
        entry->tid = 0;
        r = caller_status(operation, ret_status);
        /* Capabilities are not remembered: an exec changes them, and none of this shows it. */
        if (r < 0 || !ids_match(&ids, *ret_status) || (*ret_status)->cap_permitted)
                return r;
        memcpy(&entry->status, *ret_status, sizeof entry->status);
        entry->ids = ids;
        entry->generation = generation;
        entry->tid = operation->caller->tid;
        return 0;
}

static int identity_of(struct operation *operation, bool real, unsigned generation,
                       struct identity *ret_identity)
{
        const struct caller_status *status;
        int r = status_of(operation, generation, &status);

        if (r < 0)
                return r;
        if (status->groups_cut)
                return -EACCES;
        ret_identity->uid = real ? status->uid.real : status->uid.effective;
        ret_identity->gid = real ? status->gid.real : status->gid.effective;
        ret_identity->file_uid = real ? status->uid.real : status->uid.file;
        ret_identity->file_gid = real ? status->gid.real : status->gid.file;
        ret_identity->cap_effective = status->cap_effective;
        if (real) /* access(2), "C library/kernel differences"; capabilities(7) */
                ret_identity->cap_effective = status->uid.real == 0 ? status->cap_permitted : 0;
        ret_identity->cap_effective &= operation->worker->credentials->cap_permitted;
        ret_identity->group_count = status->group_count;
        memcpy(ret_identity->groups, status->groups, status->group_count * sizeof *status->groups);
        return 0;
}

static int assume(struct operation *operation, bool real)
{
        const struct operations *operations = operation->worker->operations;
        unsigned generation = 0;
        struct identity want;
        int r;

        if (!operations->privileged)
                return 0;
        if (operations->watch)
                generation = __atomic_load_n(&operations->watch->changed, __ATOMIC_SEQ_CST);
        if (operations->watch && !generation && !(real && operation->worker->credentials->real_differs)) {
                credentials_restore(operation->worker);
                return 0;
        }
        r = identity_of(operation, real, generation, &want);
        if (r < 0) {
                credentials_restore(operation->worker);
                return r;
        }
        return become(operation->worker, &want);
}

int credentials_assume(struct operation *operation)
{
        return assume(operation, operation->as_real);
}

/* Does an exec leave what the broker has? */
static bool exec_keeps(struct operation *operation)
{
        const struct credentials *credentials = operation->worker->credentials;
        const struct caller_status *status;

        return caller_status(operation, &status) == 0 &&
               !(credentials->own.cap_effective & ~(status->cap_bounding & status->cap_effective));
}

void credentials_check_exec(struct operation *operation)
{
        const struct operations *operations = operation->worker->operations;
        struct credentials_watch *watch = operations->watch;
        bool changed;

        if (!operations->privileged || !watch)
                return;
        changed = __atomic_load_n(&watch->changed, __ATOMIC_SEQ_CST);
        if (!changed && __atomic_load_n(&watch->execs_alike, __ATOMIC_RELAXED))
                return;
        if (changed || !exec_keeps(operation))
                credentials_watch_note(watch);
        else
                __atomic_store_n(&watch->execs_alike, true, __ATOMIC_RELAXED);
}
