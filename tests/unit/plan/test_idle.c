/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs have nothing for an agent to do: told from real files, and from one put together here. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/plan/scan/idle.h"
#include "broker/plan/scan/scan.h"

static bool file_is_idle(const char *path)
{
        struct scan_result result;
        struct stat status;
        uint8_t *data;
        bool idle;
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        cr_assert_geq(fd, 0, "%s", path);
        cr_assert_eq(fstat(fd, &status), 0);
        data = malloc((size_t)status.st_size);
        cr_assert_eq(read(fd, data, (size_t)status.st_size), status.st_size);
        close(fd);
        cr_assert_eq(scan_elf(data, (size_t)status.st_size, &result), 0);
        idle = result.plan->flags & FL_PLAN_IDLE;
        scan_result_finish(&result);
        free(data);
        return idle;
}

Test(idle, what_hardly_calls)
{
        cr_expect(file_is_idle("/bin/true"));
        cr_expect(file_is_idle("/bin/echo"));
        cr_expect(file_is_idle("/bin/sleep"));
        cr_expect(file_is_idle("/usr/bin/basename"));
}

/* It opens, stats, executes, needs another library, is no program. */
Test(idle, what_calls)
{
        cr_expect_not(file_is_idle("/bin/cat"));
        cr_expect_not(file_is_idle("/usr/bin/env"));
        cr_expect_not(file_is_idle("/bin/sh"));
        cr_expect_not(file_is_idle("/bin/ls"));
        cr_expect_not(file_is_idle("/lib/x86_64-linux-gnu/libc.so.6"));
        cr_expect_not(file_is_idle("/lib64/ld-linux-x86-64.so.2"));
}

/* A program in one loadable segment at 0: a dynamic section, a string table, symbols, a section table. */
struct program {
        Elf64_Ehdr header;
        Elf64_Phdr segments[2];
        Elf64_Dyn dynamic[4];
        char strings[64];
        Elf64_Sym symbols[2];
        Elf64_Shdr sections[3];
};

static void program_make(struct program *program, const char *library, const char *symbol)
{
        const size_t name = 1 + strlen(library) + 1;

        *program = (struct program){0};
        memcpy(program->header.e_ident, ELFMAG, SELFMAG);
        program->header.e_ident[EI_CLASS] = ELFCLASS64;
        program->header.e_ident[EI_DATA] = ELFDATA2LSB;
        program->header.e_machine = EM_X86_64;
        program->header.e_type = ET_DYN;
        program->header.e_phoff = offsetof(struct program, segments);
        program->header.e_phentsize = sizeof(Elf64_Phdr);
        program->header.e_phnum = 2;
        program->header.e_shoff = offsetof(struct program, sections);
        program->header.e_shentsize = sizeof(Elf64_Shdr);
        program->header.e_shnum = 3;
        program->segments[0] = (Elf64_Phdr){
                .p_type = PT_LOAD, .p_filesz = sizeof *program, .p_memsz = sizeof *program, .p_flags = PF_R};
        program->segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                            .p_vaddr = offsetof(struct program, dynamic),
                                            .p_filesz = sizeof program->dynamic};
        program->dynamic[0] = (Elf64_Dyn){DT_NEEDED, {1}};
        program->dynamic[1] = (Elf64_Dyn){DT_STRTAB, {offsetof(struct program, strings)}};
        strcpy(program->strings + 1, library);
        strcpy(program->strings + name, symbol);
        program->symbols[1].st_name = (Elf64_Word)name;
        program->sections[1] = (Elf64_Shdr){.sh_type = SHT_DYNSYM,
                                            .sh_offset = offsetof(struct program, symbols),
                                            .sh_size = sizeof program->symbols,
                                            .sh_link = 2};
        program->sections[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
                                            .sh_offset = offsetof(struct program, strings),
                                            .sh_size = sizeof program->strings};
}

static bool made_is_idle(const struct program *program)
{
        struct elf_image image;

        cr_assert_eq(elf_image_parse((const uint8_t *)program, sizeof *program, &image), 0);
        return program_is_idle(&image);
}

static bool imports_idle(const char *symbol)
{
        struct program program;

        program_make(&program, "libc.so.6", symbol);
        return made_is_idle(&program);
}

Test(idle, names_of_imports)
{
        static const char *const idle[] = {"puts", "openpty_log", "statue",          "opened",
                                           "read", "printf",      "__stack_chk_fail"};
        static const char *const busy[] = {"open",    "open64",       "__open64_2",   "fopen64",
                                           "__xstat", "__fxstatat64", "getpwnam_r",   "__readlink_chk",
                                           "syscall", "execve",       "posix_spawnp", "renameat2"};

        for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
                cr_expect(imports_idle(idle[i]), "%s", idle[i]);
        for (size_t i = 0; i < sizeof busy / sizeof *busy; i++)
                cr_expect_not(imports_idle(busy[i]), "%s", busy[i]);
}

Test(idle, what_does_not_hold_together)
{
        struct program program;

        program_make(&program, "libm.so.6", "puts");
        cr_expect_not(made_is_idle(&program), "another library");
        program_make(&program, "libc.so.6", "puts");
        program.dynamic[2] = (Elf64_Dyn){DT_NEEDED, {1}};
        cr_expect_not(made_is_idle(&program), "two libraries");
        program_make(&program, "libc.so.6", "puts");
        program.symbols[1].st_name = sizeof program.strings;
        cr_expect_not(made_is_idle(&program), "a name outside its table");
        program_make(&program, "libc.so.6", "puts");
        program.sections[1].sh_link = 3;
        cr_expect_not(made_is_idle(&program), "no table of names");
        program_make(&program, "libc.so.6", "puts");
        program.header.e_shnum = 1;
        cr_expect_not(made_is_idle(&program), "no symbols");
        program_make(&program, "libc.so.6", "puts");
        memset(program.strings, 'x', sizeof program.strings);
        cr_expect_not(made_is_idle(&program), "names without an end");
}
