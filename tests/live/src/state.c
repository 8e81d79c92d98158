/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a syscall leaves alone: every register but rax, rcx and r11 (which hold what the kernel puts there),
 * the flags, the red zone, x87, MXCSR, vector and mask registers, the bases of fs and gs, and all of the
 * stack but the 512 bytes below its pointer. Each of some syscalls is made with everything filled with known
 * values, on stacks that have no more than that room.
 */
#include <asm/prctl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

/* rdi is one of these; the code below knows the offsets. */
struct machine {
        uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15; /* 0 to 112 */
        uint64_t flags, stack;                                                            /* 120, 128 */
        uint64_t result_stack, back;                                                      /* 136, 144 */
        _Alignas(64) uint8_t extended[8192]; /* 192: XSAVE area */
};
_Static_assert(__builtin_offsetof(struct machine, extended) == 192, "");

void machine_run(struct machine *machine, uint64_t features, struct machine *ret_after);
extern const char machine_behind[];
__asm__(".text\n.globl machine_run, machine_behind\nmachine_run:\n"
        "pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
        "pushq %rdx\n"
        "movq %rsp, saved_stack(%rip)\n"
        "movq %rdi, %rbx\n"
        "movq %rsi, %rax; movq %rsi, %rdx; shrq $32, %rdx\n"
        "xrstor64 192(%rbx)\n"
        "movq 128(%rbx), %rsp\n"
        "pushq 120(%rbx); popfq\n"
        "movq 0(%rbx), %rax; movq 16(%rbx), %rcx; movq 24(%rbx), %rdx; movq 32(%rbx), %rsi\n"
        "movq 40(%rbx), %rdi; movq 48(%rbx), %rbp; movq 56(%rbx), %r8; movq 64(%rbx), %r9\n"
        "movq 72(%rbx), %r10; movq 80(%rbx), %r11; movq 88(%rbx), %r12; movq 96(%rbx), %r13\n"
        "movq 104(%rbx), %r14; movq 112(%rbx), %r15; movq 8(%rbx), %rbx\n"
        "syscall\n"
        "machine_behind:\n"
        "movq %rsp, result_stack(%rip)\n"
        "movq saved_stack(%rip), %rsp\n"
        "pushfq\n"
        "xchgq %rbx, 8(%rsp)\n" /* rbx: where to store */
        "movq %rax, 0(%rbx); movq %rcx, 16(%rbx); movq %rdx, 24(%rbx); movq %rsi, 32(%rbx)\n"
        "movq %rdi, 40(%rbx); movq %rbp, 48(%rbx); movq %r8, 56(%rbx); movq %r9, 64(%rbx)\n"
        "movq %r10, 72(%rbx); movq %r11, 80(%rbx); movq %r12, 88(%rbx); movq %r13, 96(%rbx)\n"
        "movq %r14, 104(%rbx); movq %r15, 112(%rbx)\n"
        "popq 120(%rbx)\n"
        "popq 8(%rbx)\n"
        "cld\n"
        "movq result_stack(%rip), %rax; movq %rax, 136(%rbx)\n"
        "movq features_saved(%rip), %rax; movq %rax, %rdx; shrq $32, %rdx\n"
        "xsave64 192(%rbx)\n"
        "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
        "ret\n"
        ".data\nsaved_stack: .quad 0\nresult_stack: .quad 0\n.globl features_saved\nfeatures_saved: .quad 0\n"
        ".text\n");
extern uint64_t features_saved;

#define ROOM 512

/* x87, SSE, AVX, the three of AVX-512; what the processor has of them. */
static uint64_t features(void)
{
        uint32_t low, high;

        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return low & 0xe7;
}

