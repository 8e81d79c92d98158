/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proto/plan.h promises, checked on the files that matter, by an own and simpler disassembly: windows
 * hold one syscall and whole instructions; no direct branch of the file lands in one; displaced code reads as
 * the original did and reaches the same places.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/plan/plan_check.h"
#include "broker/plan/scan/scan.h"

struct subject {
        uint8_t *data;
        size_t size;
        struct elf_image image;
        struct scan_result result;
        uint8_t *landed; /* by file offset: a direct branch goes there */
        ZydisDecoder decoder;
};

static bool subject_open(struct subject *subject, const char *path)
{
        struct stat status;
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return false;
        cr_assert_eq(fstat(fd, &status), 0);
        subject->size = (size_t)status.st_size;
        subject->data = malloc(subject->size);
        subject->landed = calloc(1, subject->size);
        cr_assert(subject->data && subject->landed);
        cr_assert_eq(pread(fd, subject->data, subject->size, 0), status.st_size);
        close(fd);
        cr_assert_eq(elf_image_parse(subject->data, subject->size, &subject->image), 0);
        cr_assert_eq(scan_elf(subject->data, subject->size, &subject->result), 0);
        cr_assert_eq(plan_check(subject->result.plan, subject->result.size), 0);
        ZydisDecoderInit(&subject->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        return true;
}

static void subject_close(struct subject *subject)
{
        free(subject->data);
        free(subject->landed);
        scan_result_finish(&subject->result);
}

static uint64_t offset_to_vaddr(const struct subject *subject, uint64_t offset)
{
        for (unsigned i = 0; i < subject->image.segment_count; i++) {
                const struct elf_segment *segment = &subject->image.segments[i];

                if (segment->executable && offset - segment->offset < segment->size)
                        return segment->vaddr + (offset - segment->offset);
        }
        cr_assert(false, "offset %#llx is not in code", (unsigned long long)offset);
        return 0;
}

/* The offset of code at vaddr, or 0. */
static uint64_t vaddr_to_offset(const struct subject *subject, uint64_t vaddr)
{
        for (unsigned i = 0; i < subject->image.segment_count; i++) {
                const struct elf_segment *segment = &subject->image.segments[i];

                if (segment->executable && vaddr - segment->vaddr < segment->size)
                        return segment->offset + (vaddr - segment->vaddr);
        }
        return 0;
}

static void section_branches(struct subject *subject, const Elf64_Shdr *header)
{
        ZydisDecodedInstruction instruction;
        uint64_t at = 0, target;

        while (at < header->sh_size) {
                if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&subject->decoder, NULL,
                                                                subject->data + header->sh_offset + at,
                                                                header->sh_size - at, &instruction))) {
                        at++;
                        continue;
                }
                at += instruction.length;
                if (!instruction.raw.imm[0].is_relative)
                        continue;
                target = vaddr_to_offset(subject,
                                         header->sh_addr + at + (uint64_t)instruction.raw.imm[0].value.s);
                subject->landed[target] = 1;
        }
}

static void branches_collect(struct subject *subject)
{
        Elf64_Shdr header;
        const uint8_t *data;

        for (unsigned i = 0; i < subject->image.section_count; i++) {
                elf_image_section(&subject->image, i, &header, &data);
                if (data && header.sh_type == SHT_PROGBITS && (header.sh_flags & SHF_EXECINSTR))
                        section_branches(subject, &header);
        }
}

struct decoded {
        ZydisDecodedInstruction instruction;
        ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static struct decoded decode_at(const struct subject *subject, const uint8_t *bytes, size_t size)
{
        struct decoded decoded;

        cr_assert(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&subject->decoder, bytes, size, &decoded.instruction,
                                                      decoded.operands)));
        return decoded;
}

/* Where the instruction points that stands at vaddr; 0: nowhere. */
static uint64_t reference_of(const struct decoded *decoded, uint64_t vaddr)
{
        for (unsigned i = 0; i < decoded->instruction.operand_count; i++) {
                const ZydisDecodedOperand *operand = &decoded->operands[i];
                ZyanU64 address;

                if ((operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.base == ZYDIS_REGISTER_RIP) ||
                    (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand->imm.is_relative)) {
                        cr_assert(ZYAN_SUCCESS(
                                ZydisCalcAbsoluteAddress(&decoded->instruction, operand, vaddr, &address)));
                        return address;
                }
        }
        return 0;
}

static bool operands_agree(const struct decoded *a, const struct decoded *b)
{
        for (unsigned i = 0; i < a->instruction.operand_count_visible; i++) {
                const ZydisDecodedOperand *x = &a->operands[i], *y = &b->operands[i];

                if (x->type != y->type)
                        return false;
                if (x->type == ZYDIS_OPERAND_TYPE_REGISTER && x->reg.value != y->reg.value)
                        return false;
                if (x->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !x->imm.is_relative &&
                    x->imm.value.u != y->imm.value.u)
                        return false;
                if (x->type == ZYDIS_OPERAND_TYPE_MEMORY &&
                    (x->mem.base != y->mem.base || x->mem.index != y->mem.index ||
                     x->mem.scale != y->mem.scale || x->mem.segment != y->mem.segment || x->size != y->size ||
                     (x->mem.base != ZYDIS_REGISTER_RIP && x->mem.disp.value != y->mem.disp.value)))
                        return false;
        }
        return a->instruction.mnemonic == b->instruction.mnemonic &&
               a->instruction.operand_count_visible == b->instruction.operand_count_visible;
}

/* Walks the original instructions [start, start+length) and the displaced ones side by side. syscall_at:
 * where the site's syscall is among them, -1: it is not. */
