/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"

#include <linux/errno.h>
#include <linux/mman.h>

#include "agent/kernel.h"
#include "agent/signals.h"

#include "agent/poison.h"

#define RING_AFTER_CALLS 16u
/* Of the time stamp counter, which runs at 2 to 4 GHz; asking the CPU would trap in a virtual machine. */
#define TICKS_PER_US 2500u

struct fl_hello ag_hello;
uint8_t ag_hot[AG_HOT_NUMBERS];
bool ag_stands_down;
struct ag_process *ag_process;

static struct ag_process
        fallback; /* where no page is to be had: shared by fork children, so without a ring */

static bool in_mask(const uint64_t mask[FL_MASK_WORDS], unsigned nr)
{
        return mask[nr / 64] >> (nr % 64) & 1;
}

bool ag_is_open(unsigned nr)
{
        return nr == __NR_open || nr == __NR_openat || nr == __NR_openat2 || nr == __NR_creat;
}

/* What does not depend on the policy. */
#define SECOND           AG_HOT_PATH2
#define REDO             AG_HOT_REDO /* finishes or fails, and never returns EINTR (signal(7) lists those that do) */
#define SITE             AG_HOT_SITE /* likewise */
#define EXE              AG_HOT_EXE
#define NR_setxattrat    463 /* Linux 6.13 */
#define NR_getxattrat    464
#define NR_listxattrat   465
#define NR_removexattrat 466