/* An XSAVE area in the standard form with everything set to something that may be loaded. */
static void fill_extended(uint8_t *area, uint64_t with)
{
        static const uint16_t control = 0x027f; /* 53 bits, nothing traps */
        static const uint32_t mxcsr = 0x9fc0;   /* flush to zero, denormals are zero, nothing traps */

        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((uint32_t)with), "d"(0) : "memory");
        for (unsigned i = 512 + 64; i < 8192 - 512; i++)
                area[i] = (uint8_t)(i * 7 + 3);
        for (unsigned i = 160; i < 160 + 256; i++)
                area[i] = (uint8_t)(i * 5 + 1);
        memcpy(area, &control, sizeof control);
        area[2] = 0x00;
        area[3] = 0x18; /* the top of the x87 stack is 3 */
        area[4] = 0xf8; /* registers 3 to 7 are used */
        for (unsigned i = 0; i < 8; i++) {
                for (unsigned byte = 0; byte < 8; byte++)
                        area[32 + i * 16 + byte] = (uint8_t)(0x80 + i + byte);
                area[32 + i * 16 + 8] = (uint8_t)i;
                area[32 + i * 16 + 9] = 0x40;
        }
        memcpy(area + 24, &mxcsr, sizeof mxcsr);
        memset(area + 512, 0, 64);
        memcpy(area + 512, &with, sizeof with); /* XSTATE_BV */
}

static bool same_extended(const struct machine *before, const struct machine *after, uint64_t with)
{
        static struct machine reference;

        /* As the processor stores what was loaded: load and store without a syscall in between. */
        memset(reference.extended, 0, sizeof reference.extended);
        __asm__ volatile("xrstor64 (%0); xsave64 (%1)"
                         :
                         : "r"(before->extended), "r"(reference.extended), "a"((uint32_t)with), "d"(0)
                         : "memory");
        return !memcmp(reference.extended, after->extended, 512 - 96) &&
               !memcmp(reference.extended + 512, after->extended + 512, sizeof reference.extended - 512);
}

struct call {
        const char *name;
        uint64_t nr, args[6];
        long result;
};

static bool same_registers(const struct machine *before, const struct machine *after, long result)
{
        return after->rbx == before->rbx && after->rdx == before->rdx && after->rsi == before->rsi &&
               after->rdi == before->rdi && after->rbp == before->rbp && after->r8 == before->r8 &&
               after->r9 == before->r9 && after->r10 == before->r10 && after->r12 == before->r12 &&
               after->r13 == before->r13 && after->r14 == before->r14 && after->r15 == before->r15 &&
               after->result_stack == before->stack && after->rcx == (uint64_t)machine_behind &&
               (result == 1 ? (long)after->rax >= 0 : (long)after->rax == result);
}

static bool same_flags(const struct machine *before, const struct machine *after)
{
        return (after->flags & 0xcd5) == (before->flags & 0xcd5) &&
               (after->r11 & 0xcd5) == (before->flags & 0xcd5);
}

/* The stack: a page, with none below it; the pointer has ROOM bytes below. */
static void call_on(const struct call *call, uint8_t *page, uint64_t flags)
{
        static struct machine before, after;
        const uint64_t with = features();
        bool red = true;

        memset(&after, 0, sizeof after);
        before = (struct machine){.rax = call->nr,
                                  .rdi = call->args[0],
                                  .rsi = call->args[1],
                                  .rdx = call->args[2],
                                  .r10 = call->args[3],
                                  .r8 = call->args[4],
                                  .r9 = call->args[5],
                                  .rbx = 0xb,
                                  .rcx = 0xc,
                                  .rbp = 0x5,
                                  .r11 = 0x11,
                                  .r12 = 0x12,
                                  .r13 = 0x13,
                                  .r14 = 0x14,
                                  .r15 = 0x15,
                                  .flags = 0x202 | flags,
                                  .stack = (uint64_t)page + ROOM};
        fill_extended(before.extended, with);
        features_saved = with;
        for (unsigned i = 0; i < 4096; i++)
                page[i] = (uint8_t)(i * 11);
        machine_run(&before, with, &after);
        for (unsigned i = ROOM - 128; i < 4096; i++)
                red = red && (page[i] == (uint8_t)(i * 11) || (i >= ROOM - 8 && i < ROOM)); /* pushed by us */
        if (!same_registers(&before, &after, call->result) || !same_flags(&before, &after) || !red ||
            !same_extended(&before, &after, with))
                report_text(call->name,
                            "flags %lx: registers %s, flags %s, stack %s, extended %s, result %ld", flags,
                            same_registers(&before, &after, call->result) ? "kept" : "CHANGED",
                            same_flags(&before, &after) ? "kept" : "CHANGED", red ? "kept" : "CHANGED",
                            same_extended(&before, &after, with) ? "kept" : "CHANGED", (long)after.rax);
}

