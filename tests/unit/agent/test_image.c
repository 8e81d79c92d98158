/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign files: whatever they say, the loader maps what it checked or refuses. Each file is loaded in a
 * child. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/image.h"

#define BASE 0x30000000ull

struct file {
        Elf64_Ehdr header;
        Elf64_Phdr segments[4];
        char text[4096 * 3];
};

static struct file make(void)
{
        struct file file = {
                .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = ET_EXEC,
                           .e_machine = EM_X86_64,
                           .e_version = EV_CURRENT,
                           .e_entry = BASE + 0x100,
                           .e_phoff = sizeof(Elf64_Ehdr),
                           .e_ehsize = sizeof(Elf64_Ehdr),
                           .e_phentsize = sizeof(Elf64_Phdr),
                           .e_phnum = 2},
                .segments = {{.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_X,
                              .p_vaddr = BASE,
                              .p_filesz = 4096,
                              .p_memsz = 4096,
                              .p_align = 4096},
                             {.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_W,
                              .p_offset = 4096,
                              .p_vaddr = BASE + 0x3000,
                              .p_filesz = 100,
                              .p_memsz = 5000,
                              .p_align = 4096}},
        };

        memset(file.text, 0x55, sizeof file.text);
        return file;
}

static int write_file(const struct file *file)
{
        int fd = memfd_create("image", MFD_CLOEXEC);

        cr_assert_eq(write(fd, file, sizeof *file), (ssize_t)sizeof *file);
        return fd;
}

static struct ag_workspace workspace;

static int load(const struct file *file, struct ag_image *image)
{
        int fd = write_file(file), r = ag_image_load(fd, false, &workspace, image);

        close(fd);
        return r;
}

static bool mapped(uint64_t address)
{
        unsigned char there;

        return mincore((void *)(uintptr_t)address, 4096, &there) == 0;
}

Test(image, fixed)
{
        struct file file = make();
        struct ag_image image;
        const uint8_t *data = (const uint8_t *)(uintptr_t)(BASE + 0x3000);

        cr_assert_eq(load(&file, &image), 0);
        cr_assert_eq(image.bias, 0);
        cr_assert_eq(image.entry, BASE + 0x100);
        cr_assert_eq(image.headers, BASE + sizeof(Elf64_Ehdr));
        cr_assert_eq(image.code_count, 1);
        cr_assert_eq(image.code[0].address, BASE);
        cr_assert_eq(data[99], 0x55);
        for (unsigned i = 100; i < 5000; i++)
                cr_assert_eq(data[i], 0, "byte %u of what the file does not hold", i);
        cr_assert(!mapped(BASE + 0x1000), "a hole stays a hole");
        cr_assert(mapped(BASE + 0x4000));
        cr_assert(!mapped(BASE + 0x5000));
}

Test(image, anywhere_aligned)
{
        struct file file = make();
        struct ag_image image;

        file.header.e_type = ET_DYN;
        file.segments[0].p_vaddr = 0;
        file.segments[0].p_align = 2 << 20;
        file.segments[1].p_vaddr = 0x3000;
        file.header.e_entry = 0x100;
        cr_assert_eq(load(&file, &image), 0);
        cr_assert_eq(image.start % (2 << 20), 0);
        cr_assert_eq(image.entry, image.start + 0x100);
        cr_assert(mapped(image.start));
        cr_assert(!mapped(image.start + 0x5000));
}

/* fs/binfmt_elf.c does not look at them either. */
Test(image, odd_but_loaded)
{
        struct file file = make();
        struct ag_image image;

        file.header.e_ident[EI_CLASS] = ELFCLASS32;
        file.segments[0].p_align = 1ull << 62;
        file.segments[1].p_align = 12345;
        cr_assert_eq(load(&file, &image), 0);
}

Test(image, occupied)
{
        struct file file = make();
        struct ag_image image;
        void *taken = mmap((void *)(uintptr_t)(BASE + 0x3000), 4096, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        cr_assert_neq(taken, MAP_FAILED);
        cr_assert_eq(load(&file, &image), -EEXIST, "nothing is mapped over");
}

Test(image, interpreter)
{
        struct file file = make();
        struct ag_image image;

        file.header.e_phnum = 4;
        file.segments[2] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = 8192, .p_filesz = 8};
        file.segments[3] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X};
        memcpy((char *)&file + 8192, "/ld.so.1", 8);
        cr_assert_eq(load(&file, &image), -ENOEXEC, "not terminated");
        ((char *)&file)[8199] = '\0';
        cr_assert_eq(load(&file, &image), 0);
        cr_assert(image.has_interpreter);
        cr_assert(image.executable_stack);
        cr_assert_str_eq(workspace.path, "/ld.so.");
}

#define REFUSED(change)                                                                                      \
        do {                                                                                                 \
                struct file file = make();                                                                   \
                struct ag_image image;                                                                       \
                change;                                                                                      \
                cr_expect_lt(load(&file, &image), 0, "%s", #change);                                         \
                munmap((void *)(uintptr_t)BASE, 0x10000);                                                    \
        } while (0)

Test(image, lies)
{
        REFUSED(file.header.e_ident[0] = 'F');
        REFUSED(file.header.e_machine = EM_AARCH64);
        REFUSED(file.header.e_type = ET_REL);
        REFUSED(file.header.e_phentsize = 32);
        REFUSED(file.header.e_phnum = 0);
        REFUSED(file.header.e_phnum = UINT16_MAX);
        REFUSED(file.header.e_phoff = UINT64_MAX - 10);
        REFUSED(file.header.e_phoff = 1 << 20);
        REFUSED(file.header.e_entry = UINT64_MAX);
        REFUSED(file.segments[0].p_type = file.segments[1].p_type = PT_NOTE);
        REFUSED(file.segments[0].p_filesz = 8192);
        REFUSED(file.segments[0].p_memsz = UINT64_MAX);
        REFUSED(file.segments[1].p_memsz = 1ull << 47);
        REFUSED(file.segments[1].p_vaddr = UINT64_MAX - 100);
        REFUSED(file.segments[1].p_vaddr = 0x7ffffffff000);
        REFUSED(file.segments[1].p_offset = 4097);
        REFUSED(file.segments[1].p_offset = INT64_MAX - 4095);
        REFUSED(file.segments[1].p_offset = UINT64_MAX - 4095);
}

/* Random headers in a child each: it may not be loaded, but nothing is touched that was not mapped for it. */
Test(image, random_headers, .timeout = 60)
{
        srand(1);
        for (unsigned round = 0; round < 1000; round++) {
                struct file file = make();
                int status;
                pid_t pid;

                for (unsigned i = 0; i < 2; i++)
                        ((uint8_t *)&file)[(unsigned)rand() % (sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr))] =
                                (uint8_t)rand();
                pid = fork();
                if (pid == 0) {
                        struct ag_image image;

                        load(&file, &image);
                        _exit(0);
                }
                cr_assert_eq(waitpid(pid, &status, 0), pid);
                /* SIGBUS: the last page of a segment lies behind the end of the file, as with the kernel. */
                cr_assert(WIFEXITED(status) || WTERMSIG(status) == SIGBUS, "round %u: signal %d", round,
                          WTERMSIG(status));
        }
}
