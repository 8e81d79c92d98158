/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch_file IN OUT: writes a copy of an ELF file whose syscalls are redirected by its plan, the trampolines
 * in a segment of their own that does nothing but run the displaced code and the syscall. A program that runs
 * from OUT as it does from IN vouches for the plan, with no agent involved.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/plan/scan/scan.h"

#define PAGE            4096u
#define TRAMPOLINE_SIZE 512u

struct patch {
        uint8_t *data; /* the file, with room for the trampolines behind it */
        uint64_t size, room;
        uint64_t vaddr; /* where the trampolines will be */
        uint64_t used;
};

static void die(const char *what)
{
        fprintf(stderr, "patch_file: %s\n", what);
        exit(1);
}

static void displacement_write(uint8_t *at, uint64_t target, uint64_t next)
{
        int32_t value = (int32_t)(target - next);

        memcpy(at, &value, sizeof value);
}

static uint64_t vaddr_of(const struct patch *patch, uint64_t offset)
{
        const Elf64_Ehdr *header = (const Elf64_Ehdr *)patch->data;
        const Elf64_Phdr *programs = (const Elf64_Phdr *)(patch->data + header->e_phoff);

        for (unsigned i = 0; i < header->e_phnum; i++)
                if (programs[i].p_type == PT_LOAD && (programs[i].p_flags & PF_X) &&
                    offset - programs[i].p_offset < programs[i].p_filesz)
                        return programs[i].p_vaddr + (offset - programs[i].p_offset);
        die("a site outside of code");
        return 0;
}

/* Puts the displaced code of a site, which counts from origin, at code: bytes [first, first + size) of it. */
static void displaced_write(uint8_t *code, uint64_t vaddr, const struct fl_site *site, const uint8_t *area,
                            uint64_t origin, unsigned first, unsigned size)
{
        const struct fl_relocation *relocations = (const void *)(area + fl_site_relocations_at(site));

        memcpy(code, area + site->code + first, size);
        for (unsigned i = 0; i < site->relocations; i++)
                if (relocations[i].at >= first && relocations[i].at < first + size)
                        displacement_write(code + relocations[i].at - first,
                                           origin + (uint64_t)relocations[i].target,
                                           vaddr + relocations[i].next - first);
}

static unsigned jump_write(uint8_t *code, uint64_t vaddr, uint64_t target)
{
        code[0] = 0xe9;
        displacement_write(code + 1, target, vaddr + 5);
        return 5;
}

/* Lays out the trampoline of a syscall at code, which will stand at vaddr; returns its size. */
static unsigned trampoline_write(uint8_t *code, uint64_t vaddr, const struct fl_site *site,
                                 const uint8_t *area, uint64_t window)
{
        const unsigned before = site->before_size, after = fl_site_makes_room(site) ? 0 : site->after_size;
        unsigned size = before + 2u + after;

        displaced_write(code, vaddr, site, area, window, 0, before);
        code[before] = 0x0f;
        code[before + 1] = 0x05;
        displaced_write(code + before + 2, vaddr + before + 2, site, area, window, before, after);
        if (!(site->flags & FL_SITE_ENDS))
                size += jump_write(code + size, vaddr + size, window + site->length);
        return size;
}

/* The same for the instructions that make room. */
static unsigned neighbours_write(uint8_t *code, uint64_t vaddr, const struct fl_site *site,
                                 const uint8_t *area, uint64_t side)
{
        displaced_write(code, vaddr, site, area, side, 0, site->after_size);
        return site->after_size +
               jump_write(code + site->after_size, vaddr + site->after_size, side + site->side_length);
}

