/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/file_reader.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Headers are believed in what to read, no more: ranges are cut to the file, and checked where they are used.
 */
static int range_read(int fd, uint8_t *buffer, size_t size, uint64_t offset, uint64_t length)
{
        uint64_t end;

        if (offset >= size)
                return 0;
        end = length < size - offset ? offset + length : size;
        while (offset < end) {
                ssize_t n = pread(fd, buffer + offset, end - offset, (off_t)offset);

                if (n == 0)
                        return -ENODATA;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        offset += (uint64_t)n;
        }
        return 0;
}

static int segments_read(int fd, uint8_t *buffer, size_t size, const Elf64_Ehdr *header)
{
        Elf64_Phdr program;
        int r = 0;

        for (unsigned i = 0; r == 0 && i < header->e_phnum; i++) {
                memcpy(&program, buffer + header->e_phoff + i * sizeof program, sizeof program);
                if (program.p_type == PT_LOAD)
                        r = range_read(fd, buffer, size, program.p_offset, program.p_filesz);
        }
        return r;
}

static bool section_needed(const Elf64_Shdr *section)
{
        return section->sh_type == SHT_SYMTAB || section->sh_type == SHT_DYNSYM;
}

static int sections_read(int fd, uint8_t *buffer, size_t size, const Elf64_Ehdr *header)
{
        const uint64_t table_size = header->e_shnum * sizeof(Elf64_Shdr);
        Elf64_Shdr section;
        int r;

        if (header->e_shoff >= size || table_size > size - header->e_shoff)
                return 0;
        r = range_read(fd, buffer, size, header->e_shoff, table_size);
        for (unsigned i = 0; r == 0 && i < header->e_shnum; i++) {
                memcpy(&section, buffer + header->e_shoff + i * sizeof section, sizeof section);
                if (section_needed(&section) || i == header->e_shstrndx)
                        r = range_read(fd, buffer, size, section.sh_offset, section.sh_size);
        }
        return r;
}

int file_read(int fd, uint8_t *buffer, size_t size)
{
        Elf64_Ehdr header;
        int r;

        if (size <= FILE_READ_WHOLE_MAX)
                return range_read(fd, buffer, size, 0, size);
        r = range_read(fd, buffer, size, 0, FILE_READ_FRONT);
        if (r < 0)
                return r;
        memcpy(&header, buffer, sizeof header);
        if (header.e_phoff > FILE_READ_FRONT ||
            header.e_phnum * sizeof(Elf64_Phdr) > FILE_READ_FRONT - header.e_phoff)
                return 0; /* nobody's program: what is not there is not patched */
        r = segments_read(fd, buffer, size, &header);
        return r < 0 ? r : sections_read(fd, buffer, size, &header);
}
