/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image.h"

#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "agent/bytes.h"
#include "agent/kernel.h"

#include "agent/poison.h"

#define PAGE        4096ull
#define ADDRESS_END 0x7ffffffff000ull /* TASK_SIZE_MAX with four-level page tables */
#define ALIGN_MAX   (1ull << 30)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static uint64_t page_down(uint64_t value)
{
        return value & ~(PAGE - 1);
}

static uint64_t page_up(uint64_t value)
{
        return (value + PAGE - 1) & ~(PAGE - 1);
}

static int read_exactly(int fd, void *out, uint64_t size, uint64_t offset)
{
        uint64_t done = 0;

        while (done < size) {
                long r = ag_kernel4(__NR_pread64, (uint64_t)fd, ag_address(out) + done, size - done,
                                    offset + done);

                if (r == -EINTR)
                        continue;
                if (r <= 0)
                        return r < 0 ? (int)r : -EIO;
                done += (uint64_t)r;
        }
        return 0;
}

static int check_header(const Elf64_Ehdr *header)
{
        const uint8_t *ident = header->e_ident;

        if (ident[EI_MAG0] != ELFMAG0 || ident[EI_MAG1] != ELFMAG1 || ident[EI_MAG2] != ELFMAG2 ||
            ident[EI_MAG3] != ELFMAG3)
                return -ENOEXEC;
        if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
                return -ENOEXEC;
        if (header->e_machine != EM_X86_64) /* the class is nothing that the kernel looks at */
                return -ENOEXEC;
        if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
            header->e_phnum > AG_WORKSPACE_HEADERS / sizeof(Elf64_Phdr))
                return -ENOEXEC;
        if (header->e_phoff > INT64_MAX - AG_WORKSPACE_HEADERS)
                return -ENOEXEC;
        return 0;
}

