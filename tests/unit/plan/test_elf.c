/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "broker/plan/plan_check.h"
#include "broker/plan/scan/scan.h"

/* The smallest program with a syscall to patch: headers, then code in a segment of its own. */
struct file {
        Elf64_Ehdr header;
        Elf64_Phdr programs[3];
        Elf64_Shdr sections[2];
        _Alignas(4096) uint8_t code[64];
        _Alignas(4096) uint8_t data[64];
};

#define BASE 0x400000u

static struct file file_make(void)
{
        struct file file = {
                .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = ET_EXEC,
                           .e_machine = EM_X86_64,
                           .e_version = EV_CURRENT,
                           .e_entry = BASE + offsetof(struct file, code),
                           .e_phoff = offsetof(struct file, programs),
                           .e_phentsize = sizeof(Elf64_Phdr),
                           .e_phnum = 2,
                           .e_shentsize = sizeof(Elf64_Shdr)},
                .programs = {{.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_X,
                              .p_offset = offsetof(struct file, code),
                              .p_vaddr = BASE + offsetof(struct file, code),
                              .p_filesz = sizeof file.code,
                              .p_memsz = sizeof file.code},
                             {.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_W,
                              .p_offset = offsetof(struct file, data),
                              .p_vaddr = BASE + offsetof(struct file, data),
                              .p_filesz = sizeof file.data,
                              .p_memsz = 2 * sizeof file.data}},
        };
        const uint8_t code[] = {0xb8, 60, 0, 0, 0, 0x0f, 0x05, 0xf4}; /* mov $60,%eax; syscall; hlt */

        memset(file.code, 0x90, sizeof file.code);
        memcpy(file.code + 32, code, sizeof code);
        return file;
}

/* The number of sites with a window round the syscall, or -errno. */
static int scan(const struct file *file, size_t size)
{
        struct scan_result result;
        const struct fl_site *sites;
        int r = scan_elf((const uint8_t *)file, size, &result), patched = 0;

        if (r < 0)
                return r;
        cr_assert_eq(plan_check(result.plan, result.size), 0);
        sites = (const struct fl_site *)(result.plan + 1);
        for (uint32_t i = 0; i < result.plan->site_count; i++)
                patched += sites[i].tactic != FL_TACTIC_NONE && !fl_site_has_side(&sites[i]);
        scan_result_finish(&result);
        return patched;
}

Test(elf, finds_the_site)
{
        struct file file = file_make();

        cr_assert_eq(scan(&file, sizeof file), 1);
}

Test(elf, survives_every_truncation)
{
        struct file file = file_make();
        uint8_t *exact;

        for (size_t size = 0; size < sizeof file; size += size < 512 ? 1 : 61) {
                exact = malloc(size + 1);
                cr_assert_not_null(exact);
                memcpy(exact, &file, size);
                scan((const struct file *)(const void *)exact, size);
                free(exact);
        }
}

#define OUTCOME(name, wanted, statement)                                                                     \
        Test(elf, name)                                                                                      \
        {                                                                                                    \
                struct file file = file_make();                                                              \
                                                                                                             \
                statement;                                                                                   \
                cr_assert_eq(scan(&file, sizeof file), wanted);                                              \
        }

