/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a file that somebody wants executed, read once and judged as the kernel's binfmts would.
 */
#ifndef FLICKER_INTAKE_EXEC_IMAGE_H
#define FLICKER_INTAKE_EXEC_IMAGE_H

#include "broker/policy/request.h"

enum exec_image_kind {
        EXEC_IMAGE_ELF,    /* x86-64, ET_EXEC or ET_DYN, program headers in order */
        EXEC_IMAGE_SCRIPT, /* "#!" */
};

struct exec_image {
        enum exec_image_kind kind;
        char interpreter[REQUEST_PATH_MAX]; /* PT_INTERP, or of "#!"; empty: none */
        bool has_argument;                  /* of "#!"; it may be empty */
        char argument[256];
};

/* 0, or the -errno that execve(2) gives: -ENOEXEC for what no binfmt takes (and for other machines' files,
 * 32-bit ones included, which the backstop would not let run), -EIO, -ELIBBAD. */
int exec_image_inspect(int fd, struct exec_image *ret_image);

/* Is the file an ELF interpreter that the kernel would load? 0, -ELIBBAD, -EIO where it is too short, -errno.
 */
int exec_image_check_interpreter(int fd);

#endif
