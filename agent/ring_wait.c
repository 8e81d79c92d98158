/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/futex.h>

#include "agent/kernel.h"
#include "agent/ring_client.h"

#include "agent/poison.h"

void ring_client_wait(uint32_t *word, uint32_t expected)
{
        ag_kernel4(__NR_futex, ag_address(word), FUTEX_WAIT, expected, 0);
}
