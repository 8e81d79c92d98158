/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies each golden plan with the agent's own code, compares what it wrote byte by byte, and runs the
 * function before and after with every register set: the two runs must leave the same registers and flags,
 * whether the gate runs the syscall, sends it back to the trampoline, or is not entered at all.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/original.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/pun.h"
#include "tests/golden/apply/cases.h"

/* rax rcx rdx rbx rbp rsi rdi r8 ... r15, flags */
struct machine {
        uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi, r[8], flags;
};

/* Loads *machine into the registers, calls code, stores them back. */
void machine_call(const void *code, struct machine *machine);
__asm__(".text\n"
        ".globl machine_call\n"
        "machine_call:\n"
        "pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
        "pushq %rsi\n"
        "pushq %rdi\n"
        "pushq 120(%rsi); popfq\n"
        "movq 0(%rsi), %rax; movq 8(%rsi), %rcx; movq 16(%rsi), %rdx; movq 24(%rsi), %rbx; movq 32(%rsi), "
        "%rbp\n"
        "movq 48(%rsi), %rdi; movq 56(%rsi), %r8; movq 64(%rsi), %r9; movq 72(%rsi), %r10; movq 80(%rsi), "
        "%r11\n"
        "movq 88(%rsi), %r12; movq 96(%rsi), %r13; movq 104(%rsi), %r14; movq 112(%rsi), %r15\n"
        "movq 40(%rsi), %rsi\n"
        "call *(%rsp)\n"
        "pushfq\n"
        "xchgq %rsi, 16(%rsp)\n" /* rsi: the machine; its own value is on the stack */
        "popq 120(%rsi)\n"
        "cld\n"
        "movq %rax, 0(%rsi); movq %rcx, 8(%rsi); movq %rdx, 16(%rsi); movq %rbx, 24(%rsi); movq %rbp, "
        "32(%rsi)\n"
        "movq %rdi, 48(%rsi); movq %r8, 56(%rsi); movq %r9, 64(%rsi); movq %r10, 72(%rsi); movq %r11, "
        "80(%rsi)\n"
        "movq %r12, 88(%rsi); movq %r13, 96(%rsi); movq %r14, 104(%rsi); movq %r15, 112(%rsi)\n"
        "movq 8(%rsp), %rax; movq %rax, 40(%rsi)\n"
        "addq $16, %rsp\n"
        "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
        "ret\n");

static unsigned failures;

static void complain(const struct apply_case *test, const char *what)
{
        printf("FAILED %s: %s\n", test->name, what);
        failures++;
}

static void dump(const char *title, const uint8_t *bytes, unsigned size)
{
        printf("  %s", title);
        for (unsigned i = 0; i < size; i++)
                printf(" %02x", bytes[i]);
        printf("\n");
}

