/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF file as bytes in memory, taken apart with every offset and size checked. The file is hostile. What
 * this module hands out lies inside the file's bytes; what it tells may still be a lie.
 */
#ifndef FLICKER_PLAN_SCAN_ELF_IMAGE_H
#define FLICKER_PLAN_SCAN_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_PROGRAM_HEADERS_MAX 512u
#define ELF_SEGMENTS_MAX        64u /* loadable ones */
#define ELF_VADDR_MAX           (1ull << 47)

/* A PT_LOAD: file bytes [offset, offset+size) stand at vaddr. Bytes past the file's part are zero in memory
 * and of no interest here. */
struct elf_segment {
        uint64_t vaddr, offset, size;
        bool executable;
};

struct elf_image {
        const uint8_t *data;
        size_t size;
        bool fixed; /* ET_EXEC: linked to fixed addresses, so absolute ones need no relocation */
        uint64_t entry;
        struct elf_segment segments[ELF_SEGMENTS_MAX]; /* ascending and disjoint */
        unsigned segment_count;
        uint64_t dynamic, dynamic_size; /* addresses; size 0: absent */
        uint64_t eh_frame_header, eh_frame_header_size;
        const uint8_t *sections; /* the table; NULL: none, or out of range */
        unsigned section_count;
        const char *section_names; /* NUL-terminated as a whole; NULL: none */
        size_t section_names_size;
};

/* 0; -ENOEXEC for what is not an x86-64 ELF64 program or library, or has headers that no kernel or dynamic
 * loader should accept. Keeps a pointer to data. */
int elf_image_parse(const uint8_t *data, size_t size, struct elf_image *ret_image);

/* The bytes at an address, and how many follow in the segment (*ret_available > 0); NULL where no file byte
 * stands there. */
const uint8_t *elf_image_at(const struct elf_image *image, uint64_t vaddr, uint64_t *ret_available);

/* Entry number index of PT_DYNAMIC; false behind the last one. */
bool elf_image_dynamic(const struct elf_image *image, unsigned index, Elf64_Dyn *ret_entry);

/* Section number index; *ret_data is NULL for one without bytes in the file, or out of range. */
void elf_image_section(const struct elf_image *image, unsigned index, Elf64_Shdr *ret_header,
                       const uint8_t **ret_data);
const char *elf_image_section_name(const struct elf_image *image, const Elf64_Shdr *header);

#endif
