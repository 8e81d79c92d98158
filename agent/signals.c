/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/signals.h"

#include <asm/sigcontext.h>
#include <linux/errno.h>
#include <linux/signal.h>

#include <asm/ucontext.h> /* needs the others */

#include "agent/code_map.h"
#include "agent/kernel.h"
#include "agent/process.h"
#include "proto/ring.h"

#include "agent/poison.h"

#define SET_SIZE      8u           /* of the kernel's signal set */
#define USER_END      (1ull << 47) /* handlers beyond are no addresses */
#define CONTEXT_ABOVE 8u           /* the kernel's frame: return address, context, information */

#define REGISTER(name) (offsetof(struct ucontext, uc_mcontext) + offsetof(struct sigcontext, name))
_Static_assert(REGISTER(r12) == AG_CONTEXT_R12 && REGISTER(r15) == AG_CONTEXT_R15, "context layout");
_Static_assert(REGISTER(rbp) == AG_CONTEXT_RBP && REGISTER(rbx) == AG_CONTEXT_RBX, "context layout");
_Static_assert(offsetof(struct ag_arrival, context) == AG_ARRIVAL_RDX, "arrival layout");
_Static_assert(sizeof(struct ag_arrival) == AG_ARRIVAL_SIZE, "arrival layout");

uint64_t ag_handlers[AG_THUNKS];

/* Of the linker script, and of the hosted linker's own. */
extern const char __executable_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

void ag_signals_block(uint64_t *ret_before)
{
        uint64_t all = UINT64_MAX;

        ag_kernel4(__NR_rt_sigprocmask, SIG_SETMASK, ag_address(&all), ag_address(ret_before), SET_SIZE);
}

void ag_signals_restore(uint64_t before)
{
        ag_kernel4(__NR_rt_sigprocmask, SIG_SETMASK, ag_address(&before), 0, SET_SIZE);
}

static bool within(uint64_t address, const char *start, const char *end)
{
        return address >= ag_address(start) && address < ag_address(end);
}

static bool is_thunk(uint64_t address)
{
        return within(address, ag_thunks, ag_thunks + (uint64_t)AG_THUNKS * AG_THUNK_BYTES) &&
               (address - ag_address(ag_thunks)) % AG_THUNK_BYTES == 0;
}

static uint64_t handler_of(uint64_t index)
{
        return index < AG_THUNKS ? fl_load_once_64(&ag_handlers[index]) : 0;
}

/* The thunk that stands for handler; handler itself where there is none to be had. Never given back: a thread
 * may be on its way through one at any time. */
static uint64_t thunk_for(uint64_t handler)
{
        if (handler <= 1 || handler >= USER_END || is_thunk(handler)) /* SIG_DFL, SIG_IGN */
                return handler;
        for (unsigned i = 0; i < AG_THUNKS; i++) {
                uint64_t nobody = 0;

                if (fl_load_once_64(&ag_handlers[i]) == handler ||
                    __atomic_compare_exchange_n(&ag_handlers[i], &nobody, handler, false, __ATOMIC_ACQ_REL,
                                                __ATOMIC_ACQUIRE) ||
                    nobody == handler)
                        return ag_address(ag_thunks) + (uint64_t)i * AG_THUNK_BYTES;
        }
        return handler;
}

/* struct sigaction as the kernel has it. */
struct action {
        uint64_t handler, flags, restorer, mask;
};

/* Is it all in the page that the frame ends in? That was just written to. A C library has it on the stack. */
static bool beside_frame(const struct ag_frame *frame, uint64_t address)
{
        uint64_t page = (ag_address(frame + 1) - 1) / AG_PAGE;

        return address / AG_PAGE == page && (address + sizeof(struct action) - 1) / AG_PAGE == page;
}

/* Copies what the program wants set. The kernel looks at the memory before it looks at the number, and no
 * signal is 0, so this says whether it can be read and changes nothing. */
static bool copy_action(const struct ag_frame *frame, uint64_t address, struct action *ret_action)
{
        const volatile struct action *action = ag_pointer(address);

        if (!beside_frame(frame, address) &&
            ag_kernel4(__NR_rt_sigaction, 0, address, 0, SET_SIZE) != -EINVAL)
                return false;
        *ret_action = (struct action){action->handler, action->flags, action->restorer, action->mask};
        return true;
}

enum ag_outcome ag_hook_handler(struct ag_frame *frame)
{
        uint64_t address = frame->rsi;
        struct action wanted, *before = ag_pointer(frame->rdx);
        long r;