static void site_apply(struct patch *patch, const struct fl_site *site, const uint8_t *area)
{
        const uint64_t window = vaddr_of(patch, site->start), side = window + (uint64_t)(int64_t)site->side;
        uint8_t *bytes = patch->data + site->start;
        uint64_t trampoline = patch->vaddr + patch->used;

        if (fl_site_hash(site, bytes) != site->original)
                die("a window is not what was scanned");
        patch->used +=
                trampoline_write(patch->data + patch->size + patch->used, trampoline, site, area, window);
        memset(bytes, 0xcc, site->length);
        if (!fl_site_has_side(site)) {
                jump_write(bytes, window, trampoline);
                return;
        }
        bytes[0] = 0xeb;
        bytes[1] = (uint8_t)(fl_site_side_jump(site) - 2);
        memset(bytes + site->side, 0xcc, site->side_length);
        jump_write(bytes + fl_site_side_jump(site), window + (uint64_t)(int64_t)fl_site_side_jump(site),
                   trampoline);
        if (site->tactic == FL_TACTIC_NEIGHBOUR) {
                trampoline = patch->vaddr + patch->used;
                jump_write(bytes + site->side, side, trampoline);
                patch->used += neighbours_write(patch->data + patch->size + patch->used, trampoline, site,
                                                area, side);
        }
}

static void sites_apply(struct patch *patch, const struct fl_plan *plan)
{
        const struct fl_site *sites = (const struct fl_site *)(plan + 1);
        const uint8_t *area = (const uint8_t *)(sites + plan->site_count);

        for (uint32_t i = 0; i < plan->site_count; i++)
                if (sites[i].tactic != FL_TACTIC_NONE && sites[i].tactic <= FL_TACTIC_NEIGHBOUR)
                        site_apply(patch, &sites[i], area);
}

/* A header that the program can do without becomes that of the trampolines' segment. */
static void segment_add(struct patch *patch)
{
        Elf64_Ehdr *header = (Elf64_Ehdr *)patch->data;
        Elf64_Phdr *programs = (Elf64_Phdr *)(patch->data + header->e_phoff), *spare = NULL;

        for (unsigned i = 0; i < header->e_phnum; i++) {
                uint64_t end = programs[i].p_vaddr + programs[i].p_memsz;

                if (programs[i].p_type == PT_LOAD && end > patch->vaddr)
                        patch->vaddr = end;
                if (programs[i].p_type == PT_NOTE || programs[i].p_type == PT_GNU_STACK)
                        spare = &programs[i];
        }
        if (!spare)
                die("no program header to spare");
        patch->vaddr = (patch->vaddr + 2 * PAGE - 1) & ~(uint64_t)(PAGE - 1);
        *spare = (Elf64_Phdr){.p_type = PT_LOAD,
                              .p_flags = PF_R | PF_X,
                              .p_offset = patch->size,
                              .p_vaddr = patch->vaddr,
                              .p_paddr = patch->vaddr,
                              .p_filesz = patch->room,
                              .p_memsz = patch->room,
                              .p_align = PAGE};
}

static void file_read(const char *path, struct patch *patch, struct scan_result *ret_result)
{
        struct stat status;
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || fstat(fd, &status) < 0)
                die("cannot open");
        patch->size = ((uint64_t)status.st_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        patch->data = calloc(1, patch->size);
        if (!patch->data || read(fd, patch->data, (size_t)status.st_size) != status.st_size)
                die("cannot read");
        close(fd);
        if (scan_elf(patch->data, (size_t)status.st_size, ret_result) < 0)
                die("cannot scan");
        patch->room =
                ((uint64_t)ret_result->plan->site_count * TRAMPOLINE_SIZE + PAGE) & ~(uint64_t)(PAGE - 1);
        patch->data = realloc(patch->data, patch->size + patch->room);
        if (!patch->data)
                die("out of memory");
        memset(patch->data + patch->size, 0xcc, patch->room);
}

int main(int argc, char **argv)
{
        struct scan_result result;
        struct patch patch = {0};
        int fd;

        if (argc != 3)
                die("IN OUT");
        file_read(argv[1], &patch, &result);
        segment_add(&patch);
        sites_apply(&patch, result.plan);
        fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        if (fd < 0 || write(fd, patch.data, patch.size + patch.room) != (ssize_t)(patch.size + patch.room))
                die("cannot write");
        printf("%u sites\n", result.plan->site_count);
        scan_result_finish(&result);
        free(patch.data);
        return 0;
}
