/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about a file's executable bytes: where known branches may land (one bit a byte), where
 * functions begin, which ranges to disassemble. Filled by references, eh_frame and sweep; read by window.
 * Filled from foreign data: a wrong entry costs a site its patch at worst.
 */
#ifndef FLICKER_PLAN_SCAN_CODE_MAP_H
#define FLICKER_PLAN_SCAN_CODE_MAP_H

#include "broker/plan/scan/elf_image.h"

#define CODE_FUNCTIONS_MAX (8u << 20)   /* function starts remembered */
#define CODE_TABLES_MAX    (16u << 20)  /* addresses of possible jump tables remembered */
#define CODE_MARKS_MAX     (1ull << 26) /* bytes of declared data in code; beyond, the file is given up */

struct code_segment {
        uint64_t vaddr, offset, size;
        const uint8_t *bytes;
        uint64_t *targets; /* bitmap */
};

/* A function: code begins at start. Everything before end is code; end == start where no end is known. */
struct code_function {
        uint64_t start, end;
};

/* A range to disassemble; inside one segment. */
struct code_region {
        unsigned segment;
        uint64_t start, end; /* addresses */
};

struct code_map {
        const struct elf_image *image;
        struct code_segment segments[ELF_SEGMENTS_MAX];
        unsigned segment_count;
        struct code_region *regions; /* ascending, disjoint */
        unsigned region_count;
        struct code_function *functions; /* sorted by start, one for each start, after code_map_sort */
        size_t function_count, function_room;
        uint64_t *tables; /* sorted and unique after code_map_sort */
        size_t table_count, table_room;
        uint64_t marks_left;
};

/* 0; -ENOMEM. *map is to be finished in every case. */
int code_map_init(struct code_map *map, const struct elf_image *image);
void code_map_finish(struct code_map *map);

/* The executable segment that holds vaddr, or NULL. */
const struct code_segment *code_map_find(const struct code_map *map, uint64_t vaddr);

/* vaddr, which may be anything, is a possible branch target. */
void code_map_mark(struct code_map *map, uint64_t vaddr);
/* So is every byte of [vaddr, vaddr+size): data, or code that is written to. -E2BIG past CODE_MARKS_MAX. */
int code_map_mark_range(struct code_map *map, uint64_t vaddr, uint64_t size);
/* Is any of [from, to) of the segment a possible branch target? Addresses inside the segment. */
bool code_map_marked(const struct code_segment *segment, uint64_t from, uint64_t to);

/* Both -ENOMEM or -E2BIG. A function is marked too; one outside of executable segments is dropped. */
int code_map_add_function(struct code_map *map, uint64_t start, uint64_t end);
int code_map_add_table(struct code_map *map, uint64_t vaddr);

/* After adding. */
void code_map_sort_functions(struct code_map *map);
void code_map_sort_tables(struct code_map *map);

#endif
