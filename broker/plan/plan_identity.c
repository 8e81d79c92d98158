/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/plan_identity.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

int plan_identity_read(int fd, struct plan_identity *ret_identity)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        *ret_identity = (struct plan_identity){
                .device = status.st_dev,
                .inode = status.st_ino,
                .size = (uint64_t)status.st_size,
                .change_seconds = status.st_ctim.tv_sec,
                .change_nanoseconds = status.st_ctim.tv_nsec,
        };
        return 0;
}

bool plan_identity_equal(const struct plan_identity *a, const struct plan_identity *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->change_seconds == b->change_seconds && a->change_nanoseconds == b->change_nanoseconds;
}

uint64_t plan_identity_hash(const struct plan_identity *identity)
{
        const uint64_t words[] = {identity->device, identity->inode, identity->size,
                                  (uint64_t)identity->change_seconds, (uint64_t)identity->change_nanoseconds};
        uint64_t hash = 0xcbf29ce484222325ull;

        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
                hash = (hash ^ words[i]) * 0x100000001b3ull;
                hash ^= hash >> 29;
        }
        return hash;
}

void plan_identity_write(const struct plan_identity *identity, struct fl_plan *plan)
{
        plan->device = identity->device;
        plan->inode = identity->inode;
        plan->size = identity->size;
        plan->change_seconds = identity->change_seconds;
        plan->change_nanoseconds = identity->change_nanoseconds;
}

bool plan_identity_matches(const struct plan_identity *identity, const struct fl_plan *plan)
{
        const struct plan_identity of_plan = {
                .device = plan->device,
                .inode = plan->inode,
                .size = plan->size,
                .change_seconds = plan->change_seconds,
                .change_nanoseconds = plan->change_nanoseconds,
        };

        return plan_identity_equal(identity, &of_plan);
}
