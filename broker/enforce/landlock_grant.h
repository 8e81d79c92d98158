/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a Landlock ruleset with file rights: what the sandbox's domain and the broker's have in common. */
#ifndef FLICKER_ENFORCE_LANDLOCK_GRANT_H
#define FLICKER_ENFORCE_LANDLOCK_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* A hierarchy on which something was granted. */
struct landlock_granted {
        const char *path; /* of the directory, length bytes; belongs to the caller */
        size_t length;
        uint64_t rights;
};

struct landlock_grants {
        int ruleset;
        uint64_t handled; /* file rights that this kernel knows and the ruleset refuses unless granted */
        struct landlock_granted *made; /* allocated: landlock_grants_finish */
        size_t made_count, made_room;
};

/* Of RIGHTS_ALL. */
uint64_t landlock_known_rights(int abi);

/* What a rule was made on. */
enum landlock_ground { LANDLOCK_ON_DIRECTORY, LANDLOCK_ON_OTHER };

/* Grants rights on the directory that is open at fd and beneath it: LANDLOCK_ON_DIRECTORY. Something else is
 * open there: LANDLOCK_ON_OTHER, and nothing was granted. -errno. */
int landlock_grant_directory(const struct landlock_grants *grants, int fd, uint64_t rights);
/* Those of rights that a file can have, on what is open at fd. 0 or -errno. */
int landlock_grant_file(const struct landlock_grants *grants, int fd, uint64_t rights);
/* Either. 0 or -errno. */
int landlock_grant_path(const struct landlock_grants *grants, const char *path, uint64_t rights);
/* On the path (resolved, without links, length bytes that stay where they are) or, where it is not there yet,
 * on what it would come to be in. The root directory, which is worth more than what could only be read or
 * executed there, counts for that only if made: somebody in the sandbox may make path. Nothing, where an
 * earlier such call granted as much. 0 or -errno. */
int landlock_grant_nearest(struct landlock_grants *grants, const char *path, size_t length, uint64_t rights,
                           bool made);

/* Are rights on path (resolved, without links, length bytes) granted by a hierarchy that was noted? */
bool landlock_is_granted(const struct landlock_grants *grants, const char *path, size_t length,
                         uint64_t rights);
/* 0 or -ENOMEM. */
int landlock_note_granted(struct landlock_grants *grants, const struct landlock_granted *granted);
void landlock_grants_finish(struct landlock_grants *grants);

/* Length of path (length bytes, without a slash at the end) without its last component; 0 of the root's. */
size_t landlock_parent_length(const char *path, size_t length);

/* path itself, or something beneath directory? */
bool landlock_is_beneath(const char *path, size_t length, const char *directory, size_t directory_length);

/* Something that is not there, or that this user cannot reach, needs no grant. */
bool landlock_is_absence(int error);

/* How much of a pattern is the name of the directory that holds all it can match. */
size_t landlock_literal_length(const char *pattern);

#endif