OUTCOME(refuses_no_elf, -ENOEXEC, file.header.e_ident[0] = 0)
OUTCOME(refuses_32_bits, -ENOEXEC, file.header.e_ident[EI_CLASS] = ELFCLASS32)
OUTCOME(refuses_big_endian, -ENOEXEC, file.header.e_ident[EI_DATA] = ELFDATA2MSB)
OUTCOME(refuses_other_machines, -ENOEXEC, file.header.e_machine = EM_AARCH64)
OUTCOME(refuses_objects, -ENOEXEC, file.header.e_type = ET_REL)
OUTCOME(refuses_cores, -ENOEXEC, file.header.e_type = ET_CORE)
OUTCOME(refuses_no_program_headers, -ENOEXEC, file.header.e_phnum = 0)
OUTCOME(refuses_many_program_headers, -ENOEXEC, file.header.e_phnum = 0xffff)
OUTCOME(refuses_odd_program_headers, -ENOEXEC, file.header.e_phentsize = 1)
OUTCOME(refuses_program_headers_beyond, -ENOEXEC, file.header.e_phoff = UINT64_MAX - 8)
OUTCOME(refuses_segments_beyond, -ENOEXEC, file.programs[0].p_filesz = file.programs[0].p_memsz = 1u << 20)
OUTCOME(refuses_segments_far_beyond, -ENOEXEC, file.programs[0].p_offset = UINT64_MAX & ~4095ull)
OUTCOME(refuses_segments_that_wrap, -ENOEXEC, file.programs[0].p_vaddr = UINT64_MAX & ~4095ull)
OUTCOME(refuses_more_file_than_memory, -ENOEXEC, file.programs[0].p_memsz = 1)
OUTCOME(refuses_unaligned_segments, -ENOEXEC, file.programs[0].p_vaddr++)
OUTCOME(refuses_unsorted_segments, -ENOEXEC, file.programs[1].p_vaddr = file.programs[1].p_offset)
OUTCOME(refuses_overlapping_segments, -ENOEXEC, file.programs[1].p_vaddr = file.programs[0].p_vaddr)
OUTCOME(refuses_code_at_two_addresses, -ENOEXEC, file.programs[1].p_offset = file.programs[0].p_offset)
OUTCOME(needs_executable_segments, 0, file.programs[0].p_flags = PF_R)
OUTCOME(does_without_sections, 1, (file.header.e_shnum = 0xffff, file.header.e_shoff = sizeof file - 64))
OUTCOME(takes_absolute_addresses_for_targets, 0,
        memcpy(file.data + 8, &(uint64_t){file.programs[0].p_vaddr + 37}, 8))
OUTCOME(takes_short_absolute_addresses_for_targets, 0,
        memcpy(file.data + 4,
               (const uint32_t[]){BASE + offsetof(struct file, code) + 37, BASE + offsetof(struct file, code),
                                  BASE + offsetof(struct file, code)},
               12))
OUTCOME(takes_a_lone_number_for_chance, 1,
        memcpy(file.data + 4, (const uint32_t[]){BASE + offsetof(struct file, code) + 37, 1}, 8))
OUTCOME(leaves_data_alone, 1, memset(file.data, 0xff, sizeof file.data))

/* Sections that lie: elsewhere, or with a size that wraps. */
static void section_lies(uint64_t vaddr, uint64_t offset, uint64_t size, int wanted)
{
        struct file file = file_make();

        file.header.e_shoff = offsetof(struct file, sections);
        file.header.e_shnum = 2;
        file.sections[1] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                        .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                                        .sh_addr = vaddr,
                                        .sh_offset = offset,
                                        .sh_size = size};
        cr_expect_eq(scan(&file, sizeof file), wanted, "%#llx %#llx %#llx", (unsigned long long)vaddr,
                     (unsigned long long)offset, (unsigned long long)size);
}

Test(elf, believes_sections_only_where_they_agree_with_segments)
{
        const uint64_t vaddr = BASE + offsetof(struct file, code), offset = offsetof(struct file, code);

        section_lies(vaddr, offset, 64, 1);
        section_lies(vaddr, offset, 32, 0); /* the rest is not code, says the file */
        section_lies(vaddr, offset, UINT64_MAX, 1);
        section_lies(vaddr, offset, UINT64_MAX - offset + 1, 1);
        section_lies(vaddr + 8, offset, 8, 1);
        section_lies(UINT64_MAX, offset, 64, 1);
        section_lies(vaddr, UINT64_MAX - 8, 64, 1);
}

/* A symbol table of hostile symbols costs time only. */
Test(elf, survives_symbols_of_any_value)
{
        const uint64_t values[] = {0, 1, BASE, UINT64_MAX, UINT64_MAX - 4095, 1ull << 63, BASE + 0x1fff};
        struct file file = file_make();
        Elf64_Sym symbol = {.st_shndx = 1};

        file.header.e_shoff = offsetof(struct file, sections);
        file.header.e_shnum = 2;
        file.sections[1] = (Elf64_Shdr){
                .sh_type = SHT_SYMTAB, .sh_offset = offsetof(struct file, data), .sh_size = sizeof symbol};
        for (unsigned type = 0; type < 16; type++)
                for (size_t i = 0; i < 7; i++)
                        for (size_t j = 0; j < 7; j++) {
                                symbol.st_info = (unsigned char)type;
                                symbol.st_value = values[i];
                                symbol.st_size = values[j];
                                memcpy(file.data, &symbol, sizeof symbol);
                                scan(&file, sizeof file);
                        }
}
