/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spoils the ELF file OUT (a copy of a good one) in the way that is named. mutate OUT WAY; without
 * arguments prints all ways. The file stays as long as it was unless the way says otherwise.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static Elf64_Ehdr *header;
static Elf64_Phdr *headers;
static size_t size;

static Elf64_Phdr *find(Elf64_Word type, int skip)
{
        for (int i = 0; i < header->e_phnum; i++)
                if (headers[i].p_type == type && skip-- == 0)
                        return &headers[i];
        return NULL;
}

#define WAY(name, ...)                                                                                       \
        static void name(Elf64_Phdr *load, Elf64_Phdr *load2, Elf64_Phdr *interp)                            \
        {                                                                                                    \
                (void)load;                                                                                  \
                (void)load2;                                                                                 \
                (void)interp;                                                                                \
                __VA_ARGS__;                                                                                 \
        }

WAY(magic, header->e_ident[1] = 'X')
WAY(class_32, header->e_ident[EI_CLASS] = ELFCLASS32)
WAY(big_endian, header->e_ident[EI_DATA] = ELFDATA2MSB)
WAY(machine_arm, header->e_machine = EM_AARCH64)
WAY(machine_386, header->e_machine = EM_386)
WAY(type_relocatable, header->e_type = ET_REL)
WAY(type_core, header->e_type = ET_CORE)
WAY(phoff_huge, header->e_phoff = ~0ull - 8)
WAY(phoff_beyond, header->e_phoff = size + 4096)
WAY(phoff_odd, header->e_phoff += 1)
WAY(phnum_zero, header->e_phnum = 0)
WAY(phnum_max, header->e_phnum = 65535)
WAY(phentsize, header->e_phentsize = 55)
WAY(entry_zero, header->e_entry = 0)
WAY(entry_wild, header->e_entry = 0x7fffdeadb000)
WAY(entry_kernel, header->e_entry = 0xffffffff80000000ull)
WAY(vaddr_overflow, load->p_vaddr = ~0ull - 4095)
WAY(vaddr_kernel, load->p_vaddr = 0xffff800000000000ull)
WAY(vaddr_high, load2->p_vaddr = 0x7ffffffff000ull)
WAY(vaddr_unaligned, load->p_vaddr += 123)
WAY(memsz_huge, load2->p_memsz = 1ull << 62)
WAY(memsz_overflow, load2->p_memsz = ~0ull)
WAY(memsz_large, load2->p_memsz = 1ull << 46)
WAY(filesz_above_memsz, load->p_filesz = load->p_memsz + 4096)
WAY(filesz_beyond, load2->p_filesz = load2->p_memsz = size * 16)
WAY(offset_beyond, load2->p_offset += 1ull << 40)
WAY(offset_overflow, load2->p_offset = ~0xfffull)
WAY(align_three, load->p_align = 3)
WAY(align_huge, load->p_align = 1ull << 40)
WAY(align_overflow, load->p_align = 1ull << 63)
WAY(overlap, load2->p_vaddr = load->p_vaddr; load2->p_offset = load->p_offset)
WAY(backwards, Elf64_Phdr first = *load; *load = *load2; *load2 = first)
WAY(no_load,
    for (int i = 0; i < header->e_phnum; i++) if (headers[i].p_type == PT_LOAD) headers[i].p_type = PT_NULL)
WAY(no_flags, load2->p_flags = 0)
WAY(all_flags, load->p_flags = load2->p_flags = PF_R | PF_W | PF_X)
WAY(memsz_zero, load2->p_filesz = load2->p_memsz = 0)
WAY(interp_unterminated, if (interp)((char *)header)[interp->p_offset + interp->p_filesz - 1] = 'x')
WAY(interp_empty, if (interp) interp->p_filesz = 0)
WAY(interp_one, if (interp) interp->p_filesz = 1)
WAY(interp_huge, if (interp) interp->p_filesz = 1 << 20)
WAY(interp_beyond, if (interp) interp->p_offset = 1ull << 50)
WAY(interp_self, if (interp) strcpy((char *)header + interp->p_offset, "/proc/self/exe"))
WAY(interp_absent, if (interp) strcpy((char *)header + interp->p_offset, "/no/such/file"))
WAY(interp_directory, if (interp) strcpy((char *)header + interp->p_offset, "/"))
WAY(interp_relative, if (interp) strcpy((char *)header + interp->p_offset, "."))
WAY(interp_text, if (interp) strcpy((char *)header + interp->p_offset, "/etc/passwd"))
WAY(cut_header, size = 40)
WAY(cut_headers, size = 100)
WAY(cut_segment, size = 4096)
WAY(empty, size = 0)
WAY(good, )

#define ENTRY(name)                                                                                          \
        {                                                                                                    \
#name, name                                                                                  \
        }
static const struct {
        const char *name;
        void (*spoil)(Elf64_Phdr *, Elf64_Phdr *, Elf64_Phdr *);
} ways[] = {
        ENTRY(good),
        ENTRY(magic),
        ENTRY(class_32),
        ENTRY(big_endian),
        ENTRY(machine_arm),
        ENTRY(machine_386),
        ENTRY(type_relocatable),
        ENTRY(type_core),
        ENTRY(phoff_huge),
        ENTRY(phoff_beyond),
        ENTRY(phoff_odd),
        ENTRY(phnum_zero),
        ENTRY(phnum_max),
        ENTRY(phentsize),
        ENTRY(entry_zero),
        ENTRY(entry_wild),
        ENTRY(entry_kernel),
        ENTRY(vaddr_overflow),
        ENTRY(vaddr_kernel),
        ENTRY(vaddr_high),
        ENTRY(vaddr_unaligned),
        ENTRY(memsz_huge),
        ENTRY(memsz_overflow),
        ENTRY(memsz_large),
        ENTRY(filesz_above_memsz),
        ENTRY(filesz_beyond),
        ENTRY(offset_beyond),
        ENTRY(offset_overflow),
        ENTRY(align_three),
        ENTRY(align_huge),
        ENTRY(align_overflow),
        ENTRY(overlap),
        ENTRY(backwards),
        ENTRY(no_load),
        ENTRY(no_flags),
        ENTRY(all_flags),
        ENTRY(memsz_zero),
        ENTRY(interp_unterminated),
        ENTRY(interp_empty),
        ENTRY(interp_one),
        ENTRY(interp_huge),
        ENTRY(interp_beyond),
        ENTRY(interp_self),
        ENTRY(interp_absent),
        ENTRY(interp_directory),
        ENTRY(interp_relative),
        ENTRY(interp_text),
        ENTRY(cut_header),
        ENTRY(cut_headers),
        ENTRY(cut_segment),
        ENTRY(empty),
};

int main(int argc, char **argv)
{
        if (argc != 3) {
                for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
                        puts(ways[i].name);
                return argc == 1 ? 0 : 2;
        }
        struct stat st;
        int fd = open(argv[1], O_RDWR | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return 1;
        size = (size_t)st.st_size;
        header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (header == MAP_FAILED)
                return 1;
        headers = (void *)((char *)header + header->e_phoff);
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
                if (!strcmp(ways[i].name, argv[2])) {
                        ways[i].spoil(find(PT_LOAD, 0), find(PT_LOAD, 1), find(PT_INTERP, 0));
                        return ftruncate(fd, (off_t)size) < 0;
                }
        return 2;
}