        if (address) {
                if (!copy_action(frame, address, &wanted))
                        return AG_NATIVE; /* the kernel says what is wrong */
                wanted.handler = thunk_for(wanted.handler);
                address = ag_address(&wanted);
        }
        while ((r = ag_frame_run(frame, address)) == -EINTR) /* the backstop's */
                frame->ran = AG_RAN_NOT;
        /* The kernel just wrote there. */
        if (r == 0 && before && is_thunk(before->handler))
                before->handler = handler_of((before->handler - ag_address(ag_thunks)) / AG_THUNK_BYTES);
        return AG_HANDLED;
}

/* The interrupted registers go behind the syscall at native, whose result they have, or in front of it. What
 * rcx and r11 hold is what the kernel leaves in them. */
static void stand_behind(struct sigcontext *at, uint64_t native)
{
        at->rip = native + 2;
        at->rcx = native + 2;
        at->r11 = at->eflags;
}

/* In front of it is as far back as the window's start, where that does no harm: the syscall comes by the gate
 * again then. A moved instruction's original place is part of a jump, and no one could go on from there. */
static void stand_before(struct sigcontext *at, uint64_t native)
{
        struct ag_site site;

        stand_behind(at, native);
        at->rip = native;
        if (ag_code_map_site(native, &site) && ((site.note.flags & AG_NOTE_REPEATS) || !site.note.syscall_at))
                at->rip = site.window;
}

static void load_frame(struct sigcontext *at, const struct ag_frame *frame, enum ag_outcome outcome)
{
        at->rdi = frame->rdi;
        at->rsi = frame->rsi;
        at->rdx = frame->rdx;
        at->r10 = frame->r10;
        at->r8 = frame->r8;
        at->r9 = frame->r9;
        at->rbx = frame->rbx;
        at->rbp = frame->rbp;
        at->r12 = frame->r12;
        at->r13 = frame->r13;
        at->r14 = frame->r14;
        at->r15 = frame->r15;
        at->rax = outcome == AG_HANDLED ? (uint64_t)frame->ran : frame->rax;
        at->rsp = ag_address(frame) + sizeof *frame + AG_RED_ZONE;
        at->eflags = frame->flags;
        if (outcome == AG_HANDLED)
                stand_behind(at, frame->native);
        else
                stand_before(at, frame->native);
}

static void leave_frame(struct sigcontext *at, struct ag_frame *frame)
{
        if (at->rip == ag_address(ag_frame_ran))
                frame->ran = (int64_t)at->rax;
        load_frame(at, frame, ag_settle(frame));
}

/* In the gate, before the frame is complete: every register is still as at the site. */
static void leave_entry(struct sigcontext *at)
{
        if (at->rip >= ag_address(ag_gate_framed))
                at->rsp += AG_FRAME_FLAGS;
        if (at->rip >= ag_address(ag_gate_flags))
                at->rsp += 8;
        if (at->rip >= ag_address(ag_gate_lowered))
                at->rsp += AG_RED_ZONE;
        stand_before(at, at->rcx);
}

/* In a trampoline, or at a jump to it: among instructions that may be run again, on the way to the gate,
 * straight to the syscall, or behind it where nothing that followed is displaced. Among other displaced
 * instructions it is left alone. */
static void leave_trampoline(struct sigcontext *at)
{
        struct ag_site site;
        uint64_t offset;

        if (!ag_code_map_site(at->rip, &site))
                return;
        if (at->rip == site.native && (site.note.flags & AG_NOTE_IN_PLACE))
                return;
        offset = at->rip - site.trampoline;
        if (offset == 0 || offset >= site.note.size ||
            (offset < site.note.before_size && site.note.flags & AG_NOTE_REPEATS))
                at->rip = site.window;
        else if (offset >= site.note.before_size && offset <= ag_note_go(&site.note))
                stand_before(at, site.native);
        else if (offset > ag_note_go(&site.note) &&
                 site.note.length == site.note.syscall_at + FL_SITE_SYSCALL)
                stand_behind(at, site.window + site.note.syscall_at);
}

/* Is nr one that the kernel itself would not have interrupted, with the arguments in at? */
static bool never_interrupted(uint16_t nr, const struct sigcontext *at)
{
        if (ag_is_open(nr))
                return !ag_open_may_wait(nr, at->rdi, at->rsi);
        return nr < FL_SYSCALL_LIMIT && (ag_hot[nr] & (AG_HOT_REDO | AG_HOT_SITE));
}

