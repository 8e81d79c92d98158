/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/links.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/resolve.h"

#define YOUNG_SECONDS 2 /* kernels before 6.13 tell changes apart by a timer's tick */

static bool is_old(const struct stat *link)
{
        struct timespec now;

        return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - link->st_ctim.tv_sec > YOUNG_SECONDS;
}

/* Whose entries nobody but root may change, so that it does not matter who follows them
 * (fs.protected_symlinks). */
static bool is_roots(int directory)
{
        struct stat status;

        return fstat(directory, &status) == 0 && status.st_uid == 0 &&
               !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* Where the link at path is kept, or else the oldest. */
static struct known_link *place_for(struct known_links *links, const char *path)
{
        for (unsigned i = 0; i < KNOWN_LINKS; i++)
                if (!strcmp(links->items[i].path, path))
                        return &links->items[i];
        return &links->items[links->next++ % KNOWN_LINKS];
}

void known_links_learn(struct known_links *links, int directory, const struct stat *link, const char *path,
                       const char *text, size_t text_length)
{
        size_t length = strlen(path);
        struct known_link *item;

        if (length > KNOWN_LINK_LENGTH || !text_length || text_length > KNOWN_LINK_LENGTH ||
            link->st_uid != 0 || !is_old(link) || !is_roots(directory))
                return;
        item = place_for(links, path);
        memcpy(item->path, path, length + 1);
        memcpy(item->text, text, text_length);
        item->text[text_length] = '\0';
        item->length = length;
        item->device = link->st_dev;
        item->inode = link->st_ino;
        item->change = link->st_ctim;
        if (path_goes_up(item->text))
                item->path[0] = '\0';
}

static bool leads_on(const struct known_link *link, const char *path, bool last)
{
        const char *rest = path + link->length;

        if (!link->path[0] || strncmp(path, link->path, link->length) != 0)
                return false;
        return *rest ? *rest == '/' && rest[strspn(rest, "/")] : last;
}

const struct known_link *known_links_find(const struct known_links *links, const char *path, bool last)
{
        for (unsigned i = 0; i < KNOWN_LINKS; i++)
                if (leads_on(&links->items[i], path, last))
                        return &links->items[i];
        return NULL;
}

/* The status of the link at path, where no other link is on the way. */
static bool status_of(const char *path, struct stat *ret_status)
{
        _cleanup_close_ int fd = -1;

        if (!strchr(path + 1, '/'))
                return fstatat(AT_FDCWD, path, ret_status, AT_SYMLINK_NOFOLLOW) == 0;
        fd = open_path(AT_FDCWD, path, O_NOFOLLOW, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
        return fd >= 0 && fstat(fd, ret_status) == 0;
}

bool known_link_stands(const struct known_link *link)
{
        struct stat status;

        return status_of(link->path, &status) && status.st_dev == link->device &&
               status.st_ino == link->inode && status.st_ctim.tv_sec == link->change.tv_sec &&
               status.st_ctim.tv_nsec == link->change.tv_nsec;
}

bool known_link_follow(const struct known_link *link, char path[REQUEST_PATH_MAX])
{
        const size_t directory =
                link->text[0] == '/' ? 0 : (size_t)(strrchr(link->path, '/') + 1 - link->path);
        const size_t text = strlen(link->text), rest = strlen(path + link->length);

        if (directory + text + rest >= REQUEST_PATH_MAX)
                return false;
        memmove(path + directory + text, path + link->length, rest + 1);
        memcpy(path + directory, link->text, text);
        return true;
}
