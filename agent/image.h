/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps an ELF file as the kernel's loader would (fs/binfmt_elf.c of Linux). The file is foreign: every number
 * in it is checked before use, and what the kernel would not load is not loaded here.
 */
#ifndef FLICKER_AGENT_IMAGE_H
#define FLICKER_AGENT_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/workspace.h"

#define AG_SEGMENTS_MAX 16 /* executable segments of one file that are patched; more run unpatched */

struct ag_span {
        uint64_t start, end; /* addresses */
};

/* A mapped piece of a file. */
struct ag_mapping {
        uint64_t address, length; /* whole pages */
        uint64_t offset;          /* in the file */
        int protection;           /* PROT_* */
};

struct ag_image {
        uint64_t bias;                       /* load address minus p_vaddr */
        uint64_t start, end;                 /* of everything mapped */
        struct ag_span code_span, data_span; /* as the kernel counts them; of the file only */
        uint64_t entry;                      /* address */
        uint64_t headers;                    /* address of the program headers in memory; 0: not mapped */
        uint16_t header_count;
        bool executable_stack; /* PT_GNU_STACK asks for one */
        bool has_interpreter;  /* its path is in workspace->path */
        unsigned code_count;
        struct ag_mapping code[AG_SEGMENTS_MAX]; /* executable and from the file */
};

/* Reads the headers of the file open at fd and maps it. as_interpreter: PT_INTERP and PT_GNU_STACK are not
 * looked at. 0, or -errno with part of the file possibly mapped: the caller dies then. */
int ag_image_load(int fd, bool as_interpreter, struct ag_workspace *workspace, struct ag_image *ret_image);

#endif
