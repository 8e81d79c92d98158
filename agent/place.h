/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the agent's own that has to lie somewhere in particular: for trampolines, and for the stubs of
 * puns. */
#ifndef FLICKER_AGENT_PLACE_H
#define FLICKER_AGENT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* Maps size bytes, whole pages, writable, at address. False: something is there already, the address is none
 * to map at, or there is no memory. */
bool ag_place_at(uint64_t address, uint64_t size);

/* Maps size bytes, writable, within reach of a 32-bit displacement from all of [start, end). Its address; 0
 * where there is no room. */
uint64_t ag_place_near(uint64_t start, uint64_t end, uint64_t size);

/* Has the memory show up as [anon:flicker] in /proc/PID/maps, where the kernel can name it. */
void ag_place_name(uint64_t address, uint64_t size);

#endif
