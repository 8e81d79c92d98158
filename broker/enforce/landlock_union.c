/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's own domain: the union of what its policy can grant, and what the broker needs itself. Landlock
 * knows hierarchies that hang on inodes, so the union is one of them, and errs on the side of granting: a
 * pattern counts as the directory that holds all it can match, a file as the directory in which it may be
 * replaced, a path that is not there yet as the nearest directory that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "broker/base/arena.h"
#include "broker/base/cleanup.h"
#include "broker/enforce/landlock.h"
#include "broker/enforce/landlock_grant.h"
#include "broker/policy/pattern.h"

/* With the right to execute: of two hierarchies to write in, one of which is executed from, Landlock would
 * refuse a move to that one. The broker executes nothing but its scanner anyway (self_syscalls.def). Of
 * devices, the broker makes the one that is none, number 0:0. */
#define RIGHTS_CHANGE (RIGHTS_ALL & ~LANDLOCK_FS_MAKE_BLOCK)

#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c of Linux */

/* One path that something is granted on. */
struct ground {
        const char *path; /* length bytes */
        size_t length;
        uint64_t rights; /* on it and beneath */
        uint64_t around; /* on the directory that it is in */
        bool fixed;      /* no one replaces it, or it is not needed */
};

struct domain {
        struct landlock_grants grants;
        struct arena arena;
        struct ground *wanted;
        size_t wanted_count, wanted_room;
        char cwd[PATH_MAX]; /* "": none */
        struct err *err;
};

static int append(struct domain *domain, const struct ground *ground)
{
        if (domain->wanted_count == domain->wanted_room) {
                size_t room = domain->wanted_room ? domain->wanted_room * 2 : 64;
                struct ground *grown = reallocarray(domain->wanted, room, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                domain->wanted = grown;
                domain->wanted_room = room;
        }
        domain->wanted[domain->wanted_count++] = *ground;
        return 0;
}

/* Which of /proc belongs to the sandbox is not known before it runs. */
static int want(struct domain *domain, struct ground ground)
{
        static const char proc[] = "/proc";

        while (ground.length > 1 && ground.path[ground.length - 1] == '/')
                ground.length--;
        if (landlock_is_beneath(ground.path, ground.length, proc, sizeof proc - 1)) {
                ground.length = sizeof proc - 1;
                ground.rights &= RIGHTS_READ | RIGHTS_CONTENT;
                ground.around = 0;
        }
        return append(domain, &ground);
}

/* What a pattern can match, or the path that it is, with rights in the directory that this is in. */
static int want_pattern(struct domain *domain, const char *pattern, uint64_t rights, uint64_t around)
{
        size_t length = landlock_literal_length(pattern);
        bool whole = !pattern[length];

        return want(domain, (struct ground){.path = length > 1 ? pattern : "/",
                                            .length = length,
                                            .rights = rights,
                                            .around = whole ? around : 0});
}

static int want_alternative(const char *alternative, void *context)
{
        struct domain *domain = context;
        const char *kept = arena_copy(&domain->arena, alternative, strlen(alternative));

        return kept ? want_pattern(domain, kept, RIGHTS_CHANGE, 0) : -ENOMEM;
}

static int want_rule(struct domain *domain, const struct rule *rule)
{
        if (!rule->pattern) /* an address */
                return 0;
        switch (rule->list) {
        case RULE_FILES_READ:
                return want_pattern(domain, rule->pattern, RIGHTS_READ, 0);
        case RULE_FILES_EXEC:
                return want_pattern(domain, rule->pattern, RIGHTS_EXECUTE, 0);
        case RULE_FILES_WRITE:
                /* Brace by brace: "/dev/{null,tty}" is not /dev. */
                return pattern_alternatives(rule->pattern, want_alternative, domain, domain->err);
        case RULE_NETWORK_BIND:
                return want_pattern(domain, rule->pattern, LANDLOCK_FS_MAKE_SOCK, LANDLOCK_FS_MAKE_SOCK);
        default:
                return 0;
        }
}

static int want_own(struct domain *domain, const struct landlock_own *own)
{
        static const uint64_t rights[] = {
                [LANDLOCK_OWN_READ] = RIGHTS_READ,
                [LANDLOCK_OWN_EXECUTE] = RIGHTS_EXECUTE,
                [LANDLOCK_OWN_CHANGE] = RIGHTS_READ | RIGHTS_CONTENT | RIGHTS_NAMES,
                [LANDLOCK_OWN_REMOVE] = RIGHTS_CHANGE,
        };

        return want(domain,
                    (struct ground){.path = own->path,
                                    .length = strlen(own->path),
                                    .rights = rights[own->use],
                                    .around = own->use == LANDLOCK_OWN_REMOVE ? LANDLOCK_FS_REMOVE_DIR : 0,
                                    .fixed = true});
}

static int want_all(struct domain *domain, const struct policy *policy, const struct landlock_own *own)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < policy_rule_count(policy); i++)
                r = want_rule(domain, policy_rule(policy, i));
        for (; r == 0 && own->path; own++)
                r = want_own(domain, own);
        for (size_t i = 0; r == 0 && landlock_interpreters[i]; i++)
                r = want_own(domain, &(struct landlock_own){landlock_interpreters[i], LANDLOCK_OWN_EXECUTE});
        return r;
}

