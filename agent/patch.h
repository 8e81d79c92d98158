/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies patch plans to code that was just mapped and that nobody executes yet. Whatever goes wrong, the
 * code stays as it was: the backstop gives the same answers, slower.
 */
#ifndef FLICKER_AGENT_PATCH_H
#define FLICKER_AGENT_PATCH_H

#include "agent/image.h"
#include "agent/plan.h"
#include "agent/workspace.h"

/* Patches the executable mappings of the file open at fd. The workspace's plan buffer is used. */
void ag_patch(int fd, const struct ag_mapping *code, unsigned count, struct ag_workspace *workspace);

/* Is a site worth a patch, by its number? */
bool ag_patch_wants(const struct fl_site *site);

/* The part of ag_patch that touches no page's protection but that of stubs, which it maps (pun.h): writes the
 * trampolines of all sites that lie in code and are wanted to the bytes at trampolines (size bytes at that
 * address), behind each what its window was (original.h), and their windows. Returns how many. */
unsigned ag_patch_write(const struct ag_plan *plan, const struct ag_mapping *code, unsigned count,
                        uint64_t trampolines, uint64_t size);

#endif
