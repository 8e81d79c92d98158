/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a Landlock ruleset with file rights: what the sandbox's domain and the broker's have in common. */
#ifndef FLICKER_ENFORCE_LANDLOCK_GRANT_H
#define FLICKER_ENFORCE_LANDLOCK_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/enforce/landlock_abi.h"

#define RIGHTS_READ    (LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR)
#define RIGHTS_EXECUTE (RIGHTS_READ | LANDLOCK_FS_EXECUTE)
/* Names that come and go in a directory, but for those of devices. */
#define RIGHTS_NAMES                                                                                         \
        (LANDLOCK_FS_REMOVE_DIR | LANDLOCK_FS_REMOVE_FILE | LANDLOCK_FS_MAKE_DIR | LANDLOCK_FS_MAKE_REG |    \
         LANDLOCK_FS_MAKE_SOCK | LANDLOCK_FS_MAKE_FIFO | LANDLOCK_FS_MAKE_SYM | LANDLOCK_FS_REFER)
#define RIGHTS_DEVICES (LANDLOCK_FS_MAKE_CHAR | LANDLOCK_FS_MAKE_BLOCK)
#define RIGHTS_CONTENT (LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_TRUNCATE)
#define RIGHTS_WRITE   (RIGHTS_READ | RIGHTS_CONTENT | RIGHTS_NAMES | RIGHTS_DEVICES)
#define RIGHTS_ALL     (RIGHTS_WRITE | RIGHTS_EXECUTE)

/* Where ELF programs of the usual C libraries name their interpreter. NULL-terminated. */
extern const char *const landlock_interpreters[];

struct landlock_grants {
        int ruleset;
        uint64_t handled; /* file rights that this kernel knows and the ruleset refuses unless granted */
};

/* Of RIGHTS_ALL. */
uint64_t landlock_known_rights(int abi);

/* Grants rights on what is open at fd, of type mode, and beneath it. 0 or -errno. */
int landlock_grant_fd(const struct landlock_grants *grants, int fd, mode_t mode, uint64_t rights);
int landlock_grant_path(const struct landlock_grants *grants, const char *path, uint64_t rights);
/* On path or, where it is not there yet, on what it would come to be in. */
int landlock_grant_nearest(const struct landlock_grants *grants, const char *path, uint64_t rights);

/* Something that is not there, or that this user cannot reach, needs no grant. */
bool landlock_is_absence(int error);

/* How much of a pattern is the name of the directory that holds all it can match. */
size_t landlock_literal_length(const char *pattern);

#endif
