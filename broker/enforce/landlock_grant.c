/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/landlock_grant.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
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

int landlock_grant_fd(const struct landlock_grants *grants, int fd, mode_t mode, uint64_t rights)
{
        struct landlock_path_beneath rule = {.allowed = rights & grants->handled, .parent_fd = fd};

        if (!S_ISDIR(mode))
                rule.allowed &= RIGHTS_OF_FILES;
        if (rule.allowed == 0)
                return 0;
        if (syscall(LANDLOCK_NR_ADD_RULE, grants->ruleset, LANDLOCK_PATH_BENEATH, &rule, 0) < 0)
                return -errno;
        return 0;
}

bool landlock_is_absence(int error)
{
        return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP;
}

int landlock_grant_path(const struct landlock_grants *grants, const char *path, uint64_t rights)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        return landlock_grant_fd(grants, fd, status.st_mode, rights);
}

/* Cuts the last component of path off; false where none is left. */
static bool cut_component(char *path)
{
        char *slash = strrchr(path, '/');

        if (!slash || (slash == path && path[1] == '\0'))
                return false;
        slash[slash == path ? 1 : 0] = '\0';
        return true;
}

int landlock_grant_nearest(const struct landlock_grants *grants, const char *path, uint64_t rights)
{
        char nearest[4096];
        int r;

        if (strlen(path) >= sizeof nearest)
                return -ENAMETOOLONG;
        strcpy(nearest, path);
        while ((r = landlock_grant_path(grants, nearest, rights)) == -ENOENT || r == -ENOTDIR)
                if (!cut_component(nearest))
                        return 0;
        return landlock_is_absence(-r) ? 0 : r;
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