/* What is around comes before what is in it. */
static int compare(const void *a, const void *b)
{
        const struct ground *x = a, *y = b;
        int order = memcmp(x->path, y->path, x->length < y->length ? x->length : y->length);

        return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* On the directory that ground is in, or the nearest that is there. */
static int make_around(struct domain *domain, const struct ground *ground, uint64_t rights)
{
        size_t length = landlock_parent_length(ground->path, ground->length);

        /* What could only be read comes to be in the root directory by nobody's doing here: not worth all
         * that is there. */
        if (rights == 0 || (length == 1 && !(rights & ~RIGHTS_EXECUTE)))
                return 0;
        return landlock_grant_nearest(&domain->grants, ground->path, length, rights, false);
}

/* A directory to write in is not removed and made anew by the broker, except where that is what programs do
 * (make clean), in the working directory: what is around would have to be granted as a whole, for Landlock
 * to let a new one be written to. */
static uint64_t rights_around(const struct domain *domain, const struct ground *ground)
{
        size_t cwd = strlen(domain->cwd);

        bool anew = cwd && !ground->fixed && ground->rights == RIGHTS_CHANGE && ground->length > cwd &&
                    landlock_is_beneath(ground->path, ground->length, domain->cwd, cwd);

        return anew ? ground->rights : ground->around;
}

/* Something else than a directory is open at fd. */
static int make_at_file(struct domain *domain, const struct ground *ground, int fd)
{
        struct stat status;
        int r;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISCHR(status.st_mode) && !ground->fixed)
                return make_around(domain, ground, ground->rights | ground->around);
        r = landlock_grant_file(&domain->grants, fd, ground->rights);
        return r < 0 ? r : make_around(domain, ground, rights_around(domain, ground));
}

static int make_at(struct domain *domain, const struct ground *ground, int fd)
{
        int r = landlock_grant_directory(&domain->grants, fd, ground->rights);

        if (r == LANDLOCK_ON_OTHER)
                return make_at_file(domain, ground, fd);
        if (r >= 0)
                r = landlock_note_granted(
                        &domain->grants,
                        &(struct landlock_granted){ground->path, ground->length, ground->rights});
        return r < 0 ? r : make_around(domain, ground, rights_around(domain, ground));
}

static int make(struct domain *domain, const struct ground *ground)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];

        if (ground->length >= sizeof path ||
            landlock_is_granted(&domain->grants, ground->path, ground->length, ground->rights))
                return make_around(domain, ground, ground->around);
        memcpy(path, ground->path, ground->length);
        path[ground->length] = '\0';
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd >= 0)
                return make_at(domain, ground, fd);
        if ((errno == ENOENT || errno == ENOTDIR) && !ground->fixed)
                return make_around(domain, ground, ground->rights | ground->around);
        return landlock_is_absence(errno) ? 0 : -errno;
}

