/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate.h"

#include <asm/stat.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "agent/hooks.h"
#include "agent/kernel.h"
#include "agent/payload.h"
#include "agent/process.h"
#include "agent/signals.h"

#include "agent/poison.h"

#define TYPE_MASK      0170000u /* inode(7) */
#define TYPE_REGULAR   0100000u
#define TYPE_DIRECTORY 0040000u

#define OPEN_FAILING_MAX  3u
#define OPEN_FAILING_RING 2u /* from here on every open asks the ring first */
#define OPEN_SAMPLE       8u /* else one in so many */
#define RING_WASTED_MAX   4u /* a wait in vain every 17 calls at worst */

/* The ring answers only the errors of an open; one that succeeds goes to the kernel after all. So opens take
 * that way while they fail. Where opens succeed a sample is enough: the result of one that the kernel carries
 * out is not seen here, because the instruction at the site runs it, as it may block. The first one that the
 * ring is polled for is always asked: polling that nobody answers soon ends. */
static bool open_asks(struct ag_process *process)
{
        uint32_t turn;

        if (!ring_client_hot(&process->client)) {
                fl_store_once_32(&process->open_turn, 0);
                return true;
        }
        if (fl_load_once_32(&process->ring_rest) ||
            fl_load_once_32(&process->open_failing) >= OPEN_FAILING_RING)
                return true;
        turn = fl_load_once_32(&process->open_turn);
        fl_store_once_32(&process->open_turn, turn + 1);
        return turn % OPEN_SAMPLE == 0;
}

static void note_open(struct ag_process *process, bool failed)
{
        uint32_t failing = fl_load_once_32(&process->open_failing);

        if (failed)
                fl_store_once_32(&process->open_failing, OPEN_FAILING_MAX);
        else if (failing > 0)
                fl_store_once_32(&process->open_failing, failing - 1);
}

/* Waiting in vain costs more than a notification: where the broker's thread does not get a core, the ring
 * rests for ever more calls. Races between threads cost a wrong guess. */
static void note_wait(struct ag_process *process, bool in_vain)
{
        uint32_t wasted = in_vain ? fl_load_once_32(&process->ring_wasted) + 1 : 0;

        if (!in_vain && fl_load_once_32(&process->ring_wasted) == 0)
                return;
        wasted = wasted < RING_WASTED_MAX ? wasted : RING_WASTED_MAX;
        fl_store_once_32(&process->ring_wasted, wasted);
        if (in_vain)
                fl_store_once_32(&process->ring_rest, 1u << wasted);
}

static bool ring_rests(struct ag_process *process)
{
        uint32_t rest = fl_load_once_32(&process->ring_rest);

        if (rest)
                fl_store_once_32(&process->ring_rest, rest - 1);
        return rest != 0;
}

enum ag_outcome ag_frame_finish(struct ag_frame *frame, long result)
{
        frame->ran = result;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        frame->kind |= AG_KIND_FINISHED;
        return AG_HANDLED;
}

/* The end of a request that may have been submitted in a slot that the frame holds; the slot is let go. One
 * that is not the frame's own was left by a frame that stood at the same address. */
static enum ag_outcome await(struct ag_frame *frame, struct ag_process *process, unsigned slot)
{
        enum ring_client_outcome outcome = RING_CLIENT_NATIVE;

        if (slot == frame->slot && ring_client_submitted(&process->client, slot, frame->generation))
                outcome = ring_client_await(&process->client, slot, frame->generation);
        if (outcome == RING_CLIENT_RESULT)
                ag_frame_finish(frame, ring_client_take(&process->client, slot));
        ring_client_release(&process->client, slot);
        return outcome == RING_CLIENT_RESULT ? AG_HANDLED : AG_NATIVE;
}

/* False where no slot is free. Its own stack is not to lie below that of waiting. */
static __attribute__((noinline)) bool submit(struct ag_frame *frame, struct ag_process *process, uint32_t tid)
{
        struct ring_client_payload payload;
        int slot;

        ag_payload(frame, &payload);
        slot = ring_client_claim(&process->client, ag_address(frame));
        if (slot < 0)
                return false;
        frame->slot = (uint32_t)slot;
        frame->generation = ring_client_generation(&process->client, (unsigned)slot);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        ring_client_submit(&process->client, (unsigned)slot, frame->generation, tid, (uint32_t)frame->rax,
                           frame->args, &payload);
        return true;
}

/* Over the ring, where that is possible and worth it. */
static enum ag_outcome ask(struct ag_frame *frame, struct ag_process *process, unsigned bits)
{
        bool rests = ring_rests(process); /* calls for which nobody polls count: it has to end */
        bool in_vain;
        uint64_t start;
        uint32_t tid;