static void code_compare(const struct subject *subject, const struct fl_site *site, uint64_t start,
                         unsigned length, int syscall_at, uint8_t *code,
                         const struct fl_relocation *relocations)
{
        /* As if the trampoline stood here; the syscall between the parts takes no room in this count. */
        const uint64_t window = offset_to_vaddr(subject, start), trampoline = window + 0x1000000;
        const unsigned whole = site->before_size + site->after_size;
        unsigned at = 0, moved = 0, syscalls = 0;

        for (unsigned i = 0; i < site->relocations; i++) {
                int32_t value = (int32_t)(window + (uint64_t)relocations[i].target -
                                          (trampoline + relocations[i].next));

                memcpy(code + relocations[i].at, &value, sizeof value);
        }
        while (at < length && (moved < whole || (int)at <= syscall_at)) {
                struct decoded original =
                        decode_at(subject, subject->data + start + at, subject->size - start - at);
                struct decoded displaced;

                if ((int)at == syscall_at) {
                        cr_assert_eq(original.instruction.mnemonic, ZYDIS_MNEMONIC_SYSCALL);
                        cr_assert_eq(moved, site->before_size);
                        syscalls++;
                        at += 2;
                        continue;
                }
                cr_assert_neq(original.instruction.mnemonic, ZYDIS_MNEMONIC_SYSCALL);
                cr_assert_neq(original.instruction.mnemonic, ZYDIS_MNEMONIC_CALL);
                cr_assert_neq(original.instruction.mnemonic, ZYDIS_MNEMONIC_ENDBR64);
                displaced = decode_at(subject, code + moved, whole - moved);
                cr_assert(operands_agree(&original, &displaced), "site %#llx",
                          (unsigned long long)site->start);
                cr_assert_eq(reference_of(&original, window + at),
                             reference_of(&displaced, trampoline + moved));
                at += original.instruction.length;
                moved += displaced.instruction.length;
        }
        cr_assert_eq(moved, whole);
        cr_assert_eq(syscalls, syscall_at >= 0);
        cr_assert((site->flags & FL_SITE_ENDS) ? at <= length : at == length);
}

/* Nobody jumps into [start+skip, start+length). */
static void landed_check(const struct subject *subject, uint64_t start, unsigned skip, unsigned length)
{
        for (unsigned i = skip; i < length; i++)
                cr_assert_not(subject->landed[start + i], "a branch into %#llx",
                              (unsigned long long)start + i);
}

static void site_check(const struct subject *subject, const struct fl_site *site, uint8_t *code,
                       const struct fl_relocation *relocations)
{
        const uint64_t side = site->start + (uint64_t)(int64_t)site->side;

        cr_assert_leq(site->tactic, FL_TACTIC_NEIGHBOUR, "no file here needs a pun: golden tests have those");
        landed_check(subject, site->start, 1, site->length);
        landed_check(subject, side, site->tactic == FL_TACTIC_NEIGHBOUR, site->side_length);
        if (site->tactic == FL_TACTIC_NEIGHBOUR)
                code_compare(subject, site, side, site->side_length, -1, code, relocations);
        else if (site->tactic != FL_TACTIC_PADDING)
                code_compare(subject, site, site->start, site->length, site->syscall_at, code, relocations);
}

/* Returns how many sites have a tactic. */
static unsigned sites_check(struct subject *subject)
{
        const struct fl_site *sites = (const struct fl_site *)(subject->result.plan + 1);
        uint8_t *area = (uint8_t *)(uintptr_t)(sites + subject->result.plan->site_count);
        unsigned patched = 0;

        for (uint32_t i = 0; i < subject->result.plan->site_count; i++) {
                const struct fl_site *site = &sites[i];

                cr_assert_eq(memcmp(subject->data + site->start + site->syscall_at, "\x0f\x05", 2), 0);
                cr_assert_eq(site->original, fl_site_hash(site, subject->data + site->start));
                if (site->tactic == FL_TACTIC_NONE)
                        continue;
                site_check(subject, site, area + site->code,
                           (const struct fl_relocation *)(area + fl_site_relocations_at(site)));
                patched++;
        }
        return patched;
}

/* All sites of the file at path but `refused` have a tactic; a missing file is none of this test's business.
 */
static void file_check(const char *path, unsigned least, unsigned refused)
{
        struct subject subject;
        unsigned patched;

        if (!subject_open(&subject, path)) {
                cr_skip_test("%s is not installed", path);
                return;
        }
        branches_collect(&subject);
        patched = sites_check(&subject);
        cr_expect_geq(patched, least);
        cr_expect_leq(subject.result.plan->site_count, patched + refused, "%u of %u patched", patched,
                      subject.result.plan->site_count);
        subject_close(&subject);
}

/* The one site left alone is rt_sigreturn's. */
Test(real_files, libc, .timeout = 60)
{
        file_check("/lib/x86_64-linux-gnu/libc.so.6", 500, 1);
}

Test(real_files, dynamic_loader, .timeout = 60)
{
        file_check("/lib64/ld-linux-x86-64.so.2", 40, 1);
}

Test(real_files, musl, .timeout = 60)
{
        file_check("/usr/lib/x86_64-linux-musl/libc.so", 450, 1);
}

Test(real_files, busybox, .timeout = 60)
{
        file_check("/bin/busybox", 250, 1);
}

Test(real_files, go_program, .timeout = 60)
{
        file_check("/usr/lib/go-1.19/bin/go", 30, 1);
}

/* Tables of constants in its code hold the bytes of a syscall, by chance. */
Test(real_files, libcrypto, .timeout = 60)
{
        file_check("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 0, 4);
}

Test(real_files, node, .timeout = 60)
{
        file_check("/usr/bin/node", 0, 4);
}
