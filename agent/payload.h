/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ring request brings along of the program's memory, so that the broker need not fetch it. A pointer
 * of the program may be bad, and a fault here would be a crash where the kernel says EFAULT, so the kernel is
 * asked first: rt_sigprocmask with a nonsensical "how" copies the set before it looks at how
 * (kernel/signal.c), and changes nothing.
 */
#ifndef FLICKER_AGENT_PAYLOAD_H
#define FLICKER_AGENT_PAYLOAD_H

#include "agent/gate.h"
#include "agent/ring_client.h"

/* Is there memory to read at address? */
bool ag_readable(uint64_t address);

/* The string among the arguments of a ring call, if it is there and short; whether results can be taken. */
void ag_payload(const struct ag_frame *frame, struct ring_client_payload *ret_payload);

#endif