/* The backstop lets a signal end a syscall before the broker has it (EINTR, where the handler's flags do not
 * have it restarted). Where the kernel would not, the signal came before the syscall. */
static void undo_interruption(struct sigcontext *at)
{
        struct ag_site site;

        if ((int64_t)at->rax != -EINTR || ag_stands_down || !ag_code_map_site(at->rip - 2, &site) ||
            at->rip != site.native + 2 || !never_interrupted(site.note.nr, at))
                return;
        at->rax = site.note.nr;
        stand_before(at, site.native);
}

static void leave_agent(struct sigcontext *at);

/* A signal hit the thunk of another before that had done its work, or after: does it, or finds it done, and
 * stands at the other's handler. stack is the stack pointer with which the thunk was entered. */
static void leave_thunk(struct sigcontext *at, uint64_t handler, uint64_t stack)
{
        struct ucontext *outer = ag_pointer(at->rdx);
        const struct sigcontext *registers = &outer->uc_mcontext;

        at->rip = handler;
        at->rsp = stack;
        at->rax = 0;
        if (at->rdx != stack + CONTEXT_ABOVE)
                return; /* called by the program like a function */
        leave_agent(&outer->uc_mcontext);
        at->rbx = registers->rbx;
        at->rbp = registers->rbp;
        at->r12 = registers->r12;
        at->r13 = registers->r13;
        at->r14 = registers->r14;
        at->r15 = registers->r15;
}

static void leave_arrival(struct sigcontext *at, const struct ag_arrival *arrival)
{
        at->rdi = arrival->number;
        at->rsi = arrival->information;
        at->rdx = arrival->context;
        leave_thunk(at, handler_of(arrival->index), ag_address(arrival) + sizeof *arrival);
}

/* C code: the frame pointers lead to whoever called it. */
static void leave_c(struct sigcontext *at)
{
        const uint64_t *link = ag_pointer(at->rbp);

        while (*link >= AG_KIND_LIMIT)
                link = ag_pointer(*link);
        if (*link == AG_KIND_ARRIVAL)
                leave_arrival(at, (const struct ag_arrival *)link);
        else
                leave_frame(at, ag_pointer(ag_address(link)));
}

/* Rewrites registers that were interrupted in agent code to those of the program; others are left alone. With
 * every signal blocked. */
static void leave_agent(struct sigcontext *at)
{
        uint64_t rip = at->rip;

        if (!within(rip, __executable_start, etext)) {
                undo_interruption(at);
                leave_trampoline(at);
        } else if (within(rip, ag_gate, ag_gate_saved))
                leave_entry(at);
        else if (within(rip, ag_gate_saved, ag_gate_left))
                leave_frame(at, ag_pointer(at->rsp));
        else if (rip == ag_address(ag_gate_left))
                at->rip = at->rcx;
        else if (within(rip, ag_thunks, ag_signal))
                leave_thunk(at, handler_of((rip - ag_address(ag_thunks)) / AG_THUNK_BYTES), at->rsp);
        else if (within(rip, ag_signal, ag_signal_framed))
                leave_thunk(at, handler_of(at->rax), at->rsp);
        else if (within(rip, ag_signal_framed, ag_signal_saved))
                leave_thunk(at, handler_of(at->rax), at->rsp + AG_ARRIVAL_SIZE);
        else if (within(rip, ag_signal_saved, ag_signal_left))
                leave_arrival(at, ag_pointer(at->rsp));
        else if (within(rip, ag_signal_left, ag_signal_go))
                leave_thunk(at, handler_of(at->rax), at->rsp);
        else if (within(rip, ag_signal_go, ag_signal_end))
                leave_thunk(at, at->rcx, at->rsp);
        else
                leave_c(at);
}

static bool in_agent(uint64_t rip)
{
        return within(rip, __executable_start, etext) || ag_code_map_is_ours(rip);
}

/* The signal's own mask is in force, so another may come at any time: it finds either nothing done or all of
 * it.
 */
void ag_signal_arrived(struct ag_arrival *arrival)
{
        struct ucontext *context = ag_pointer(arrival->context);
        struct sigcontext *at = &context->uc_mcontext;
        uint64_t before;

        if (ag_stands_down) { /* no syscall of ours is welcome; there is no more to do than to go to the site
                               */
                leave_agent(at);
                return;
        }
        if ((int64_t)at->rax != -EINTR && !in_agent(at->rip))
                return;
        ag_signals_block(&before);
        leave_agent(at);
        ag_signals_restore(before);
}
