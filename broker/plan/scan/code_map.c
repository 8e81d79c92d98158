/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/code_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int segments_init(struct code_map *map)
{
        for (unsigned i = 0; i < map->image->segment_count; i++) {
                const struct elf_segment *from = &map->image->segments[i];
                struct code_segment *to = &map->segments[map->segment_count];

                if (!from->executable || from->size == 0)
                        continue;
                to->vaddr = from->vaddr;
                to->offset = from->offset;
                to->size = from->size;
                to->bytes = map->image->data + from->offset;
                to->targets = calloc(from->size / 64 + 1, sizeof *to->targets);
                if (!to->targets)
                        return -ENOMEM;
                map->segment_count++;
        }
        return 0;
}

static int compare_regions(const void *a, const void *b)
{
        const struct code_region *x = a, *y = b;

        return x->start < y->start ? -1 : x->start > y->start;
}

/* An executable section that lies in an executable segment at the offset it claims. */
static bool region_from_section(const struct code_map *map, unsigned index, struct code_region *ret_region)
{
        Elf64_Shdr header;
        const uint8_t *data;

        elf_image_section(map->image, index, &header, &data);
        if (!data || header.sh_type != SHT_PROGBITS || !(header.sh_flags & SHF_EXECINSTR) ||
            !(header.sh_flags & SHF_ALLOC) || header.sh_size == 0)
                return false;
        for (unsigned i = 0; i < map->segment_count; i++) {
                const struct code_segment *segment = &map->segments[i];
                uint64_t at = header.sh_addr - segment->vaddr;

                if (at < segment->size && header.sh_size <= segment->size - at &&
                    data == segment->bytes + at) {
                        ret_region->segment = i;
                        ret_region->start = header.sh_addr;
                        ret_region->end = header.sh_addr + header.sh_size;
                        return true;
                }
        }
        return false;
}

static void regions_from_sections(struct code_map *map)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < map->image->section_count; i++)
                if (region_from_section(map, i, &map->regions[map->region_count]))
                        map->region_count++;
        if (map->region_count == 0)
                return;
        qsort(map->regions, map->region_count, sizeof *map->regions, compare_regions);
        for (unsigned i = 1; i < map->region_count; i++)
                if (map->regions[i].start >= map->regions[kept].end)
                        map->regions[++kept] = map->regions[i];
        map->region_count = kept + 1;
}

static bool segment_has_region(const struct code_map *map, unsigned segment)
{
        for (unsigned i = 0; i < map->region_count; i++)
                if (map->regions[i].segment == segment)
                        return true;
        return false;
}

/* Sections where there are sane ones; whole segments where there are none. */
static int regions_init(struct code_map *map)
{
        unsigned from_sections;

        map->regions =
                calloc((size_t)map->image->section_count + map->segment_count + 1, sizeof *map->regions);
        if (!map->regions)
                return -ENOMEM;
        regions_from_sections(map);
        from_sections = map->region_count;
        for (unsigned i = 0; i < map->segment_count; i++) {
                const struct code_segment *segment = &map->segments[i];

                if (!segment_has_region(map, i))
                        map->regions[map->region_count++] = (struct code_region){
                                .segment = i,
                                .start = segment->vaddr,
                                .end = segment->vaddr + segment->size,
                        };
        }
        if (map->region_count > from_sections)
                qsort(map->regions, map->region_count, sizeof *map->regions, compare_regions);
        return 0;
}

int code_map_init(struct code_map *map, const struct elf_image *image)
{
        int r;

        *map = (struct code_map){.image = image, .marks_left = CODE_MARKS_MAX};
        r = segments_init(map);
        return r < 0 ? r : regions_init(map);
}

void code_map_finish(struct code_map *map)
{
        for (unsigned i = 0; i < map->segment_count; i++)
                free(map->segments[i].targets);
        free(map->regions);
        free(map->functions);
        free(map->tables);
        *map = (struct code_map){0};
}

