/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"

#include <linux/mman.h>

#include "agent/kernel.h"

#include "agent/poison.h"

#define RING_AFTER_CALLS 16u
/* Of the time stamp counter, which runs at 2 to 4 GHz; asking the CPU would trap in a virtual machine. */
#define TICKS_PER_US 2500u

struct fl_hello ag_hello;
uint8_t ag_hot[AG_HOT_NUMBERS];
struct ag_process *ag_process;

static struct ag_process
        fallback; /* where no page is to be had: shared by fork children, so without a ring */

static bool in_mask(const uint64_t mask[FL_MASK_WORDS], unsigned nr)
{
        return mask[nr / 64] >> (nr % 64) & 1;
}

/* Opens: the ring can only refuse them. */
static bool is_open(unsigned nr)
{
        return nr == __NR_open || nr == __NR_openat || nr == __NR_openat2 || nr == __NR_creat;
}

/* Path syscalls that finish or fail and never return EINTR (signal(7) lists those that do). */
static bool never_interrupted(unsigned nr)
{
        static const uint16_t numbers[] = {
                __NR_stat,
                __NR_lstat,
                __NR_newfstatat,
                __NR_statx,
                __NR_access,
                __NR_faccessat,
                439,
                __NR_readlink,
                __NR_readlinkat,
                __NR_mkdir,
                __NR_mkdirat,
                __NR_rmdir,
                __NR_unlink,
                __NR_unlinkat,
                __NR_rename,
                __NR_renameat,
                __NR_renameat2,
                __NR_link,
                __NR_linkat,
                __NR_symlink,
                __NR_symlinkat,
                __NR_mknod,
                __NR_mknodat,
                __NR_chmod,
                __NR_fchmodat,
                __NR_chown,
                __NR_lchown,
                __NR_fchownat,
                __NR_utime,
                __NR_utimes,
                __NR_futimesat,
                __NR_utimensat,
                __NR_chdir,
                __NR_getxattr,
                __NR_lgetxattr,
                __NR_setxattr,
                __NR_lsetxattr,
                __NR_listxattr,
                __NR_llistxattr,
                __NR_removexattr,
                __NR_lremovexattr,
                __NR_statfs,
                __NR_bind,
        };

        for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
                if (numbers[i] == nr)
                        return true;
        }
        return false;
}

static bool takes_exe(unsigned nr)
{
        return nr == __NR_open || nr == __NR_openat || nr == __NR_readlink || nr == __NR_readlinkat ||
               nr == __NR_stat || nr == __NR_lstat || nr == __NR_newfstatat || nr == __NR_statx ||
               nr == __NR_access || nr == __NR_faccessat;
}

uint8_t ag_hot_bits(const struct fl_hello *hello, unsigned nr)
{
        bool mediated;
        unsigned bits = 0;

        if (nr >= FL_SYSCALL_LIMIT)
                return 0;
        mediated = in_mask(hello->mediated, nr);
        if (mediated && in_mask(hello->ring, nr))
                bits |= AG_HOT_RING;
        if (mediated && never_interrupted(nr))
                bits |= AG_HOT_REDO;
        if (mediated && nr == __NR_newfstatat)
                bits |= AG_HOT_FSTAT;
        if ((bits & AG_HOT_RING) && is_open(nr))
                bits |= AG_HOT_OPEN;
        if (!mediated && in_mask(hello->reported, nr))
                bits |= AG_HOT_REPORT;
        if (!mediated && (hello->flags & FL_HELLO_SUBSTITUTE_EXE) && takes_exe(nr))
                bits |= AG_HOT_EXE;
        if (nr == __NR_mmap || nr == __NR_munmap || nr == __NR_execve || nr == __NR_execveat)
                bits |= AG_HOT_HOOK;
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
        long fd = ag_kernel3(FL_CALL_NR, FL_CALL_RING, 0, 0), r;
        struct fl_ring *ring;

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

void ag_process_want_ring(struct ag_process *process)
{
        uint32_t expected = AG_RING_NONE, tid;
        struct fl_ring *ring;

        if (fl_load_once_32(&process->ring_state) != AG_RING_NONE || ++process->calls < RING_AFTER_CALLS)
                return;
        if (!ag_process_is_mine(process, &tid))
                return;
        if (!__atomic_compare_exchange_n(&process->ring_state, &expected, AG_RING_ASKING, false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                return;
        ring = map_ring(process->owner);
        if (ring)
                ring_client_attach(&process->client, ring, RING_CLIENT_SPIN_US * TICKS_PER_US);
        fl_store_release(&process->ring_state, AG_RING_SETTLED);
}