        if (!ring_client_hot(&process->client)) {
                ag_process_want_ring(process);
                return AG_NATIVE;
        }
        if (rests || !ag_process_is_mine(process, &tid) || !submit(frame, process, tid))
                return AG_NATIVE;
        start = __builtin_ia32_rdtsc();
        if (await(frame, process, frame->slot) == AG_HANDLED) {
                note_wait(process, false);
                if (bits & AG_HOT_OPEN)
                        note_open(process, true);
                return AG_HANDLED;
        }
        in_vain = __builtin_ia32_rdtsc() - start >= process->client.spin_ticks;
        note_wait(process, in_vain);
        if ((bits & AG_HOT_OPEN) && !in_vain)
                note_open(process, false);
        return AG_NATIVE;
}

static enum ag_outcome report(struct ag_frame *frame, long result)
{
        uint64_t before;
        long r;

        ag_signals_block(&before); /* told once */
        do
                r = ag_kernel4(FL_CALL_NR, FL_CALL_REPORT, (uint32_t)frame->rax, ag_address(frame->args),
                               (uint64_t)-result);
        while (r == -EINTR);
        ag_frame_finish(frame, r == -ENOSYS ? result : r); /* nobody there */
        ag_signals_restore(before);
        return AG_HANDLED;
}

bool ag_open_may_wait(uint32_t nr, uint64_t rdi, uint64_t rsi)
{
        bool second = nr == __NR_openat || nr == __NR_openat2, waits;
        struct stat *found; /* too big for a signal stack */
        long r;

        if (!ag_is_open(nr))
                return false;
        r = ag_mmap(0, sizeof *found, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (ag_failed(r))
                return true;
        found = ag_pointer((uint64_t)r);
        r = ag_kernel4(__NR_newfstatat, second ? rdi : (uint64_t)AT_FDCWD, second ? rsi : rdi,
                       ag_address(found), 0);
        waits = r == 0 && (found->st_mode & TYPE_MASK) != TYPE_REGULAR &&
                (found->st_mode & TYPE_MASK) != TYPE_DIRECTORY;
        ag_munmap(ag_address(found), sizeof *found);
        return waits;
}

/* The backstop can make anything return EINTR, where a signal comes before the broker has the notification.
 * Where the kernel would not, nothing has happened yet. */
static bool forget_interruption(struct ag_frame *frame, unsigned bits)
{
        if (frame->ran != -EINTR ||
            (!(bits & AG_HOT_REDO) && ag_open_may_wait((uint32_t)frame->rax, frame->rdi, frame->rsi)))
                return false;
        frame->ran = AG_RAN_NOT;
        return true;
}

/* Natively, but from here, because the result matters. */
static enum ag_outcome run(struct ag_frame *frame, unsigned bits)
{
        long r;

        do
                r = ag_frame_run(frame, frame->rsi);
        while (forget_interruption(frame, bits));
        if ((bits & AG_HOT_EXE) && ag_hook_exe(frame, r) == AG_HANDLED)
                return AG_HANDLED;
        if ((bits & AG_HOT_REPORT) && (r == -EACCES || r == -EPERM))
                return report(frame, r);
        return AG_HANDLED;
}

static unsigned bits_of(const struct ag_frame *frame)
{
        uint32_t nr = (uint32_t)frame->rax;

        return nr < FL_SYSCALL_LIMIT ? ag_hot[nr] : 0;
}

/* What is not for the ring. */
static enum ag_outcome elsewhere(struct ag_frame *frame, unsigned bits)
{
        if (bits & (AG_HOT_REDO | AG_HOT_REPORT | AG_HOT_EXE))
                return run(frame, bits);
        return AG_NATIVE;
}

long ag_syscall(struct ag_frame *frame)
{
        unsigned bits = bits_of(frame);

        if ((bits & AG_HOT_HOOK) && ag_hook(frame) == AG_HANDLED)
                return AG_HANDLED;
        if ((bits & AG_HOT_RING) && (!(bits & AG_HOT_OPEN) || open_asks(ag_process)) &&
            ask(frame, ag_process, bits) == AG_HANDLED)
                return AG_HANDLED;
        return elsewhere(frame, bits);
}

/* Would the syscall, run now, keep waiting signals from the program, or take the blocked mask along? */
static bool must_go_back(const struct ag_frame *frame, unsigned bits)
{
        uint32_t nr = (uint32_t)frame->rax;

        if (nr == __NR_execve || nr == __NR_execveat || nr == __NR_sendmsg)
                return true;
        return (bits & (AG_HOT_REPORT | AG_HOT_EXE)) && ag_open_may_wait(nr, frame->rdi, frame->rsi);
}

enum ag_outcome ag_settle(struct ag_frame *frame)
{
        unsigned bits = bits_of(frame);
        int slot;

        while ((slot = ring_client_held(&ag_process->client, ag_address(frame))) >= 0)
                await(frame, ag_process, (unsigned)slot);
        if (frame->kind & AG_KIND_FINISHED)
                return AG_HANDLED;
        if (bits & (AG_HOT_REDO | AG_HOT_REPORT | AG_HOT_EXE))
                forget_interruption(frame, bits);
        if (frame->ran == AG_RAN_NOT && must_go_back(frame, bits))
                return AG_NATIVE;
        if ((bits & AG_HOT_HOOK) && ag_hook(frame) == AG_HANDLED)
                return AG_HANDLED;
        return elsewhere(frame, bits);
}
