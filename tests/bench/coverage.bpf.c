/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts every syscall of every process whose program is the agent, by the instruction that made it.
 * Independent of all that Flicker knows: the kernel says who ran what and from where.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tests/bench/coverage.h"

#define SYSCALL_LENGTH 2
#define JUMP_LENGTH    5
#define LOOK_BACK      24 /* bytes in front of a syscall in which the jump of its window stands */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct inode {
        unsigned long i_ino;
};
struct qstr {
        const unsigned char *name;
};
struct dentry {
        struct dentry *d_parent;
        struct qstr d_name;
};
struct path {
        struct dentry *dentry;
};
struct file {
        struct inode *f_inode;
        struct path f_path;
};
struct vm_area_struct {
        unsigned long vm_start, vm_pgoff;
        struct file *vm_file;
};
typedef struct {
        void *vdso;
} mm_context_t;
struct mm_struct {
        struct file *exe_file;
        mm_context_t context;
};
struct task_struct {
        struct mm_struct *mm;
};
struct pt_regs {
        unsigned long ip;
};
#pragma clang attribute pop

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 16384);
        __type(key, struct coverage_site);
        __type(value, unsigned long long);
} counts SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 1024);
        __type(key, unsigned long long);
        __type(value, struct coverage_path);
} paths SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __type(key, unsigned int);
        __type(value, struct coverage_path);
} no_path SEC(".maps");

const volatile unsigned long long agent_inode;
unsigned long long lost;

struct lookup {
        struct coverage_site site;
        unsigned long at;
};

static void path_note(struct file *file, unsigned long long inode)
{
        struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
        struct coverage_path *path;
        unsigned int zero = 0;

        if (bpf_map_lookup_elem(&paths, &inode))
                return;
        path = bpf_map_lookup_elem(&no_path, &zero);
        if (!path || bpf_map_update_elem(&paths, &inode, path, BPF_NOEXIST))
                return;
        path = bpf_map_lookup_elem(&paths, &inode);
        if (!path)
                return;
        for (int i = 0; i < COVERAGE_PATH_DEPTH; i++) {
                struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

                if (parent == dentry)
                        break;
                bpf_probe_read_kernel_str(path->name[i], COVERAGE_PATH_NAME,
                                          BPF_CORE_READ(dentry, d_name.name));
                dentry = parent;
        }
}

/* Trampolines that have a syscall go on with lea site(%rip), %rcx; nobody else does. */
static int is_trampoline(unsigned long at)
{
        unsigned char lea[3];

        return bpf_probe_read_user(lea, sizeof lea, (void *)(at + SYSCALL_LENGTH)) == 0 && lea[0] == 0x48 &&
               lea[1] == 0x8d && lea[2] == 0x0d;
}

static long area_note(struct task_struct *task, struct vm_area_struct *area, void *context)
{
        struct lookup *lookup = context;
        struct coverage_site *site = &lookup->site;
        struct file *file = BPF_CORE_READ(area, vm_file);

        if (!file) {
                void *vdso = BPF_CORE_READ(task, mm, context.vdso);
                int is_vdso = (unsigned long)vdso == BPF_CORE_READ(area, vm_start);

                site->place = is_vdso ? COVERAGE_VDSO : COVERAGE_ANONYMOUS;
                site->offset = lookup->at;
                return 0;
        }
        site->inode = BPF_CORE_READ(file, f_inode, i_ino);
        site->offset = lookup->at - BPF_CORE_READ(area, vm_start) + (BPF_CORE_READ(area, vm_pgoff) << 12);
        site->place = site->inode == agent_inode ? COVERAGE_AGENT : COVERAGE_FILE;
        if (site->place == COVERAGE_FILE)
                path_note(file, site->inode);
        return 0;
}

/* A jump with nothing but int3 between it and the instruction: a window whose syscall stayed in place. */
static int is_window(unsigned long at)
{
        unsigned char bytes[LOOK_BACK];

        if (bpf_probe_read_user(bytes, sizeof bytes, (void *)(at - LOOK_BACK)))
                return 0;
        for (int i = LOOK_BACK - 1; i >= JUMP_LENGTH - 1; i--) {
                if (bytes[i - (JUMP_LENGTH - 1)] == 0xe9)
                        return 1;
                if (bytes[i] != 0xcc)
                        return 0;
        }
        return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_syscall, struct pt_regs *regs, long nr)
{
        struct task_struct *task = bpf_get_current_task_btf();
        struct file *program = BPF_CORE_READ(task, mm, exe_file);
        struct lookup lookup = {.site = {.nr = (unsigned int)nr},
                                .at = BPF_CORE_READ(regs, ip) - SYSCALL_LENGTH};
        unsigned long long one = 1, *count;

        if (!program || BPF_CORE_READ(program, f_inode, i_ino) != agent_inode)
                return 0;
        bpf_find_vma(task, lookup.at, area_note, &lookup, 0);
        if (lookup.site.place == COVERAGE_FILE && is_window(lookup.at))
                lookup.site.place = COVERAGE_PATCHED;
        if (lookup.site.place == COVERAGE_ANONYMOUS && is_trampoline(lookup.at))
                lookup.site.place = COVERAGE_TRAMPOLINE;
        count = bpf_map_lookup_elem(&counts, &lookup.site);
        if (count)
                __sync_fetch_and_add(count, 1);
        else if (bpf_map_update_elem(&counts, &lookup.site, &one, BPF_ANY))
                __sync_fetch_and_add(&lost, 1);
        return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