const struct code_segment *code_map_find(const struct code_map *map, uint64_t vaddr)
{
        for (unsigned i = 0; i < map->segment_count; i++)
                if (vaddr - map->segments[i].vaddr < map->segments[i].size)
                        return &map->segments[i];
        return NULL;
}

static void segment_mark(const struct code_segment *segment, uint64_t at)
{
        segment->targets[at / 64] |= 1ull << (at % 64);
}

void code_map_mark(struct code_map *map, uint64_t vaddr)
{
        const struct code_segment *segment = code_map_find(map, vaddr);

        if (segment)
                segment_mark(segment, vaddr - segment->vaddr);
}

int code_map_mark_range(struct code_map *map, uint64_t vaddr, uint64_t size)
{
        const struct code_segment *segment = code_map_find(map, vaddr);
        uint64_t at;

        if (!segment)
                return 0;
        at = vaddr - segment->vaddr;
        if (size > segment->size - at)
                size = segment->size - at;
        if (size > map->marks_left)
                return -E2BIG;
        map->marks_left -= size;
        for (uint64_t i = 0; i < size; i++)
                segment_mark(segment, at + i);
        return 0;
}

bool code_map_marked(const struct code_segment *segment, uint64_t from, uint64_t to)
{
        for (uint64_t at = from - segment->vaddr; at < to - segment->vaddr; at++)
                if (segment->targets[at / 64] >> (at % 64) & 1)
                        return true;
        return false;
}

/* Makes room for one more element. 0, -ENOMEM, -E2BIG. */
static int array_grow(void **array, size_t *room, size_t count, size_t element_size, size_t max)
{
        size_t wanted = *room ? *room * 2 : 1024;
        void *grown;

        if (count < *room)
                return 0;
        if (count >= max)
                return -E2BIG;
        grown = reallocarray(*array, wanted, element_size);
        if (!grown)
                return -ENOMEM;
        *array = grown;
        *room = wanted;
        return 0;
}

int code_map_add_function(struct code_map *map, uint64_t start, uint64_t end)
{
        const struct code_segment *segment = code_map_find(map, start);
        int r;

        if (!segment)
                return 0;
        r = array_grow((void **)&map->functions, &map->function_room, map->function_count,
                       sizeof *map->functions, CODE_FUNCTIONS_MAX);
        if (r < 0)
                return r;
        segment_mark(segment, start - segment->vaddr);
        if (end < start)
                end = start;
        if (end > segment->vaddr + segment->size)
                end = segment->vaddr + segment->size;
        map->functions[map->function_count++] = (struct code_function){.start = start, .end = end};
        return 0;
}

int code_map_add_table(struct code_map *map, uint64_t vaddr)
{
        int r = array_grow((void **)&map->tables, &map->table_room, map->table_count, sizeof *map->tables,
                           CODE_TABLES_MAX);

        if (r == 0)
                map->tables[map->table_count++] = vaddr;
        return r;
}

static int compare_functions(const void *a, const void *b)
{
        const struct code_function *x = a, *y = b;

        if (x->start != y->start)
                return x->start < y->start ? -1 : 1;
        return x->end > y->end ? -1 : x->end < y->end;
}

void code_map_sort_functions(struct code_map *map)
{
        size_t kept = 0;

        if (map->function_count == 0)
                return;
        qsort(map->functions, map->function_count, sizeof *map->functions, compare_functions);
        for (size_t i = 1; i < map->function_count; i++)
                if (map->functions[i].start != map->functions[kept].start)
                        map->functions[++kept] = map->functions[i];
        map->function_count = kept + 1;
}

static int compare_addresses(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

void code_map_sort_tables(struct code_map *map)
{
        size_t kept = 0;

        if (map->table_count == 0)
                return;
        qsort(map->tables, map->table_count, sizeof *map->tables, compare_addresses);
        for (size_t i = 1; i < map->table_count; i++)
                if (map->tables[i] != map->tables[kept])
                        map->tables[++kept] = map->tables[i];
        map->table_count = kept + 1;
}
