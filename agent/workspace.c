/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/workspace.h"

#include <linux/mman.h>

#include "agent/kernel.h"

#include "agent/poison.h"

struct ag_workspace *ag_workspace_create(void)
{
        long r = ag_mmap(0, sizeof(struct ag_workspace), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return ag_failed(r) ? NULL : ag_pointer((uint64_t)r);
}

void ag_workspace_destroy(struct ag_workspace *workspace)
{
        ag_munmap(ag_address(workspace), sizeof *workspace);
}
