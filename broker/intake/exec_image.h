/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a file that somebody wants executed, read once and judged as the kernel's binfmts would. */
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
        char argument[256];                 /* of "#!"; empty: none */
};

/* 0, or the -errno that execve(2) gives: -ENOEXEC for what no binfmt takes (and for other machines' files,
 * 32-bit ones included, which the backstop would not let run), -EIO, -ELIBBAD. */
int exec_image_inspect(int fd, struct exec_image *ret_image);

#endif
