/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/references.h"

#include <string.h>

#include "broker/plan/scan/bytes.h"

#define TABLE_ENTRIES_MAX 65536u
#define FIXED_TABLE_MIN   3u

/* A word that the loader will write: 8 bytes, and nothing that touches them may move. One byte more, so that
 * neither can a window begin at the last of them. */
#define RELOCATED_SIZE 9u

#ifndef SHT_RELR
#define SHT_RELR 19
#endif
#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR   36
#endif

/* What is used of PT_DYNAMIC. */
struct dynamic {
        uint64_t rela, rela_size, plt, plt_size, relr, relr_size, init, fini, symbols, strings;
};

static void dynamic_entry(struct dynamic *dynamic, int64_t tag, uint64_t value)
{
        switch (tag) {
        case DT_RELA:
                dynamic->rela = value;
                break;
        case DT_RELASZ:
                dynamic->rela_size = value;
                break;
        case DT_JMPREL:
                dynamic->plt = value;
                break;
        case DT_PLTRELSZ:
                dynamic->plt_size = value;
                break;
        case DT_RELR:
                dynamic->relr = value;
                break;
        case DT_RELRSZ:
                dynamic->relr_size = value;
                break;
        case DT_INIT:
                dynamic->init = value;
                break;
        case DT_FINI:
                dynamic->fini = value;
                break;
        case DT_SYMTAB:
                dynamic->symbols = value;
                break;
        case DT_STRTAB:
                dynamic->strings = value;
                break;
        default:
                break;
        }
}

static void dynamic_read(const struct elf_image *image, struct dynamic *ret_dynamic)
{
        Elf64_Dyn entry;

        *ret_dynamic = (struct dynamic){0};
        for (unsigned i = 0; elf_image_dynamic(image, i, &entry); i++)
                dynamic_entry(ret_dynamic, entry.d_tag, entry.d_un.d_val);
}

static int relocations_mark(struct code_map *map, const uint8_t *data, uint64_t size)
{
        Elf64_Rela relocation;
        int r = 0;

        for (; r == 0 && size >= sizeof relocation; size -= sizeof relocation, data += sizeof relocation) {
                memcpy(&relocation, data, sizeof relocation);
                /* The addend of RELATIVE and IRELATIVE is an address; of others, added to a symbol that is
                 * marked as one, it may be near enough to matter only in data. */
                code_map_mark(map, (uint64_t)relocation.r_addend);
                r = code_map_mark_range(map, relocation.r_offset, RELOCATED_SIZE);
        }
        return r;
}

static int relocated_word(struct code_map *map, uint64_t vaddr)
{
        uint64_t available;
        const uint8_t *data = elf_image_at(map->image, vaddr, &available);

        if (data && available >= 8)
                code_map_mark(map, load_u64(data));
        return code_map_mark_range(map, vaddr, RELOCATED_SIZE);
}

/* Relative relocations, compressed: an even word is an address, an odd one a bitmap of the 63 words that
 * follow (gABI, "Relative Relocation Table"). */
static int relr_mark(struct code_map *map, const uint8_t *data, uint64_t size)
{
        uint64_t where = 0, word;
        int r = 0;

        for (; r == 0 && size >= 8; size -= 8, data += 8) {
                word = load_u64(data);
                if (!(word & 1)) {
                        r = relocated_word(map, word);
                        where = word + 8;
                        continue;
                }
                for (unsigned bit = 1; r == 0 && bit < 64; bit++)
                        if (word >> bit & 1)
                                r = relocated_word(map, where + (bit - 1) * 8);
                where += 63 * 8;
        }
        return r;
}

static int table_mark(struct code_map *map, uint64_t vaddr, uint64_t size,
                      int (*mark)(struct code_map *, const uint8_t *, uint64_t))
{
        uint64_t available;
        const uint8_t *data;

        if (size == 0)
                return 0;
        data = elf_image_at(map->image, vaddr, &available);
        return data ? mark(map, data, size < available ? size : available) : 0;
}

static int symbols_mark(struct code_map *map, const uint8_t *data, uint64_t size)
{
        Elf64_Sym symbol;
        int r = 0;

        for (; r == 0 && size >= sizeof symbol; size -= sizeof symbol, data += sizeof symbol) {
                memcpy(&symbol, data, sizeof symbol);
                if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS)
                        continue;
                switch (ELF64_ST_TYPE(symbol.st_info)) {
                case STT_FUNC:
                case STT_GNU_IFUNC:
                        r = code_map_add_function(map, symbol.st_value, symbol.st_value + symbol.st_size);
                        break;
                case STT_OBJECT:
                        r = code_map_mark_range(map, symbol.st_value, symbol.st_size);
                        break;
                case STT_NOTYPE:
                        code_map_mark(map, symbol.st_value);
                        break;
                default:
                        break;
                }
        }
        return r;
}