static uint8_t *map_at(uint64_t address)
{
        void *r = mmap((void *)(uintptr_t)address, 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (r == MAP_FAILED) {
                perror("mmap");
                exit(1);
        }
        return r;
}

static void protect(uint8_t *page, int protection)
{
        if (mprotect(page, 4096, protection) < 0) {
                perror("mprotect");
                exit(1);
        }
}

/* A plan of one site, as the broker would send it; checked like one. */
static struct ag_plan make_plan(const struct apply_case *test, uint64_t room[128])
{
        struct fl_plan *header = (struct fl_plan *)room;
        struct fl_site *site = (struct fl_site *)(header + 1);
        uint8_t *code = (uint8_t *)(site + 1);
        struct ag_plan plan;

        memset(room, 0, 128 * sizeof *room);
        *site = test->site;
        site->original = fl_site_hash(site, test->before.byte + site->start);
        memcpy(code, test->displaced.byte, test->displaced.size);
        memcpy(code + fl_site_relocations_at(site), test->relocations, sizeof test->relocations);
        *header = (struct fl_plan){
                .magic = FL_PLAN_MAGIC, .version = FL_PLAN_VERSION, .site_count = 1, .code_size = 256};
        if (!ag_plan_check(room, sizeof *header + sizeof *site + header->code_size, &plan))
                complain(test, "the plan is not a plan");
        return plan;
}

static struct machine run(const uint8_t *code, uint64_t flags)
{
        struct machine machine = {.rax = 0x1111111111111111,
                                  .rcx = 2,
                                  .rdx = 3,
                                  .rbx = SYS_getppid,
                                  .rbp = 5,
                                  .rsi = 6,
                                  .rdi = 7,
                                  .r = {8, 9, 10, 11, 12, 13, 14, 15},
                                  .flags = flags};

        machine_call(code, &machine);
        return machine;
}

/* What the gate is to make of getppid, and what of no number at all. */
static const uint8_t ways[] = {AG_HOT_REDO /* run from C */, AG_HOT_HOOK /* sent back */,
                               0 /* never entered */};
/* CF PF AF ZF SF DF OF in some mixtures; bit 1 is always set, IF too in user mode. */
static const uint64_t flag_sets[] = {0x202, 0x203, 0x246, 0x283, 0xa02, 0xed7, 0x602, 0xad3};

static void run_both(const struct apply_case *test, uint8_t *code, uint8_t *trampolines, bool applied)
{
        struct machine expected[8], got;

        memcpy(code, test->before.byte, test->before.size);
        protect(code, PROT_READ | PROT_EXEC);
        for (unsigned i = 0; i < 8; i++)
                expected[i] = run(code, flag_sets[i]);
        protect(code, PROT_READ | PROT_WRITE);
        memcpy(code, test->after.byte, test->after.size);
        protect(code, PROT_READ | PROT_EXEC);
        protect(trampolines, PROT_READ | PROT_EXEC);
        for (unsigned i = 0; applied && i < 8 * sizeof ways; i++) {
                ag_hot[SYS_getppid] = ways[i / 8];
                got = run(code, flag_sets[i % 8]);
                if (memcmp(&got, &expected[i % 8], sizeof got) != 0) {
                        complain(test, "registers differ");
                        for (unsigned word = 0; word < sizeof got / 8; word++)
                                printf("  %2u %16lx %16lx\n", word, ((uint64_t *)&expected[i % 8])[word],
                                       ((uint64_t *)&got)[word]);
                }
        }
}

static bool is_mapped(uint64_t address)
{
        unsigned char resident;

        return mincore((void *)(uintptr_t)(address & ~4095ull), 4096, &resident) == 0;
}

static void check_stub(const struct apply_case *test, const struct stub *stub)
{
        static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};
        const uint8_t *at = (const uint8_t *)(uintptr_t)stub->address;

        if (!is_mapped(stub->address))
                complain(test, "no stub");
        else if (memcmp(at, jump, sizeof jump) != 0 || memcmp(at + sizeof jump, &stub->trampoline, 8) != 0)
                complain(test, "stub");
}

static void check(const struct apply_case *test, uint8_t *code, uint8_t *trampolines)
{
        struct ag_mapping mapping = {.address = CODE_ADDRESS, .length = 4096, .offset = 0};
        uint64_t room[128];
        struct ag_plan plan = make_plan(test, room);
        uint8_t *at = trampolines + 16;
        unsigned patched;

        protect(code, PROT_READ | PROT_WRITE);
        protect(trampolines, PROT_READ | PROT_WRITE);
        memset(code, 0xcc, 4096);
        memset(trampolines, 0, 4096);
        memcpy(code, test->before.byte, test->before.size);
        ag_hot[SYS_getppid] = AG_HOT_REDO;
        patched = ag_patch_write(&plan, &mapping, 1, TRAMPOLINE_ADDRESS, 4096);
        if (patched != (test->trampoline.size != 0))
                complain(test, "patched or not");
        if (memcmp(code, test->after.byte, test->after.size) != 0) {
                complain(test, "code after");
                dump("want", test->after.byte, test->after.size);
                dump("got ", code, test->after.size);
        }
        if (memcmp(at, test->trampoline.byte, test->trampoline.size) != 0 ||
            (patched && at[test->trampoline.size] != test->before.byte[test->site.start])) {
                complain(test, "trampoline");
                dump("want", test->trampoline.byte, test->trampoline.size);
                dump("got ", at, test->trampoline.size + 8);
        }
        for (unsigned i = 0; i < 2 && test->stubs[i].address; i++)
                check_stub(test, &test->stubs[i]);
        ag_original_restore(TRAMPOLINE_ADDRESS, 4096);
        if (memcmp(code, test->before.byte, test->before.size) != 0)
                complain(test, "code put back");
        protect(code, PROT_READ | PROT_WRITE);
        run_both(test, code, trampolines, patched > 0);
        ag_pun_unmap(TRAMPOLINE_ADDRESS, 4096);
        if (test->stubs[0].address && is_mapped(test->stubs[0].address))
                complain(test, "a stub that stays");
}

int main(void)
{
        uint8_t *code = map_at(CODE_ADDRESS), *trampolines = map_at(TRAMPOLINE_ADDRESS);

        ag_process_init();
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
                check(&cases[i], code, trampolines);
        printf("%zu cases, %u failures\n", sizeof cases / sizeof cases[0], failures);
        return failures != 0;
}
