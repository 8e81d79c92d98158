/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/start.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include "agent/describe.h"
#include "agent/fault.h"
#include "agent/image.h"
#include "agent/kernel.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/stack.h"
#include "agent/workspace.h"

#include "agent/poison.h"

_Static_assert(AG_START_RESERVE >= 2 * AG_STACK_RESERVE, "_start keeps what ag_stack_build needs");

/* Asks the broker what to run; returns the program's descriptor. */
static int hello(void)
{
        long fd;

        do
                fd = ag_kernel3(FL_CALL_NR, FL_CALL_HELLO, ag_address(&ag_hello), sizeof ag_hello);
        while (fd == -EINTR);
        if (fd == -ENOSYS)
                ag_refuse("flicker: agent started outside a sandbox\n");
        if (fd < 0)
                ag_refuse("flicker: the broker does not let this program start\n");
        if (ag_hello.version != FL_PROTO_VERSION || ag_hello.script_arguments > AG_SCRIPT_ARGUMENTS_MAX)
                ag_fault(AG_FAULT_HELLO);
        return (int)fd;
}

/* The interpreter is opened like any file: the broker or the kernel judges it. */
static int open_interpreter(const char *path)
{
        long fd;

        do
                fd = ag_kernel4(__NR_openat, (uint64_t)AT_FDCWD, ag_address(path), O_RDONLY | O_CLOEXEC, 0);
        while (fd == -EINTR);
        return (int)fd;
}

static void load_interpreter(struct ag_workspace *workspace, struct ag_image *image)
{
        int fd = open_interpreter(workspace->path);

        if (fd < 0 || ag_image_load(fd, true, workspace, image) < 0)
                ag_die_as_exec();
        ag_patch(fd, image->code, image->code_count, workspace);
        ag_close(fd);
}

/* A stack that may be executed, for programs that say they need one. */
static void make_stack_executable(const uint64_t *initial)
{
        uint64_t page = ag_address(initial) & ~4095ull;

        if (ag_mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN) < 0)
                ag_die_as_exec();
}

/* A script runs its interpreter with arguments of its own. The kernel is to know them, for /proc/PID/cmdline:
 * the agent executes itself once more with them, and the next hello is the interpreter's. Where that fails
 * the arguments are right all the same, but for what others see. */
static uint64_t *become_interpreter(uint64_t *initial)
{
        const struct ag_auxiliary none = {0};
        uint64_t *block = ag_pointer(ag_stack_build(initial, &ag_hello, &none));
        uint64_t *argv = block + 1, *envp = argv + block[0] + 1;

        ag_kernel3(__NR_execve, ag_address(ag_hello.agent_path), ag_address(argv), ag_address(envp));
        ag_hello.script_arguments = 0;
        return block;
}

struct ag_departure ag_start(uint64_t *initial)
{
        struct ag_image program, interpreter;
        struct ag_auxiliary auxiliary;
        struct ag_workspace *workspace;
        struct ag_departure departure;
        struct ag_strings strings = ag_stack_strings(initial);
        int fd = hello();

        if (ag_hello.script_arguments)
                initial = become_interpreter(initial);
        ag_process_init();
        workspace = ag_workspace_take();
        if (!workspace)
                ag_fault(AG_FAULT_WORKSPACE);
        if (ag_image_load(fd, false, workspace, &program) < 0)
                ag_die_as_exec();
        if (!(ag_hello.flags & FL_HELLO_NO_PLAN))
                ag_patch(fd, program.code, program.code_count, workspace);
        ag_close(fd);
        if (program.has_interpreter)
                load_interpreter(workspace, &interpreter);
        ag_workspace_release(workspace);

        if (program.executable_stack)
                make_stack_executable(initial);
        ag_kernel3(__NR_prctl, PR_SET_NAME, ag_address(ag_hello.comm), 0);
        auxiliary = (struct ag_auxiliary){
                .headers = program.headers,
                .header_count = program.header_count,
                .entry = program.entry,
                .base = program.has_interpreter ? interpreter.bias : 0,
        };
        departure.stack = ag_stack_build(initial, &ag_hello, &auxiliary);
        if (ag_hello.flags & FL_HELLO_DESCRIBE)
                ag_describe(&program, &strings, ag_pointer(departure.stack));
        departure.entry = program.has_interpreter ? interpreter.entry : program.entry;
        return departure;
}