static const uint8_t traits[FL_SYSCALL_LIMIT] = {
        [__NR_open] = EXE,
        [__NR_openat] = SECOND | EXE,
        [__NR_openat2] = SECOND,
        [__NR_stat] = REDO | EXE,
        [__NR_lstat] = REDO | EXE,
        [__NR_newfstatat] = SECOND | REDO | EXE,
        [__NR_statx] = SECOND | REDO | EXE,
        [__NR_access] = REDO | EXE,
        [__NR_faccessat] = SECOND | REDO | EXE,
        [__NR_faccessat2] = SECOND | REDO | EXE,
        [__NR_readlink] = REDO | EXE,
        [__NR_readlinkat] = SECOND | REDO | EXE,
        [__NR_statfs] = REDO,
        [__NR_mkdir] = REDO,
        [__NR_mkdirat] = SECOND | REDO,
        [__NR_rmdir] = REDO,
        [__NR_unlink] = REDO,
        [__NR_unlinkat] = SECOND | REDO,
        [__NR_rename] = REDO,
        [__NR_renameat] = SECOND | REDO,
        [__NR_renameat2] = SECOND | REDO,
        [__NR_link] = REDO,
        [__NR_linkat] = SECOND | REDO,
        [__NR_symlink] = REDO,
        [__NR_symlinkat] = REDO,
        [__NR_mknod] = REDO,
        [__NR_mknodat] = SECOND | REDO,
        [__NR_chmod] = REDO,
        [__NR_fchmodat] = SECOND | REDO,
        [__NR_chown] = REDO,
        [__NR_lchown] = REDO,
        [__NR_fchownat] = SECOND | REDO,
        [__NR_utime] = REDO,
        [__NR_utimes] = REDO,
        [__NR_futimesat] = SECOND | REDO,
        [__NR_utimensat] = SECOND | REDO,
        [__NR_chdir] = REDO,
        [__NR_getxattr] = REDO,
        [__NR_lgetxattr] = REDO,
        [__NR_setxattr] = REDO,
        [__NR_lsetxattr] = REDO,
        [__NR_listxattr] = REDO,
        [__NR_llistxattr] = REDO,
        [__NR_removexattr] = REDO,
        [__NR_lremovexattr] = REDO,
        [NR_setxattrat] = SECOND | REDO,
        [NR_getxattrat] = SECOND | REDO,
        [NR_listxattrat] = SECOND | REDO,
        [NR_removexattrat] = SECOND | REDO,
        [__NR_bind] = REDO,

        /* Where everything is mediated. Natively these never wait, or not for a signal. */
        [__NR_getpid] = REDO,
        [__NR_getppid] = REDO,
        [__NR_gettid] = REDO,
        [__NR_getuid] = REDO,
        [__NR_geteuid] = REDO,
        [__NR_getgid] = REDO,
        [__NR_getegid] = REDO,
        [__NR_getpgid] = REDO,
        [__NR_getpgrp] = REDO,
        [__NR_getsid] = REDO,
        [__NR_setpgid] = REDO,
        [__NR_setsid] = REDO,
        [__NR_getgroups] = REDO,
        [__NR_setgroups] = REDO,
        [__NR_setuid] = REDO,
        [__NR_setgid] = REDO,
        [__NR_setreuid] = REDO,
        [__NR_setregid] = REDO,
        [__NR_setresuid] = REDO,
        [__NR_setresgid] = REDO,
        [__NR_getresuid] = REDO,
        [__NR_getresgid] = REDO,
        [__NR_setfsuid] = REDO,
        [__NR_setfsgid] = REDO,
        [__NR_capget] = REDO,
        [__NR_capset] = REDO,
        [__NR_umask] = REDO,
        [__NR_uname] = REDO,
        [__NR_sysinfo] = REDO,
        [__NR_times] = REDO,
        [__NR_getrusage] = REDO,
        [__NR_getpriority] = REDO,
        [__NR_setpriority] = REDO,
        [__NR_getrlimit] = REDO,
        [__NR_setrlimit] = REDO,
        [__NR_prlimit64] = REDO,
        [__NR_gettimeofday] = REDO,
        [__NR_time] = REDO,
        [__NR_clock_gettime] = REDO,
        [__NR_clock_getres] = REDO,
        [__NR_getitimer] = REDO,
        [__NR_setitimer] = REDO,
        [__NR_alarm] = REDO,
        [__NR_timer_create] = REDO,
        [__NR_timer_settime] = REDO,
        [__NR_timer_gettime] = REDO,
        [__NR_timer_getoverrun] = REDO,
        [__NR_timer_delete] = REDO,
        [__NR_timerfd_create] = REDO,
        [__NR_timerfd_settime] = REDO,
        [__NR_timerfd_gettime] = REDO,
        [__NR_kill] = REDO,
        [__NR_tkill] = REDO,
        [__NR_tgkill] = REDO,
        [__NR_rt_sigprocmask] = SITE,
        [__NR_rt_sigpending] = SITE,
        [__NR_rt_sigqueueinfo] = REDO,
        [__NR_rt_tgsigqueueinfo] = REDO,
        [__NR_sigaltstack] = SITE,
        [__NR_signalfd] = REDO,
        [__NR_signalfd4] = REDO,
        [__NR_sched_yield] = REDO,
        [__NR_sched_getaffinity] = REDO,
        [__NR_sched_setaffinity] = REDO,
        [__NR_sched_getparam] = REDO,
        [__NR_sched_setparam] = REDO,
        [__NR_sched_getscheduler] = REDO,
        [__NR_sched_setscheduler] = REDO,
        [__NR_sched_getattr] = REDO,
        [__NR_sched_setattr] = REDO,
        [__NR_sched_get_priority_max] = REDO,
        [__NR_sched_get_priority_min] = REDO,
        [__NR_sched_rr_get_interval] = REDO,
        [__NR_getcpu] = REDO,
        [__NR_brk] = SITE,
        [__NR_mprotect] = SITE,
        [__NR_mremap] = SITE,
        [__NR_mincore] = REDO,
        [__NR_madvise] = SITE,
        [__NR_dup] = REDO,
        [__NR_dup2] = REDO,
        [__NR_dup3] = REDO,
        [__NR_pipe] = REDO,
        [__NR_pipe2] = REDO,
        [__NR_socket] = REDO,
        [__NR_socketpair] = REDO,
        [__NR_getsockname] = REDO,
        [__NR_getpeername] = REDO,
        [__NR_setsockopt] = REDO,
        [__NR_getsockopt] = REDO,
        [__NR_listen] = REDO,
        [__NR_shutdown] = REDO,
        [__NR_epoll_create] = REDO,
        [__NR_epoll_create1] = REDO,
        [__NR_epoll_ctl] = REDO,
        [__NR_eventfd] = REDO,
        [__NR_eventfd2] = REDO,
        [__NR_memfd_create] = REDO,
        [__NR_lseek] = REDO,
        [__NR_fstat] = REDO,
        [__NR_getcwd] = REDO,
        [__NR_fchdir] = REDO,
        [__NR_fchmod] = REDO,
        [__NR_fchown] = REDO,
        [__NR_getdents] = REDO,
        [__NR_getdents64] = REDO,
        [__NR_inotify_init] = REDO,
        [__NR_inotify_init1] = REDO,
        [__NR_inotify_rm_watch] = REDO,
        [__NR_arch_prctl] = REDO,
        [__NR_set_tid_address] = REDO,
        [__NR_set_robust_list] = REDO,
        [__NR_get_robust_list] = REDO,
        [__NR_membarrier] = REDO,
        [__NR_mmap] = SITE,
        [__NR_munmap] = SITE,
        [__NR_prctl] = SITE,
        [__NR_seccomp] = SITE,
};

