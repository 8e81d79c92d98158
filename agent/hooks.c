/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/hooks.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "agent/bytes.h"
#include "agent/code_map.h"
#include "agent/kernel.h"
#include "agent/original.h"
#include "agent/patch.h"
#include "agent/payload.h"
#include "agent/process.h"
#include "agent/signals.h"
#include "agent/workspace.h"

#include "agent/poison.h"

#define MSG_FASTOPEN 0x20000000u /* socket.h */

static uint64_t page_end(uint64_t start, uint64_t length)
{
        return start + ((length + 4095) & ~4095ull);
}

/* Code that the frame's mmap put at address, on the way to another stack. */
struct new_code {
        const struct ag_frame *frame;
        uint64_t address;
        struct ag_workspace *workspace;
};

static void patch_new_code(void *argument)
{
        const struct new_code *code = argument;
        struct ag_mapping mapping = {.address = code->address,
                                     .length = page_end(0, code->frame->rsi),
                                     .offset = code->frame->r9,
                                     .protection = (int)code->frame->rdx};

        ag_patch((int)code->frame->r8, &mapping, 1, code->workspace);
}

/* With signals blocked: a handler must neither find the code half patched nor leave by longjmp, and one on an
 * alternate stack must find us on the stack that the kernel thinks we are on. */
static __attribute__((noinline)) void patch_elsewhere(const struct ag_frame *frame, uint64_t address)
{
        struct new_code code = {.frame = frame, .address = address, .workspace = ag_workspace_take()};

        if (!code.workspace)
                return;
        ag_on_stack(patch_new_code, &code, code.workspace->stack + sizeof code.workspace->stack);
        ag_workspace_release(code.workspace);
}

/* Code of a file that nobody means to write to: neither through this mapping nor, the descriptor says,
 * elsewhere, where a private page would no longer show it. */
