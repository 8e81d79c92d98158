/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool files_make_directories(const char *path)
{
        char partial[PATH_MAX];
        size_t length = strlen(path);

        if (access(path, F_OK) == 0)
                return true;
        if (length == 0 || length >= sizeof partial)
                return false;
        memcpy(partial, path, length + 1);
        for (char *slash = partial; (slash = strchr(slash + 1, '/'));) {
                *slash = '\0';
                mkdir(partial, 0700);
                *slash = '/';
        }
        return mkdir(partial, 0700) == 0 || errno == EEXIST;
}

bool files_size_allowed(size_t size)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_FSIZE, &limit) == 0 && size <= limit.rlim_cur;
}

int files_write_whole(int fd, const void *data, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, (const char *)data + done, size - done);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        done += (size_t)n;
        }
        return 0;
}