uint8_t ag_hot_bits(const struct fl_hello *hello, unsigned nr)
{
        unsigned bits = 0, path;

        if (nr >= FL_SYSCALL_LIMIT)
                return 0;
        path = traits[nr];
        if (in_mask(hello->mediated, nr)) {
                bits |= path & (REDO | SITE);
                if (in_mask(hello->ring, nr))
                        bits |= AG_HOT_RING | (ag_is_open(nr) ? AG_HOT_OPEN : 0);
                if (nr == __NR_newfstatat || (nr == __NR_sendmsg && (hello->flags & FL_HELLO_PLAIN_SENDS)))
                        bits |= AG_HOT_HOOK;
        } else {
                if (in_mask(hello->reported, nr))
                        bits |= AG_HOT_REPORT;
                if ((hello->flags & FL_HELLO_SUBSTITUTE_EXE) && (path & EXE))
                        bits |= path & (EXE | SECOND);
        }
        switch (nr) {
        case __NR_mmap:
        case __NR_munmap:
        case __NR_mremap:
        case __NR_execve:
        case __NR_execveat:
        case __NR_rt_sigaction:
        case __NR_prctl:
        case __NR_seccomp:
                bits |= AG_HOT_HOOK;
                break;
        default:
                break;
        }
        return (uint8_t)bits;
}

void ag_process_init(void)
{
        long r = ag_mmap(0, sizeof *ag_process, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (unsigned nr = 0; nr < FL_SYSCALL_LIMIT; nr++)
                ag_hot[nr] = ag_hot_bits(&ag_hello, nr);
        ag_process = &fallback;
        fallback.ring_state = AG_RING_SETTLED;
        if (ag_failed(r))
                return;
        if (ag_kernel3(__NR_madvise, (uint64_t)r, 4096, MADV_WIPEONFORK) < 0) {
                ag_munmap((uint64_t)r, 4096);
                return;
        }
        ag_process = ag_pointer((uint64_t)r);
        ag_process->owner = (uint32_t)ag_kernel3(__NR_getpid, 0, 0, 0);
}

_Static_assert(sizeof(struct ag_process) <= 4096, "one page is wiped on fork");

bool ag_process_is_mine(struct ag_process *process, uint32_t *ret_tid)
{
        uint32_t tid = (uint32_t)ag_kernel3(__NR_gettid, 0, 0, 0);

        *ret_tid = tid;
        if (process->owner == 0)
                process->owner = (uint32_t)ag_kernel3(__NR_getpid, 0, 0, 0);
        if (tid == process->owner)
                return true;
        return (uint32_t)ag_kernel3(__NR_getpid, 0, 0, 0) == process->owner;
}

/* The ring's memory, mapped, and not shared with a fork child; NULL where there is none. */
static struct fl_ring *map_ring(uint32_t owner)
{
        struct fl_ring *ring;
        long fd, r;

        do
                fd = ag_kernel3(FL_CALL_NR, FL_CALL_RING, 0, 0);
        while (fd == -EINTR);
        if (fd < 0)
                return NULL;
        r = ag_mmap(0, FL_RING_SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
        ag_close((int)fd);
        if (ag_failed(r))
                return NULL;
        ring = ag_pointer((uint64_t)r);
        if (ag_kernel3(__NR_madvise, (uint64_t)r, FL_RING_SIZE_BYTES, MADV_DONTFORK) == 0 &&
            fl_load_once_64(&ring->magic) == FL_RING_MAGIC && fl_load_once_32(&ring->owner) == owner)
                return ring;
        ag_munmap((uint64_t)r, FL_RING_SIZE_BYTES);
        return NULL;
}

/* In one go: a handler may not come back to what it interrupts. */
static void attach_ring(struct ag_process *process)
{
        uint32_t expected = AG_RING_NONE;
        struct fl_ring *ring;
        uint64_t before;

        ag_signals_block(&before);
        if (__atomic_compare_exchange_n(&process->ring_state, &expected, AG_RING_ASKING, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
                ring = map_ring(process->owner);
                if (ring)
                        ring_client_attach(&process->client, ring, RING_CLIENT_SPIN_US * TICKS_PER_US);
                fl_store_release(&process->ring_state, AG_RING_SETTLED);
        }
        ag_signals_restore(before);
}

void ag_process_want_ring(struct ag_process *process)
{
        uint32_t tid;

        if (fl_load_once_32(&process->ring_state) != AG_RING_NONE || ++process->calls < RING_AFTER_CALLS)
                return;
        if (ag_process_is_mine(process, &tid))
                attach_ring(process);
}

void ag_process_stand_down(void)
{
        for (unsigned nr = 0; nr < FL_SYSCALL_LIMIT; nr++) {
                if (nr != __NR_rt_sigaction)
                        __atomic_store_n(&ag_hot[nr], 0, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&ag_stands_down, true, __ATOMIC_RELEASE);
}
