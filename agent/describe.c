/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/describe.h"

#include <linux/errno.h>
#include <linux/prctl.h>

#include "agent/kernel.h"

#include "agent/poison.h"

#define NO_FILE UINT32_MAX /* /proc/PID/exe stays */

void ag_describe(const struct ag_image *program, const struct ag_strings *strings, uint64_t *stack)
{
        struct ag_span auxiliary = ag_stack_auxiliary(stack);
        uint64_t brk = (uint64_t)ag_kernel3(__NR_brk, 0, 0, 0); /* nobody has moved it */
        struct prctl_mm_map map = {
                .start_code = program->code_span.start,
                .end_code = program->code_span.end,
                .start_data = program->data_span.start,
                .end_data = program->data_span.end,
                .start_brk = brk,
                .brk = brk,
                .start_stack = ag_address(stack),
                .arg_start = strings->arguments,
                .arg_end = strings->environment,
                .env_start = strings->environment,
                .env_end = strings->end,
                .auxv = ag_pointer(auxiliary.start),
                .auxv_size = (uint32_t)(auxiliary.end - auxiliary.start),
                .exe_fd = NO_FILE,
        };

        while (ag_kernel6(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, ag_address(&map), sizeof map, 0, 0) == -EINTR)
                ;
}
