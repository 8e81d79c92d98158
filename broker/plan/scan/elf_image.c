/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/elf_image.h"

#include <errno.h>
#include <string.h>

#include "broker/plan/scan/bytes.h"

#define DYNAMIC_ENTRIES_MAX 4096u
#define PAGE_MASK           4095u

static bool range_fits(uint64_t offset, uint64_t size, uint64_t limit)
{
        return offset <= limit && size <= limit - offset;
}

static bool header_valid(const Elf64_Ehdr *header)
{
        return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
               header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_machine == EM_X86_64 &&
               (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
               header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum > 0 &&
               header->e_phnum <= ELF_PROGRAM_HEADERS_MAX;
}

static int segment_add(struct elf_image *image, const Elf64_Phdr *program)
{
        struct elf_segment *segment = &image->segments[image->segment_count];
        uint64_t floor = 0;

        if (program->p_memsz == 0)
                return 0;
        if (image->segment_count >= ELF_SEGMENTS_MAX || program->p_filesz > program->p_memsz ||
            !range_fits(program->p_offset, program->p_filesz, image->size) ||
            !range_fits(program->p_vaddr, program->p_memsz, ELF_VADDR_MAX) ||
            ((program->p_vaddr ^ program->p_offset) & PAGE_MASK))
                return -ENOEXEC;
        if (image->segment_count > 0)
                floor = segment[-1].vaddr + segment[-1].size;
        if (program->p_vaddr < floor)
                return -ENOEXEC;

        segment->vaddr = program->p_vaddr;
        segment->offset = program->p_offset;
        segment->size = program->p_filesz;
        segment->executable = (program->p_flags & PF_X) != 0;
        image->segment_count++;
        return 0;
}

/* A file byte at two addresses, one of them executable: a patch there would change both. */
static bool segments_share_code(const struct elf_image *image)
{
        for (unsigned i = 0; i < image->segment_count; i++)
                for (unsigned j = i + 1; j < image->segment_count; j++) {
                        const struct elf_segment *a = &image->segments[i], *b = &image->segments[j];

                        if ((a->executable || b->executable) && a->offset < b->offset + b->size &&
                            b->offset < a->offset + a->size)
                                return true;
                }
        return false;
}

static int programs_parse(struct elf_image *image, const Elf64_Ehdr *header)
{
        Elf64_Phdr program;
        int r;

        if (!range_fits(header->e_phoff, (uint64_t)header->e_phnum * sizeof program, image->size))
                return -ENOEXEC;
        for (unsigned i = 0; i < header->e_phnum; i++) {
                memcpy(&program, image->data + header->e_phoff + i * sizeof program, sizeof program);
                if (program.p_type == PT_LOAD) {
                        r = segment_add(image, &program);
                        if (r < 0)
                                return r;
                } else if (program.p_type == PT_DYNAMIC) {
                        image->dynamic = program.p_vaddr;
                        image->dynamic_size = program.p_filesz;
                } else if (program.p_type == PT_GNU_EH_FRAME) {
                        image->eh_frame_header = program.p_vaddr;
                        image->eh_frame_header_size = program.p_filesz;
                }
        }
        return segments_share_code(image) ? -ENOEXEC : 0;
}

/* Section headers are optional and not trusted: the kernel never reads them. */
static void sections_parse(struct elf_image *image, const Elf64_Ehdr *header)
{
        Elf64_Shdr names;
        const uint8_t *data;

        if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shoff == 0 || header->e_shnum == 0 ||
            !range_fits(header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr), image->size))
                return;
        image->sections = image->data + header->e_shoff;
        image->section_count = header->e_shnum;

        if (header->e_shstrndx >= image->section_count)
                return;
        elf_image_section(image, header->e_shstrndx, &names, &data);
        if (data && names.sh_size > 0 && data[names.sh_size - 1] == '\0') {
                image->section_names = (const char *)data;
                image->section_names_size = names.sh_size;
        }
}

int elf_image_parse(const uint8_t *data, size_t size, struct elf_image *ret_image)
{
        struct elf_image image = {.data = data, .size = size};
        Elf64_Ehdr header;
        int r;

        if (size < sizeof header)
                return -ENOEXEC;
        memcpy(&header, data, sizeof header);
        if (!header_valid(&header))
                return -ENOEXEC;

        image.fixed = header.e_type == ET_EXEC;
        image.entry = header.e_entry;
        r = programs_parse(&image, &header);
        if (r < 0)
                return r;
        sections_parse(&image, &header);
        *ret_image = image;
        return 0;
}

const uint8_t *elf_image_at(const struct elf_image *image, uint64_t vaddr, uint64_t *ret_available)
{
        for (unsigned i = 0; i < image->segment_count; i++) {
                const struct elf_segment *segment = &image->segments[i];

                if (vaddr - segment->vaddr < segment->size) {
                        *ret_available = segment->size - (vaddr - segment->vaddr);
                        return image->data + segment->offset + (vaddr - segment->vaddr);
                }
        }
        return NULL;
}

bool elf_image_dynamic(const struct elf_image *image, unsigned index, Elf64_Dyn *ret_entry)
{
        uint64_t available = 0, at = index * sizeof *ret_entry;
        const uint8_t *data = image->dynamic_size ? elf_image_at(image, image->dynamic, &available) : NULL;

        if (!data || index >= DYNAMIC_ENTRIES_MAX || available < at + sizeof *ret_entry)
                return false;
        memcpy(ret_entry, data + at, sizeof *ret_entry);
        return ret_entry->d_tag != DT_NULL;
}

void elf_image_section(const struct elf_image *image, unsigned index, Elf64_Shdr *ret_header,
                       const uint8_t **ret_data)
{
        memcpy(ret_header, image->sections + index * sizeof *ret_header, sizeof *ret_header);
        *ret_data = NULL;
        if (ret_header->sh_type != SHT_NOBITS && ret_header->sh_type != SHT_NULL &&
            range_fits(ret_header->sh_offset, ret_header->sh_size, image->size))
                *ret_data = image->data + ret_header->sh_offset;
}

const char *elf_image_section_name(const struct elf_image *image, const Elf64_Shdr *header)
{
        if (!image->section_names || header->sh_name >= image->section_names_size)
                return "";
        return image->section_names + header->sh_name;
}
