/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock's interface up to ABI 7 (landlock(7), Linux 6.15), since the headers of the build may be older. */
#ifndef FLICKER_ENFORCE_LANDLOCK_ABI_H
#define FLICKER_ENFORCE_LANDLOCK_ABI_H

#include <stdint.h>

#define LANDLOCK_NR_CREATE_RULESET 444
#define LANDLOCK_NR_ADD_RULE       445
#define LANDLOCK_NR_RESTRICT_SELF  446

#define LANDLOCK_VERSION_QUERY 1u /* flag of landlock_create_ruleset */
#define LANDLOCK_PATH_BENEATH  1  /* rule type */

#define LANDLOCK_FS_EXECUTE     (1ull << 0)
#define LANDLOCK_FS_WRITE_FILE  (1ull << 1)
#define LANDLOCK_FS_READ_FILE   (1ull << 2)
#define LANDLOCK_FS_READ_DIR    (1ull << 3)
#define LANDLOCK_FS_REMOVE_DIR  (1ull << 4)
#define LANDLOCK_FS_REMOVE_FILE (1ull << 5)
#define LANDLOCK_FS_MAKE_CHAR   (1ull << 6)
#define LANDLOCK_FS_MAKE_DIR    (1ull << 7)
#define LANDLOCK_FS_MAKE_REG    (1ull << 8)
#define LANDLOCK_FS_MAKE_SOCK   (1ull << 9)
#define LANDLOCK_FS_MAKE_FIFO   (1ull << 10)
#define LANDLOCK_FS_MAKE_BLOCK  (1ull << 11)
#define LANDLOCK_FS_MAKE_SYM    (1ull << 12)
#define LANDLOCK_FS_REFER       (1ull << 13) /* ABI 2 */
#define LANDLOCK_FS_TRUNCATE    (1ull << 14) /* ABI 3 */

#define LANDLOCK_NET_BIND_TCP    (1ull << 0) /* ABI 4 */
#define LANDLOCK_NET_CONNECT_TCP (1ull << 1)

#define LANDLOCK_SCOPED_ABSTRACT_UNIX (1ull << 0) /* ABI 6 */
#define LANDLOCK_SCOPED_SIGNAL        (1ull << 1)

struct landlock_ruleset {
        uint64_t handled_fs;
        uint64_t handled_net; /* ABI 4 */
        uint64_t scoped;      /* ABI 6 */
};

struct landlock_path_beneath {
        uint64_t allowed;
        int32_t parent_fd;
} __attribute__((packed));

#endif
