/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/eh_frame.h"

#include <string.h>

#include "broker/plan/scan/bytes.h"

/* Pointer encodings, DW_EH_PE_*. */
enum {
        PE_ABSPTR = 0x00,
        PE_ULEB128 = 0x01,
        PE_UDATA2 = 0x02,
        PE_UDATA4 = 0x03,
        PE_UDATA8 = 0x04,
        PE_SLEB128 = 0x09,
        PE_SDATA2 = 0x0a,
        PE_SDATA4 = 0x0b,
        PE_SDATA8 = 0x0c,
        PE_FORMAT = 0x0f,
        PE_PCREL = 0x10,
        PE_BASE = 0x70,
        PE_INDIRECT = 0x80,
        PE_OMIT = 0xff,
};

#define CALL_SITES_MAX 65536u /* of one function */

/* Bytes with the address they stand at. */
struct table {
        struct cursor cursor;
        const uint8_t *base;
        uint64_t vaddr;
};

struct cie {
        uint64_t at; /* offset in the table; UINT64_MAX: none read yet */
        uint8_t pointer_encoding, lsda_encoding;
        bool augmented; /* FDEs carry augmentation data */
        bool signal;    /* signal frames: such FDEs begin a byte early, for unwinders that look up pc - 1 */
};

static struct table table_make(const uint8_t *data, uint64_t size, uint64_t vaddr)
{
        return (struct table){.cursor = {.at = data, .end = data + size}, .base = data, .vaddr = vaddr};
}

static uint64_t table_address(const struct table *table)
{
        return table->vaddr + (uint64_t)(table->cursor.at - table->base);
}

static uint64_t value_read(struct cursor *cursor, uint8_t format)
{
        switch (format) {
        case PE_ABSPTR:
        case PE_UDATA8:
        case PE_SDATA8:
                return cursor_unsigned(cursor, 8);
        case PE_ULEB128:
                return cursor_leb128(cursor, false);
        case PE_SLEB128:
                return cursor_leb128(cursor, true);
        case PE_UDATA2:
                return cursor_unsigned(cursor, 2);
        case PE_SDATA2:
                return (uint64_t)cursor_signed(cursor, 2);
        case PE_UDATA4:
                return cursor_unsigned(cursor, 4);
        case PE_SDATA4:
                return (uint64_t)cursor_signed(cursor, 4);
        default:
                cursor->bad = true;
                return 0;
        }
}

/* Bases other than the pointer's own address do not occur in the tables read here; indirect ones are skipped
 * over by callers that do not need them. */
static uint64_t pointer_read(struct table *table, uint8_t encoding)
{
        uint64_t here = table_address(table), value;

        if (encoding == PE_OMIT)
                return 0;
        value = value_read(&table->cursor, encoding & PE_FORMAT);
        if ((encoding & PE_BASE) == PE_PCREL)
                return value ? value + here : 0;
        if (encoding & PE_BASE)
                table->cursor.bad = true;
        return value;
}

static void personality_skip(struct table *table)
{
        uint8_t encoding = (uint8_t)cursor_unsigned(&table->cursor, 1);

        if (encoding != PE_OMIT)
                value_read(&table->cursor, encoding & PE_FORMAT);
}

/* entry begins behind the CIE's id. */
static bool cie_read(struct table *entry, struct cie *ret_cie)
{
        struct cursor *cursor = &entry->cursor;
        uint8_t version = (uint8_t)cursor_unsigned(cursor, 1);
        const uint8_t *augmentation = cursor->at, *end;

        ret_cie->pointer_encoding = PE_ABSPTR;
        ret_cie->lsda_encoding = PE_OMIT;
        ret_cie->augmented = ret_cie->signal = false;
        end = cursor->bad ? NULL : memchr(augmentation, 0, (size_t)(cursor->end - augmentation));
        if (!end || (version != 1 && version != 3))
                return false;

        cursor_skip(cursor, (uint64_t)(end - augmentation) + 1);
        cursor_leb128(cursor, false); /* code alignment */
        cursor_leb128(cursor, true);  /* data alignment */
        if (version == 1)
                cursor_skip(cursor, 1);
        else
                cursor_leb128(cursor, false);
        if (augmentation == end)
                return !cursor->bad;
        if (*augmentation != 'z')
                return false;

        ret_cie->augmented = true;
        cursor_leb128(cursor, false);
        for (augmentation++; augmentation < end; augmentation++) {
                if (*augmentation == 'R')
                        ret_cie->pointer_encoding = (uint8_t)cursor_unsigned(cursor, 1);
                else if (*augmentation == 'L')
                        ret_cie->lsda_encoding = (uint8_t)cursor_unsigned(cursor, 1);
                else if (*augmentation == 'P')
                        personality_skip(entry);
                else if (*augmentation == 'S')
                        ret_cie->signal = true;
                else if (*augmentation != 'B')
                        break; /* says nothing about how FDEs are laid out */
        }
        return !cursor->bad;
}

