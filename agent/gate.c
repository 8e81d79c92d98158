/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate.h"

#include <linux/errno.h>

#include "agent/hooks.h"
#include "agent/kernel.h"
#include "agent/payload.h"
#include "agent/process.h"

#include "agent/poison.h"

#define OPEN_FAILING_MAX  3u
#define OPEN_FAILING_RING 2u /* from here on every open asks the ring first */
#define OPEN_SAMPLE       8u /* else one in so many */
#define RING_WASTED_MAX   4u /* a wait in vain every 17 calls at worst */

/* The ring answers only the errors of an open; one that succeeds goes to the kernel after all. So opens take
 * that way while they fail. Where opens succeed a sample is enough: the result of one that the kernel carries
 * out is not seen here, because the instruction at the site runs it, as it may block. */
static bool open_asks(struct ag_process *process)
{
        uint32_t turn;

        if (!process->client.ring || fl_load_once_32(&process->open_failing) >= OPEN_FAILING_RING)
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

/* Over the ring, where that is possible and worth it. */
static enum ag_outcome submit(struct ag_frame *frame, struct ag_process *process, unsigned bits)
{
        struct ring_client_payload payload;
        uint64_t start;
        int64_t result;
        uint32_t tid;

        if (!ring_client_hot(&process->client)) {
                ag_process_want_ring(process);
                return AG_NATIVE;
        }
        if (ring_rests(process) || !ag_process_is_mine(process, &tid))
                return AG_NATIVE;
        ag_payload(frame, &payload);
        start = __builtin_ia32_rdtsc();
        if (ring_client_call(&process->client, tid, (uint32_t)frame->rax, frame->args, &payload, &result) ==
            RING_CLIENT_NATIVE) {
                bool in_vain = __builtin_ia32_rdtsc() - start >= process->client.spin_ticks;

                note_wait(process, in_vain);
                if ((bits & AG_HOT_OPEN) && !in_vain)
                        note_open(process, false);
                return AG_NATIVE;
        }
        note_wait(process, false);
        if (bits & AG_HOT_OPEN)
                note_open(process, true);
        frame->rax = (uint64_t)result;
        return AG_HANDLED;
}

static void report(const struct ag_frame *frame, long result)
{
        long r;

        do
                r = ag_kernel4(FL_CALL_NR, FL_CALL_REPORT, (uint32_t)frame->rax, ag_address(frame->args),
                               (uint64_t)-result);
        while (r == -EINTR);
}

/* Natively, but from here, because the result matters. None of these waits for long, but for an open of a
 * FIFO; a thread cancelled in that one leaves without running its cleanups, because unwinders do not know
 * these frames. */
static enum ag_outcome run(struct ag_frame *frame, unsigned bits)
{
        long r;

        do
                r = ag_frame_run(frame);
        while (r == -EINTR && (bits & AG_HOT_REDO));
        if (bits & AG_HOT_EXE)
                r = ag_hook_exe(frame, r);
        if ((bits & AG_HOT_REPORT) && (r == -EACCES || r == -EPERM))
                report(frame, r);
        frame->rax = (uint64_t)r;
        return AG_HANDLED;
}

long ag_syscall(struct ag_frame *frame)
{
        uint32_t nr = (uint32_t)frame->rax;
        unsigned bits = nr < FL_SYSCALL_LIMIT ? ag_hot[nr] : 0;

        if ((bits & AG_HOT_HOOK) && ag_hook(frame) == AG_HANDLED)
                return AG_HANDLED;
        if ((bits & AG_HOT_RING) && (!(bits & AG_HOT_OPEN) || open_asks(ag_process)) &&
            submit(frame, ag_process, bits) == AG_HANDLED)
                return AG_HANDLED;
        if (bits & (AG_HOT_REDO | AG_HOT_REPORT | AG_HOT_EXE))
                return run(frame, bits);
        return AG_NATIVE;
}
