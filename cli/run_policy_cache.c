/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_policy_cache.h"

#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "cli/run_policy_witness.h"

#define GROUPS_MAX 256 /* of a user; who has more goes without */

/* What an entry begins with; distances are of the witness's image, which the policy's follows. */
struct head {
        const void *testimony;
        size_t policy_at; /* where the policy's own image begins */
};

/* Whose eyes the paths were seen with: what is out of reach counts as absent. */
static void add_identity(struct run_cache_key *key)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {0};
        gid_t groups[GROUPS_MAX];
        const uint32_t ids[] = {geteuid(), getegid()};
        int count = getgroups(GROUPS_MAX, groups);

        if (count < 0 || syscall(SYS_capget, &header, data) < 0)
                key->unusable = true;
        run_cache_key_add(key, ids, sizeof ids);
        run_cache_key_add(key, data, sizeof data);
        if (count > 0)
                run_cache_key_add(key, groups, (size_t)count * sizeof *groups);
}

static void make_key(const struct policy_options *options, struct run_cache_key *key)
{
        const char *const texts[] = {options->reference, options->home, options->user,
                                     options->uid,       options->cwd,  options->tmpdir};
        const char *const *directory = options->directories;

        run_cache_key_init(key);
        add_identity(key);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                run_cache_key_add_text(key, texts[i]);
        for (; directory && *directory; directory++)
                run_cache_key_add_text(key, *directory);
        run_cache_key_add_text(key, NULL);
        for (size_t i = 0; i < options->variable_count; i++) {
                run_cache_key_add_text(key, options->variables[i].name);
                run_cache_key_add_text(key, options->variables[i].value);
        }
        run_cache_key_add_text(key, NULL);
        for (size_t i = 0; i < options->extra_count; i++) {
                const uint32_t list = options->extra[i].list;

                run_cache_key_add(key, &list, sizeof list);
                run_cache_key_add_text(key, options->extra[i].text);
        }
}

static bool recall(const struct run_cache_key *key, const char *directory, struct policy **ret_policy,
                   struct run_cache_entry *ret_image)
{
        struct run_cache_entry entry;
        const struct head *head;

        if (!run_cache_recall(key, directory, &entry))
                return false;
        head = image_at(entry.data, (const void *)(size_t)IMAGE_ALIGNMENT);
        if (witness_holds(entry.data, head->testimony) &&
            policy_unpack((const unsigned char *)entry.data + head->policy_at, ret_policy) == 0) {
                *ret_image = entry;
                return true;
        }
        run_cache_release(&entry);
        return false;
}

static void remember(const struct run_cache_key *key, const char *directory, const struct witness *witness,
                     const struct policy *policy)
{
        struct image image = {0};
        struct head head = {0};
        void *packed = NULL;
        size_t size;

        image_add(&image, &head, sizeof head);
        head.testimony = witness_add(witness, &image);
        if (head.testimony && policy_pack(policy, &packed, &size) == 0) {
                head.policy_at = (size_t)image_add(&image, packed, size);
                memcpy(image.bytes + IMAGE_ALIGNMENT, &head, sizeof head);
                if (!image.failed)
                        run_cache_remember(key, directory, image.bytes, image.size);
        }
        free(packed);
        free(image.bytes);
}

int run_policy_cache_load(const struct policy_options *options, const char *directory,
                          struct policy **ret_policy, struct run_cache_entry *ret_image, struct err *err)
{
        static struct run_cache_key key; /* static: large */
        struct policy_options witnessed = *options;
        struct policy_witness callbacks;
        struct witness *witness;
        int r;

        *ret_image = (struct run_cache_entry){0};
        if (!directory)
                return policy_load(options, ret_policy, err);
        make_key(options, &key);
        if (recall(&key, directory, ret_policy, ret_image))
                return 0;
        witness = witness_create(&callbacks);
        witnessed.witness = witness ? &callbacks : NULL;
        r = policy_load(&witnessed, ret_policy, err);
        if (r == 0 && witness)
                remember(&key, directory, witness, *ret_policy);
        witness_destroy(witness);
        return r;
}
