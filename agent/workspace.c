/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/workspace.h"

#include <linux/mman.h>

#include "agent/kernel.h"

#include "agent/poison.h"

/* The next one. Shared by threads, and by processes in one memory. */
static struct ag_workspace *spare;

struct ag_workspace *ag_workspace_take(void)
{
        struct ag_workspace *workspace = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQUIRE);
        long r;

        if (workspace)
                return workspace;
        r = ag_mmap(0, sizeof *workspace, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
        return ag_failed(r) ? NULL : ag_pointer((uint64_t)r);
}

void ag_workspace_release(struct ag_workspace *workspace)
{
        struct ag_workspace *none = NULL;

        if (!__atomic_compare_exchange_n(&spare, &none, workspace, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                ag_munmap(ag_address(workspace), sizeof *workspace);
}