static void ignore(int number)
{
        (void)number;
}

static void all_calls(uint8_t *page)
{
        static struct stat found;
        static char link[64];
        static uint64_t action[4], old_action[4];
        const uint64_t here = (uint64_t)AT_FDCWD, out = (uint64_t)&found;
        const struct call calls[] = {
                {"stat", SYS_newfstatat, {here, (uint64_t) "/etc/passwd", out, 0, 8, 9}, 0},
                {"stat of nothing", SYS_newfstatat, {here, (uint64_t) "/no/such", out, 0, 8, 9}, -ENOENT},
                {"stat at null", SYS_newfstatat, {here, 0, out, 0, 8, 9}, -EFAULT},
                {"stat to null", SYS_newfstatat, {here, (uint64_t) "/etc/passwd", 0, 0, 8, 9}, -EFAULT},
                {"open of nothing", SYS_openat, {here, (uint64_t) "/no/such", 0, 0, 8, 9}, -ENOENT},
                {"open", SYS_openat, {here, (uint64_t) "/etc/passwd", O_CLOEXEC, 0, 8, 9}, 1},
                {"open at null", SYS_openat, {here, 0, O_CLOEXEC, 0, 8, 9}, -EFAULT},
                {"readlink", SYS_readlink, {(uint64_t) "/proc/self/exe", (uint64_t)link, 4, 7, 8, 9}, 4},
                {"readlink to null", SYS_readlink, {(uint64_t) "/proc/self/exe", 0, 4, 7, 8, 9}, -EFAULT},
                {"mkdir", SYS_mkdir, {(uint64_t) "/etc", 0700, 3, 4, 8, 9}, -EEXIST},
                {"access", SYS_access, {(uint64_t) "/etc/passwd", R_OK, 3, 4, 8, 9}, 0},
                {"getppid", SYS_getppid, {1, 2, 3, 4, 8, 9}, getppid()},
                {"mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0}, 1},
                {"no mmap",
                 SYS_mmap,
                 {0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0},
                 -EINVAL},
                {"sigaction",
                 SYS_rt_sigaction,
                 {SIGUSR1, (uint64_t)action, (uint64_t)old_action, 8, 8, 9},
                 0},
                {"sigaction at 8", SYS_rt_sigaction, {SIGUSR1, 8, (uint64_t)old_action, 8, 8, 9}, -EFAULT},
                {"sigaction to 8", SYS_rt_sigaction, {SIGUSR1, 0, 8, 8, 8, 9}, -EFAULT},
                {"sigaction of 0", SYS_rt_sigaction, {0, (uint64_t)action, 0, 8, 8, 9}, -EINVAL},
                {"no syscall", 5000, {1, 2, 3, 4, 8, 9}, -ENOSYS},
                {"execve of nothing", SYS_execve, {(uint64_t) "/no/such", 0, 0, 4, 8, 9}, -ENOENT},
                {"execve at null", SYS_execve, {0, 0, 0, 4, 8, 9}, -EFAULT},
        };
        const uint64_t flag_sets[] = {0, 0x8d5, 0x400, 0xcd5, 0x841, 0x94};

        action[0] = (uint64_t)ignore;
        action[1] = 0x04000000;
        for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
                /* Often, so that some of them go over the ring. */
                for (unsigned turn = 0; turn < 300; turn++)
                        call_on(&calls[i], page, flag_sets[turn % 6]);
                for (int fd = 3; fd < 400; fd++)
                        close(fd);
                report_text(calls[i].name, "done");
        }
}

int main(void)
{
        uint8_t *pages = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        uint64_t fs_before = 0, fs_after = 0, gs = 0;

        mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE);
        syscall(SYS_arch_prctl, ARCH_SET_GS, pages + 4096);
        syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_before);
        all_calls(pages + 4096);
        syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_after);
        syscall(SYS_arch_prctl, ARCH_GET_GS, &gs);
        report_text("bases", "fs %s, gs %s", fs_before == fs_after ? "kept" : "CHANGED",
                    gs == (uint64_t)pages + 4096 ? "kept" : "CHANGED");
        return 0;
}
