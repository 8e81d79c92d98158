/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbolic links that were followed before: "/bin", "/lib64". Where a policy hides something, each link on a
 * path has to be looked at for itself, a dozen system calls; one that is known costs one to three, which say
 * that it is still the same.
 *
 * A link's text never changes, so it is known by its inode and the time of its last change. Only root's links
 * in root's directories are kept, and none so young that another one of that time may follow.
 */
#ifndef FLICKER_ENFORCE_LINKS_H
#define FLICKER_ENFORCE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "broker/policy/request.h"

#define KNOWN_LINKS       12
#define KNOWN_LINK_LENGTH 63 /* bytes of a path, or of a text */

struct known_link {
        char path[KNOWN_LINK_LENGTH + 1]; /* "": none */
        char text[KNOWN_LINK_LENGTH + 1];
        size_t length; /* of path */
        dev_t device;
        ino_t inode;
        struct timespec change;
};

/* All zero: none. */
struct known_links {
        struct known_link items[KNOWN_LINKS];
        unsigned next; /* to be overwritten */
};

/* The link of this status in the directory, whose real path is path, has this text: may be kept. */
void known_links_learn(struct known_links *links, int directory, const struct stat *link, const char *path,
                       const char *text, size_t text_length);

/* The first known link that leads on from the absolute path: its beginning, or where last is set all of it.
 * NULL: none. */
const struct known_link *known_links_find(const struct known_links *links, const char *path, bool last);

/* Is it still there, for who has the credentials assumed? */
bool known_link_stands(const struct known_link *link);

/* Follows it in path. False: too long. */
bool known_link_follow(const struct known_link *link, char path[REQUEST_PATH_MAX]);

#endif