static int sections_mark(struct code_map *map)
{
        Elf64_Shdr header;
        const uint8_t *data;
        int r = 0;

        for (unsigned i = 0; r == 0 && i < map->image->section_count; i++) {
                elf_image_section(map->image, i, &header, &data);
                if (!data)
                        continue;
                if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
                        r = symbols_mark(map, data, header.sh_size);
                else if (header.sh_type == SHT_RELA && (header.sh_flags & SHF_ALLOC))
                        r = relocations_mark(map, data, header.sh_size);
        }
        return r;
}

static int dynamic_mark(struct code_map *map)
{
        struct dynamic dynamic;
        int r;

        dynamic_read(map->image, &dynamic);
        code_map_mark(map, dynamic.init);
        code_map_mark(map, dynamic.fini);
        r = table_mark(map, dynamic.rela, dynamic.rela_size, relocations_mark);
        if (r == 0)
                r = table_mark(map, dynamic.plt, dynamic.plt_size, relocations_mark);
        if (r == 0)
                r = table_mark(map, dynamic.relr, dynamic.relr_size, relr_mark);
        /* The dynamic symbol table does not say how long it is; linkers put the strings behind it. */
        if (r == 0 && !map->image->sections && dynamic.strings > dynamic.symbols)
                r = table_mark(map, dynamic.symbols, dynamic.strings - dynamic.symbols, symbols_mark);
        return r;
}

/* Go's linker writes no short addresses, but a function table of pairs of offsets that look like them. */
static bool is_go_program(const struct elf_image *image)
{
        Elf64_Shdr header;
        const uint8_t *data;

        for (unsigned i = 0; i < image->section_count; i++) {
                elf_image_section(image, i, &header, &data);
                if (strcmp(elf_image_section_name(image, &header), ".gopclntab") == 0)
                        return true;
        }
        return false;
}

/* A program linked to fixed addresses needs no relocations: any aligned word may be an address of code. Short
 * ones occur only in tables, and else by chance: so many in a row make a table. Go aligns what holds
 * addresses. */
static void fixed_words_mark(struct code_map *map, const struct elf_segment *segment, bool is_go)
{
        const uint8_t *data = map->image->data + segment->offset;
        unsigned row = 0;

        for (uint64_t at = (4 - segment->vaddr % 4) % 4; at + 4 <= segment->size; at += 4) {
                if (at + 8 <= segment->size && (!is_go || (segment->vaddr + at) % 8 == 0))
                        code_map_mark(map, load_u64(data + at));
                row = code_map_find(map, load_u32(data + at)) ? row + 1 : 0;
                if (is_go || segment->executable || row < FIXED_TABLE_MIN)
                        continue;
                for (unsigned i = row == FIXED_TABLE_MIN ? FIXED_TABLE_MIN : 1; i > 0; i--)
                        code_map_mark(map, load_u32(data + at - (i - 1) * 4u));
        }
}

int references_collect(struct code_map *map)
{
        int r;

        code_map_mark(map, map->image->entry);
        r = code_map_add_function(map, map->image->entry, map->image->entry);
        if (r == 0)
                r = sections_mark(map);
        if (r == 0)
                r = dynamic_mark(map);
        if (r == 0 && map->image->fixed) {
                const bool is_go = is_go_program(map->image);

                for (unsigned i = 0; i < map->image->segment_count; i++)
                        fixed_words_mark(map, &map->image->segments[i], is_go);
        }
        return r;
}

/* Entries as far as they are plausible, at most up to where the next address taken begins something else. */
static void jump_table_mark(struct code_map *map, uint64_t table, uint64_t limit)
{
        uint64_t available, target;
        const uint8_t *data = elf_image_at(map->image, table, &available);

        if (!data)
                return;
        if (available > limit - table)
                available = limit - table;
        for (unsigned i = 0; i < TABLE_ENTRIES_MAX && (i + 1) * 4u <= available; i++) {
                target = table + (uint64_t)(int64_t)(int32_t)load_u32(data + i * 4u);
                if (!code_map_find(map, target))
                        return;
                code_map_mark(map, target);
        }
}

void references_jump_tables(struct code_map *map)
{
        for (size_t i = 0; i < map->table_count; i++)
                jump_table_mark(map, map->tables[i],
                                i + 1 < map->table_count ? map->tables[i + 1] : UINT64_MAX);
}