/* A language-specific data area: the landing pads of the function that begins at start. */
static void landing_pads_mark(struct code_map *map, uint64_t lsda, uint64_t start)
{
        uint64_t available, base = start, size, pad;
        const uint8_t *data = elf_image_at(map->image, lsda, &available);
        struct table table;
        uint8_t encoding;

        if (!data)
                return;
        table = table_make(data, available, lsda);
        encoding = (uint8_t)cursor_unsigned(&table.cursor, 1);
        if (encoding != PE_OMIT)
                base = pointer_read(&table, encoding);
        if (cursor_unsigned(&table.cursor, 1) != PE_OMIT)
                cursor_leb128(&table.cursor, false);
        encoding = (uint8_t)cursor_unsigned(&table.cursor, 1);
        size = cursor_leb128(&table.cursor, false);
        if (!cursor_has(&table.cursor, size))
                return;

        table.cursor.end = table.cursor.at + size;
        for (unsigned i = 0; i < CALL_SITES_MAX && table.cursor.at < table.cursor.end; i++) {
                value_read(&table.cursor, encoding & PE_FORMAT);
                value_read(&table.cursor, encoding & PE_FORMAT);
                pad = value_read(&table.cursor, encoding & PE_FORMAT);
                cursor_leb128(&table.cursor, false);
                if (table.cursor.bad)
                        return;
                if (pad)
                        code_map_mark(map, base + pad);
        }
}

static int fde_collect(struct code_map *map, struct table *entry, const struct cie *cie)
{
        uint64_t start = pointer_read(entry, cie->pointer_encoding), size, lsda;

        size = value_read(&entry->cursor, cie->pointer_encoding & PE_FORMAT);
        if (entry->cursor.bad || (cie->pointer_encoding & PE_INDIRECT) || cie->signal || start == 0 ||
            size > ELF_VADDR_MAX)
                return 0;
        if (cie->augmented && cie->lsda_encoding != PE_OMIT && !(cie->lsda_encoding & PE_INDIRECT)) {
                cursor_leb128(&entry->cursor, false);
                lsda = pointer_read(entry, cie->lsda_encoding);
                if (!entry->cursor.bad && lsda)
                        landing_pads_mark(map, lsda, start);
        }
        return code_map_add_function(map, start, start + size);
}

/* The CIE that the id at offset `at` of the table points back to. */
static bool cie_find(const struct table *table, uint64_t at, uint64_t back, struct cie *cie)
{
        struct table entry = *table;
        uint64_t size;

        if (back > at)
                return false;
        if (cie->at == at - back)
                return true;
        cie->at = UINT64_MAX;
        entry.cursor.at = table->base + (at - back);
        entry.cursor.bad = false;
        size = cursor_unsigned(&entry.cursor, 4);
        if (!cursor_has(&entry.cursor, size) || size < 4 || cursor_unsigned(&entry.cursor, 4) != 0)
                return false;
        entry.cursor.end = entry.cursor.at + (size - 4);
        if (!cie_read(&entry, cie))
                return false;
        cie->at = at - back;
        return true;
}

static int frames_collect(struct code_map *map, struct table table)
{
        struct cie cie = {.at = UINT64_MAX};
        struct table entry;
        uint64_t size, at, id;
        int r;

        while (table.cursor.at < table.cursor.end) {
                size = cursor_unsigned(&table.cursor, 4);
                /* 0 ends the table; the 64-bit form is legal and used by nobody. */
                if (size < 4 || size == 0xffffffff || !cursor_has(&table.cursor, size))
                        return 0;
                at = (uint64_t)(table.cursor.at - table.base);
                entry = table;
                entry.cursor.end = entry.cursor.at + size;
                id = cursor_unsigned(&entry.cursor, 4);
                cursor_skip(&table.cursor, size);
                if (id == 0 || !cie_find(&table, at, id, &cie))
                        continue;
                r = fde_collect(map, &entry, &cie);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The address of .eh_frame: from its header, which PT_GNU_EH_FRAME names. 0: unknown. */
static uint64_t frames_from_header(const struct elf_image *image)
{
        uint64_t available, address;
        const uint8_t *data = elf_image_at(image, image->eh_frame_header, &available);
        struct table table;
        uint8_t encoding;

        if (!data || image->eh_frame_header_size == 0)
                return 0;
        table = table_make(data, available, image->eh_frame_header);
        if (cursor_unsigned(&table.cursor, 1) != 1)
                return 0;
        encoding = (uint8_t)cursor_unsigned(&table.cursor, 1);
        cursor_skip(&table.cursor, 2);
        address = pointer_read(&table, encoding);
        return table.cursor.bad ? 0 : address;
}

static uint64_t frames_from_section(const struct elf_image *image)
{
        Elf64_Shdr header;
        const uint8_t *data;

        for (unsigned i = 0; i < image->section_count; i++) {
                elf_image_section(image, i, &header, &data);
                if (data && (header.sh_flags & SHF_ALLOC) &&
                    strcmp(elf_image_section_name(image, &header), ".eh_frame") == 0)
                        return header.sh_addr;
        }
        return 0;
}

int eh_frame_collect(struct code_map *map)
{
        uint64_t address = frames_from_header(map->image), available;
        const uint8_t *data;

        if (!address)
                address = frames_from_section(map->image);
        if (!address)
                return 0;
        data = elf_image_at(map->image, address, &available);
        return data ? frames_collect(map, table_make(data, available, address)) : 0;
}
