/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/landlock_grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

/* All that a rule on something else than a directory may carry. */
#define RIGHTS_OF_FILES                                                                                      \
        (LANDLOCK_FS_EXECUTE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_READ_FILE | LANDLOCK_FS_TRUNCATE)

const char *const landlock_interpreters[] = {
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-musl-x86_64.so.1",
        NULL,
};

uint64_t landlock_known_rights(int abi)
{
        uint64_t rights = RIGHTS_ALL;

        if (abi < 2)
                rights &= ~LANDLOCK_FS_REFER;
        if (abi < 3)
                rights &= ~LANDLOCK_FS_TRUNCATE;
        return rights;
}

static int add_rule(const struct landlock_grants *grants, int fd, uint64_t rights)
{
        const struct landlock_path_beneath rule = {.allowed = rights, .parent_fd = fd};

        if (rights == 0)
                return 0;
        return syscall(LANDLOCK_NR_ADD_RULE, grants->ruleset, LANDLOCK_PATH_BENEATH, &rule, 0) < 0 ? -errno
                                                                                                   : 0;
}

/* The kernel takes a right that only directories have for nothing else (landlock_append_fs_rule): so it need
 * not be asked first what fd is. */
int landlock_grant_directory(const struct landlock_grants *grants, int fd, uint64_t rights)
{
        uint64_t handled = rights & grants->handled;
        int r = -EINVAL;

        if (handled & ~(uint64_t)RIGHTS_OF_FILES)
                r = add_rule(grants, fd, handled);
        if (r == -EINVAL)
                return LANDLOCK_ON_OTHER;
        return r < 0 ? r : LANDLOCK_ON_DIRECTORY;
}

int landlock_grant_file(const struct landlock_grants *grants, int fd, uint64_t rights)
{
        return add_rule(grants, fd, rights & grants->handled & RIGHTS_OF_FILES);
}

bool landlock_is_absence(int error)
{
        return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP;
}

size_t landlock_literal_length(const char *pattern)
{
        size_t length = strcspn(pattern, "*?[{\\");

        if (!pattern[length])
                return length;
        while (length > 0 && pattern[length - 1] != '/')
                length--;
        return length > 1 ? length - 1 : 1; /* without the slash, but for that of "/"; "**" may be anywhere */
}

bool landlock_is_beneath(const char *path, size_t length, const char *directory, size_t directory_length)
{
        if (directory_length == 1)
                return true;
        return length >= directory_length && !memcmp(path, directory, directory_length) &&
               (length == directory_length || path[directory_length] == '/');
}

bool landlock_is_granted(const struct landlock_grants *grants, const char *path, size_t length,
                         uint64_t rights)
{
        for (size_t i = 0; i < grants->made_count; i++) {
                const struct landlock_granted *made = &grants->made[i];

                if ((made->rights & rights) == rights &&
                    landlock_is_beneath(path, length, made->path, made->length))
                        return true;
        }
        return false;
}

int landlock_note_granted(struct landlock_grants *grants, const struct landlock_granted *granted)
{
        if (grants->made_count == grants->made_room) {
                size_t room = grants->made_room ? grants->made_room * 2 : 64;
                struct landlock_granted *grown = reallocarray(grants->made, room, sizeof *grown);

                if (!grown)
                        return -ENOMEM;
                grants->made = grown;
                grants->made_room = room;
        }
        grants->made[grants->made_count++] = *granted;
        return 0;
}

void landlock_grants_finish(struct landlock_grants *grants)
{
        free(grants->made);
        grants->made = NULL;
        grants->made_count = grants->made_room = 0;
}

size_t landlock_parent_length(const char *path, size_t length)
{
        if (length <= 1)
                return 0;
        while (length > 0 && path[length - 1] != '/')
                length--;
        return length > 1 ? length - 1 : length;
}

/* As landlock_grant_directory. */
static int grant_at(const struct landlock_grants *grants, const char *path, size_t length, uint64_t rights)
{
        char name[4096];
        _cleanup_close_ int fd = -1;
        int r;

        if (length >= sizeof name)
                return -ENAMETOOLONG;
        memcpy(name, path, length);
        name[length] = '\0';
        fd = open(name, O_PATH | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = landlock_grant_directory(grants, fd, rights);
        if (r == LANDLOCK_ON_OTHER && (r = landlock_grant_file(grants, fd, rights)) == 0)
                r = LANDLOCK_ON_OTHER;
        return r;
}

int landlock_grant_path(const struct landlock_grants *grants, const char *path, uint64_t rights)
{
        int r = grant_at(grants, path, strlen(path), rights);

        return r < 0 ? r : 0;
}

int landlock_grant_nearest(struct landlock_grants *grants, const char *path, size_t length, uint64_t rights,
                           bool made)
{
        bool root = length == 1 || made || rights & ~(uint64_t)RIGHTS_EXECUTE;
        int r = -ENOENT;

        for (; length > 0 && (r == -ENOENT || r == -ENOTDIR); length = landlock_parent_length(path, length)) {
                if (landlock_is_granted(grants, path, length, rights) || (length == 1 && !root))
                        return 0;
                r = grant_at(grants, path, length, rights);
                if (r == LANDLOCK_ON_DIRECTORY)
                        return landlock_note_granted(grants,
                                                     &(struct landlock_granted){path, length, rights});
        }
        return r == LANDLOCK_ON_OTHER || landlock_is_absence(-r) ? 0 : r;
}