static bool is_code(const struct ag_frame *frame)
{
        return (frame->rdx & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC && !(frame->r10 & MAP_ANONYMOUS) &&
               (frame->r10 & MAP_TYPE) == MAP_PRIVATE &&
               (ag_kernel3(__NR_fcntl, frame->r8, F_GETFL, 0) & O_ACCMODE) == O_RDONLY;
}

/* Does the mapping take the place of patched code for good? Not so memory that is written to: programs that
 * want their code on large pages copy it away and back. */
static bool replaces_code(const struct ag_frame *frame)
{
        return (frame->r10 & MAP_FIXED) && (!(frame->r10 & MAP_ANONYMOUS) || frame->rdx == PROT_NONE) &&
               ag_code_map_covers(frame->rdi, frame->rdi + frame->rsi);
}

static enum ag_outcome hook_mmap(struct ag_frame *frame)
{
        bool code = is_code(frame), replaces = replaces_code(frame);
        uint64_t before;
        long r;

        if (!code && !replaces)
                return AG_NATIVE;
        ag_signals_block(&before);
        r = ag_frame_run(frame, frame->rsi);
        if (replaces && !ag_failed(r))
                ag_code_map_gone(frame->rdi, frame->rdi + frame->rsi);
        if (code && !ag_failed(r))
                patch_elsewhere(frame, (uint64_t)r);
        ag_frame_finish(frame, r);
        ag_signals_restore(before);
        return AG_HANDLED;
}

/* Only where code of ours goes: a thread may unmap the stack that it stands on. */
static enum ag_outcome hook_munmap(struct ag_frame *frame)
{
        uint64_t end = page_end(frame->rdi, frame->rsi), before;
        long r;

        if (fl_load_once_64(&ag_process->empty_string) - frame->rdi < end - frame->rdi)
                fl_store_once_64(&ag_process->empty_string, 0);
        if (!ag_code_map_covers(frame->rdi, end))
                return AG_NATIVE;
        ag_signals_block(&before);
        r = ag_frame_run(frame, frame->rsi);
        if (!ag_failed(r))
                ag_code_map_gone(frame->rdi, end);
        ag_frame_finish(frame, r);
        ag_signals_restore(before);
        return AG_HANDLED;
}

static void put_back(void *argument)
{
        const struct ag_frame *frame = argument;

        ag_code_map_visit(frame->rdi, page_end(frame->rdi, frame->rsi), ag_original_restore);
}

static __attribute__((noinline)) bool put_back_elsewhere(struct ag_frame *frame)
{
        struct ag_workspace *workspace = ag_workspace_take();

        if (!workspace)
                return false;
        ag_on_stack(put_back, frame, workspace->stack + sizeof workspace->stack);
        ag_workspace_release(workspace);
        return true;
}

/* Code that may move goes as it came: its windows reach their trampolines by distance. */
static __attribute__((noinline)) enum ag_outcome hook_mremap(struct ag_frame *frame)
{
        bool moves = (frame->r10 & MREMAP_FIXED) || frame->rdx > frame->rsi;
        uint64_t before;
        long r = -ENOMEM;

        if (!moves || !ag_code_map_touches(frame->rdi, page_end(frame->rdi, frame->rsi)))
                return AG_NATIVE;
        ag_signals_block(&before);
        if (put_back_elsewhere(frame))
                r = ag_frame_run(frame, frame->rsi);
        if (!ag_failed(r) && (uint64_t)r != frame->rdi)
                ag_code_map_gone(frame->rdi, page_end(frame->rdi, frame->rsi));
        ag_frame_finish(frame, r);
        ag_signals_restore(before);
        return AG_HANDLED;
}

/* execve or execveat, whose marked form asks the broker. Nothing here may change memory that is shared: the
 * caller may be a vfork child. */
static enum ag_outcome hook_exec(struct ag_frame *frame, bool at)
{
        uint64_t argv = at ? frame->rdx : frame->rsi, envp = at ? frame->r10 : frame->rdx;
        long r;

        do /* the question may be interrupted, execve may not */
                r = ag_kernel6((long)(uint32_t)frame->rax, frame->rdi, frame->rsi, frame->rdx,
                               at ? frame->r10 : FL_EXEC_MARK, frame->r8, at ? FL_EXEC_MARK : 0);
        while (r == -EINTR);
        if (r == -FL_EXEC_BY_AGENT)
                r = ag_kernel6(__NR_execve, ag_address(ag_hello.agent_path), argv, envp, 0, 0, 0);
        return ag_frame_finish(frame, r);
}

/* Is address that of an empty string? One that could be read before is not asked for again, until it is
 * unmapped: programs have one such string, in their read-only data. */
static bool is_empty_string(uint64_t address)
{
        if (!address)
                return false;
        if (address != fl_load_once_64(&ag_process->empty_string)) {
                if (!ag_readable(address) || *(const volatile char *)ag_pointer(address))
                        return false;
                fl_store_once_64(&ag_process->empty_string, address);
        }
        return *(const volatile char *)ag_pointer(address) == '\0';
}

static enum ag_outcome hook_fstat(struct ag_frame *frame)
{
        uint32_t harmless = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
        uint32_t at_flags = (uint32_t)frame->r10;

        if (!(at_flags & AT_EMPTY_PATH) || (at_flags & ~harmless) || (int32_t)frame->rdi < 0 ||
            !is_empty_string(frame->rsi))
                return AG_NATIVE;
        return ag_frame_finish(frame, ag_kernel3(__NR_fstat, frame->rdi, frame->rdx, 0));
}

/* As the kernel has them (socket.h, uio.h). */
struct message_piece {
        uint64_t data, size;
};
struct message {
        uint64_t name, name_size, pieces, piece_count, control, control_size, flags;
};

#define PIECE_MAX (1ull << 30) /* far below where the kernel cuts them */

static bool all_readable(uint64_t address, uint64_t size)
{
        return ag_readable(address) && ag_readable(address + size - 1);
}

/* A message of one piece and nothing else is what sendto sends, natively, since registers say that there is
 * no address. A peer that wants credentials with it (SO_PASSCRED) would get the broker's where that sends.
 * May wait, and then for a signal, too: ag_settle knows. */
static enum ag_outcome hook_sendmsg(struct ag_frame *frame)
{
        const volatile struct message *message = ag_pointer(frame->rsi);
        const volatile struct message_piece *piece;
        uint64_t data, size;

        if (frame->ran != AG_RAN_NOT)
                return AG_HANDLED;
        if (((uint32_t)frame->rdx & MSG_FASTOPEN) || !all_readable(frame->rsi, sizeof *message) ||
            message->name || message->control_size || message->piece_count != 1)
                return AG_NATIVE;
        piece = ag_pointer(message->pieces);
        if (!all_readable(ag_address((const void *)piece), sizeof *piece))
                return AG_NATIVE;
        data = piece->data;
        size = piece->size;
        if (size > PIECE_MAX)
                return AG_NATIVE;
        ag_frame_send(frame, data, size);
        return AG_HANDLED;
}

static enum ag_outcome hook_prctl(const struct ag_frame *frame)
{
        if ((int)frame->rdi == PR_SET_SECCOMP)
                ag_process_stand_down();
        return AG_NATIVE;
}

static enum ag_outcome hook_seccomp(const struct ag_frame *frame)
{
        if ((uint32_t)frame->rdi <= SECCOMP_SET_MODE_FILTER)
                ag_process_stand_down();
        return AG_NATIVE;
}

enum ag_outcome ag_hook(struct ag_frame *frame)
{
        switch ((uint32_t)frame->rax) {
        case __NR_mmap:
                return hook_mmap(frame);
        case __NR_munmap:
                return hook_munmap(frame);
        case __NR_mremap:
                return hook_mremap(frame);
        case __NR_execve:
                return hook_exec(frame, false);
        case __NR_execveat:
                return hook_exec(frame, true);
        case __NR_newfstatat:
                return hook_fstat(frame);
        case __NR_rt_sigaction:
                return ag_hook_handler(frame);
        case __NR_sendmsg:
                return hook_sendmsg(frame);
        case __NR_prctl:
                return hook_prctl(frame);
        case __NR_seccomp:
                return hook_seccomp(frame);
        default:
                return AG_NATIVE;
        }
}

static long read_link(uint64_t out, uint64_t size)
{
        uint64_t length = ag_length(ag_hello.exe_path, FL_PATH_MAX);

        length = length < size ? length : size;
        ag_copy(ag_pointer(out), ag_hello.exe_path, length); /* the kernel just wrote there */
        return (long)length;
}

/* The same with the program's path in place of the link, whose result is given up. */
static long again_with_path(struct ag_frame *frame, uint64_t *path, long result)
{
        uint32_t nr = (uint32_t)frame->rax;
        uint64_t link = *path;
        long r;

        if (ag_is_open(nr))
                ag_close((int)result);
        *path = ag_address(ag_hello.exe_path);
        r = ag_kernel6((long)nr, frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9);
        *path = link;
        return r;
}

/* Does the call mean the link itself? */
static bool is_about_link(const struct ag_frame *frame)
{
        switch ((uint32_t)frame->rax) {
        case __NR_lstat:
                return true;
        case __NR_newfstatat:
        case __NR_faccessat2:
                return (uint32_t)frame->r10 & AT_SYMLINK_NOFOLLOW;
        case __NR_statx:
                return (uint32_t)frame->rdx & AT_SYMLINK_NOFOLLOW;
        case __NR_open:
                return (uint32_t)frame->rsi & O_NOFOLLOW;
        case __NR_openat:
                return (uint32_t)frame->rdx & O_NOFOLLOW;
        default:
                return false;
        }
}

static long exe_result(struct ag_frame *frame, uint64_t *path, long result)
{
        switch ((uint32_t)frame->rax) {
        case __NR_readlink:
                return read_link(frame->rsi, (uint32_t)frame->rdx);
        case __NR_readlinkat:
                return read_link(frame->rdx, (uint32_t)frame->r10);
        default:
                return is_about_link(frame) ? result : again_with_path(frame, path, result);
        }
}

/* nr is below FL_SYSCALL_LIMIT: it has bits. */
enum ag_outcome ag_hook_exe(struct ag_frame *frame, long result)
{
        uint64_t *path = ag_hot[(uint32_t)frame->rax] & AG_HOT_PATH2 ? &frame->rsi : &frame->rdi;
        uint64_t before;

        /* The kernel just read it. */
        if (ag_failed(result) || !*path || !ag_equal(ag_pointer(*path), "/proc/self/exe"))
                return AG_NATIVE;
        ag_signals_block(&before);
        ag_frame_finish(frame, exe_result(frame, path, result));
        ag_signals_restore(before);
        return AG_HANDLED;
}