static int segment_protection(const Elf64_Phdr *segment)
{
        return (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
               (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Sizes and addresses that add up without overflow, within what user space has. */
static bool segment_plausible(const Elf64_Phdr *segment)
{
        return segment->p_filesz <= segment->p_memsz && segment->p_memsz <= ADDRESS_END &&
               segment->p_vaddr <= ADDRESS_END - segment->p_memsz &&
               segment->p_offset <= INT64_MAX - ADDRESS_END &&
               (segment->p_filesz == 0 || (segment->p_vaddr - segment->p_offset) % PAGE == 0);
}

/* What the loadable segments span, before any bias. */
struct span {
        uint64_t start, end, align;
};

static int measure(const Elf64_Phdr *segments, unsigned count, struct span *ret_span)
{
        struct span span = {.start = UINT64_MAX, .end = 0, .align = PAGE};

        for (unsigned i = 0; i < count; i++) {
                const Elf64_Phdr *segment = &segments[i];

                if (segment->p_type != PT_LOAD)
                        continue;
                if (!segment_plausible(segment))
                        return -EINVAL;
                if (page_down(segment->p_vaddr) < span.start)
                        span.start = page_down(segment->p_vaddr);
                if (page_up(segment->p_vaddr + segment->p_memsz) > span.end)
                        span.end = page_up(segment->p_vaddr + segment->p_memsz);
                /* The kernel ignores alignments that are no power of two, and those it cannot give. */
                if (segment->p_align > span.align && segment->p_align <= ALIGN_MAX &&
                    (segment->p_align & (segment->p_align - 1)) == 0)
                        span.align = segment->p_align;
        }
        if (span.end <= span.start)
                return -EINVAL;
        *ret_span = span;
        return 0;
}

/* Address space for a position-independent file, aligned, in one piece. */
static long reserve_anywhere(const struct span *span)
{
        uint64_t size = span->end - span->start, slack = span->align - PAGE, address;
        long r = ag_mmap(0, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (ag_failed(r) || slack == 0)
                return r;
        /* The start keeps its place modulo the alignment. */
        address = (uint64_t)r + ((span->start - (uint64_t)r) & (span->align - 1));
        if (address > (uint64_t)r)
                ag_munmap((uint64_t)r, address - (uint64_t)r);
        if (address + size < (uint64_t)r + size + slack)
                ag_munmap(address + size, (uint64_t)r + slack - address);
        return (long)address;
}

/* Exactly there, and only if nothing else is there. */
static long reserve_fixed(const struct span *span)
{
        long r = ag_mmap(span->start, span->end - span->start, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

        /* Kernels before 4.17 take the address for a hint. */
        return ag_failed(r) || (uint64_t)r == span->start ? r : -EEXIST;
}

static int map_file_part(int fd, const Elf64_Phdr *segment, uint64_t address, struct ag_image *image)
{
        uint64_t in_page = segment->p_vaddr % PAGE;
        struct ag_mapping mapping = {
                .address = address - in_page,
                .length = page_up(segment->p_filesz + in_page),
                .offset = segment->p_offset - in_page,
                .protection = segment_protection(segment),
        };
        long r = ag_mmap(mapping.address, mapping.length, mapping.protection, MAP_PRIVATE | MAP_FIXED, fd,
                         mapping.offset);

        if (ag_failed(r))
                return (int)r;
        if ((mapping.protection & PROT_EXEC) && image->code_count < AG_SEGMENTS_MAX)
                image->code[image->code_count++] = mapping;
        return 0;
}

/* Memory behind the file's part: the rest of its last page is zeroed, whole pages are anonymous. */
static int map_zero_part(const Elf64_Phdr *segment, uint64_t address)
{
        uint64_t zero = address + segment->p_filesz, end = page_up(address + segment->p_memsz);
        int protection = PROT_READ | PROT_WRITE | (segment->p_flags & PF_X ? PROT_EXEC : 0);
        uint64_t whole = segment->p_filesz ? page_up(zero) : page_down(zero);
        long r;

        if (segment->p_memsz == segment->p_filesz)
                return 0;
        if (whole > zero && (segment->p_flags & PF_W))
                ag_fill(ag_pointer(zero), 0, whole - zero);
        if (end <= whole)
                return 0;
        r = ag_mmap(whole, end - whole, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        return ag_failed(r) ? (int)r : 0;
}

static int map_segments(int fd, const Elf64_Phdr *segments, unsigned count, struct ag_image *image)
{
        int r = 0;

        for (unsigned i = 0; i < count && r == 0; i++) {
                uint64_t address = segments[i].p_vaddr + image->bias;

                if (segments[i].p_type != PT_LOAD)
                        continue;
                if (segments[i].p_filesz)
                        r = map_file_part(fd, &segments[i], address, image);
                if (r == 0)
                        r = map_zero_part(&segments[i], address);
        }
        return r;
}

/* Takes back what was reserved between segments: the kernel leaves holes there. */
static void unmap_holes(const Elf64_Phdr *segments, unsigned count, const struct ag_image *image)
{
        uint64_t position = image->start;

        while (position < image->end) {
                uint64_t next = image->end; /* the nearest segment that starts at or behind position */
                uint64_t covered = position;

                for (unsigned i = 0; i < count; i++) {
                        uint64_t start = page_down(segments[i].p_vaddr + image->bias);
                        uint64_t end = page_up(segments[i].p_vaddr + image->bias + segments[i].p_memsz);

                        if (segments[i].p_type != PT_LOAD || start == end)
                                continue;
                        if (start <= position && end > covered)
                                covered = end;
                        else if (start > position && start < next)
                                next = start;
                }
                if (covered == position) {
                        ag_munmap(position, next - position);
                        covered = next;
                }
                position = covered;
        }
}

static uint64_t headers_address(const Elf64_Ehdr *header, const Elf64_Phdr *segments, uint64_t bias)
{
        for (unsigned i = 0; i < header->e_phnum; i++) {
                const Elf64_Phdr *segment = &segments[i];

                if (segment->p_type == PT_LOAD && segment->p_offset <= header->e_phoff &&
                    header->e_phoff < segment->p_offset + segment->p_filesz)
                        return header->e_phoff - segment->p_offset + segment->p_vaddr + bias;
        }
        return 0;
}

/* mm_struct's start_code to end_data, as load_elf_binary finds them. */
static void find_spans(const Elf64_Phdr *segments, unsigned count, struct ag_image *image)
{
        image->code_span.start = UINT64_MAX;
        for (unsigned i = 0; i < count; i++) {
                uint64_t start = segments[i].p_vaddr + image->bias, end = start + segments[i].p_filesz;
                bool code = segments[i].p_flags & PF_X;

                if (segments[i].p_type != PT_LOAD)
                        continue;
                if (code && start < image->code_span.start)
                        image->code_span.start = start;
                if (code && end > image->code_span.end)
                        image->code_span.end = end;
                if (start > image->data_span.start)
                        image->data_span.start = start;
                if (end > image->data_span.end)
                        image->data_span.end = end;
        }
}

/* The first PT_INTERP counts, the last PT_GNU_STACK does. */
static int read_extras(int fd, const Elf64_Phdr *segments, unsigned count, struct ag_workspace *workspace,
                       struct ag_image *image)
{
        for (unsigned i = 0; i < count; i++) {
                const Elf64_Phdr *segment = &segments[i];
                int r;

                if (segment->p_type == PT_GNU_STACK)
                        image->executable_stack = segment->p_flags & PF_X;
                if (segment->p_type != PT_INTERP || image->has_interpreter)
                        continue;
                if (segment->p_filesz < 2 || segment->p_filesz > sizeof workspace->path ||
                    segment->p_offset > INT64_MAX - sizeof workspace->path)
                        return -ENOEXEC;
                r = read_exactly(fd, workspace->path, segment->p_filesz, segment->p_offset);
                if (r < 0)
                        return r;
                if (workspace->path[segment->p_filesz - 1] != '\0')
                        return -ENOEXEC;
                image->has_interpreter = true;
        }
        return 0;
}

static int place(const Elf64_Ehdr *header, const Elf64_Phdr *segments, struct ag_image *image)
{
        struct span span;
        int r = measure(segments, header->e_phnum, &span);
        long address;

        if (r < 0)
                return r;
        address = header->e_type == ET_DYN ? reserve_anywhere(&span) : reserve_fixed(&span);
        if (ag_failed(address))
                return (int)address;
        image->start = (uint64_t)address;
        image->end = image->start + (span.end - span.start);
        image->bias = image->start - span.start;
        return 0;
}

int ag_image_load(int fd, bool as_interpreter, struct ag_workspace *workspace, struct ag_image *ret_image)
{
        const Elf64_Phdr *segments = (const Elf64_Phdr *)workspace->headers;
        struct ag_image *image = ret_image;
        Elf64_Ehdr header;
        int r = read_exactly(fd, &header, sizeof header, 0);

        ag_fill(image, 0, sizeof *image);
        if (r == 0)
                r = check_header(&header);
        if (r == 0)
                r = read_exactly(fd, workspace->headers, header.e_phnum * sizeof *segments, header.e_phoff);
        if (r == 0 && !as_interpreter)
                r = read_extras(fd, segments, header.e_phnum, workspace, image);
        if (r == 0)
                r = place(&header, segments, image);
        if (r == 0)
                r = map_segments(fd, segments, header.e_phnum, image);
        if (r < 0)
                return r;
        unmap_holes(segments, header.e_phnum, image);
        find_spans(segments, header.e_phnum, image);
        image->entry = header.e_entry + image->bias;
        image->headers = headers_address(&header, segments, image->bias);
        image->header_count = header.e_phnum;
        return image->entry < ADDRESS_END ? 0 : -EINVAL;
}
