/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stood where windows are now. Code that the program moves to another address has to leave without its
 * patches, which reach their trampolines by distance. The bytes of a site, those of its window and then those
 * of its side, lie behind its trampoline.
 */
#ifndef FLICKER_AGENT_ORIGINAL_H
#define FLICKER_AGENT_ORIGINAL_H

#include <stdint.h>

#include "proto/plan.h"

/* Bytes that it takes. */
static inline uint64_t ag_original_size(const struct fl_site *site)
{
        return (uint64_t)site->length + site->side_length;
}

/* Keeps at out what the site, whose window is not written yet, is about to overwrite. */
void ag_original_keep(const struct fl_site *site, const uint8_t *window, uint8_t *out);

/* Puts back what was kept in the mapping, wherever a jump into it still stands. The code stays readable and
 * executable. */
void ag_original_restore(uint64_t trampolines, uint64_t length);

#endif