/* One rule for each path at most, and none where what is around grants as much. */
static int make_all(struct domain *domain)
{
        struct ground *wanted = domain->wanted;
        int r = 0;

        qsort(wanted, domain->wanted_count, sizeof *wanted, compare);
        for (size_t i = 0; r == 0 && i < domain->wanted_count; i++) {
                struct ground ground = wanted[i];

                while (i + 1 < domain->wanted_count && compare(&ground, &wanted[i + 1]) == 0) {
                        ground.rights |= wanted[++i].rights;
                        ground.around |= wanted[i].around;
                        ground.fixed &= wanted[i].fixed;
                }
                r = make(domain, &ground);
                if (r < 0)
                        err_set(domain->err, -r, "Landlock refuses a rule for %.*s: %s", (int)ground.length,
                                ground.path, strerror(-r));
        }
        return r;
}

/* The file system of message queues, as far as it can be had: who may not mount has to find it mounted. */
static int open_queues(void)
{
        _cleanup_close_ int mounted = open("/dev/mqueue", O_RDONLY | O_DIRECTORY | O_CLOEXEC), context = -1;
        struct statfs status;

        if (mounted >= 0 && fstatfs(mounted, &status) == 0 && status.f_type == MQUEUE_MAGIC)
                return fd_take(&mounted);
        context = (int)syscall(SYS_fsopen, "mqueue", FSOPEN_CLOEXEC);
        if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -1;
        return (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0); /* in no one's tree */
}

/* The broker opens queues for the sandbox, and which of them it may is the broker's to know. Landlock lets
 * nobody open one who has no right to their root directory. */
static int make_queues(struct domain *domain)
{
        _cleanup_close_ int root = open_queues();

        return root < 0 ? 0
                        : landlock_grant_file(&domain->grants, root, LANDLOCK_FS_READ_FILE | RIGHTS_CONTENT);
}

static int fill(struct domain *domain, const struct policy *policy, const struct tiers *tiers,
                const struct landlock_own *own)
{
        int r;

        if (!tiers->landlock_files) /* the policy refuses nothing, it only tells */
                return landlock_grant_path(&domain->grants, "/", RIGHTS_ALL);
        if (!getcwd(domain->cwd, sizeof domain->cwd) || domain->cwd[0] != '/' || !domain->cwd[1])
                domain->cwd[0] = '\0';
        r = want_all(domain, policy, own);
        if (r == 0)
                r = make_queues(domain);
        return r < 0 ? r : make_all(domain);
}

static int build(struct domain *domain, const struct policy *policy, const struct tiers *tiers,
                 const struct landlock_own *own)
{
        struct landlock_ruleset ruleset = {.handled_fs = landlock_known_rights(landlock_abi())};
        int r;

        if (!tiers->landlock_files)
                ruleset.handled_fs &= LANDLOCK_FS_MAKE_BLOCK | LANDLOCK_FS_REFER;

        domain->grants.handled = ruleset.handled_fs;
        domain->grants.ruleset =
                (int)syscall(LANDLOCK_NR_CREATE_RULESET, &ruleset, sizeof ruleset.handled_fs, 0);
        if (domain->grants.ruleset < 0)
                return -errno;
        r = fill(domain, policy, tiers, own);
        free(domain->wanted);
        landlock_grants_finish(&domain->grants);
        arena_finish(&domain->arena);
        return r;
}

int landlock_enclose(const struct policy *policy, const struct tiers *tiers, const struct landlock_own *own,
                     struct err *err)
{
        static struct domain domain; /* static: large */
        int r;

        domain = (struct domain){.grants = {.ruleset = -1}, .err = err};
        r = build(&domain, policy, tiers, own);
        if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                r = -errno;
        if (r == 0)
                r = landlock_restrict(domain.grants.ruleset);
        if (domain.grants.ruleset >= 0)
                close(domain.grants.ruleset);
        return r < 0 && !err->message[0] ? err_set(err, -r, "cannot enclose the broker: %s", strerror(-r))
                                         : r;
}
