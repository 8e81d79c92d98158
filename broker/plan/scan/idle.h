/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there anything for an agent to do in a program? It costs a start about as much as the start itself, and
 * true, echo and sleep never earn that back: nothing but their dynamic loader and the C library's start makes
 * a call that is mediated.
 */
#ifndef FLICKER_PLAN_SCAN_IDLE_H
#define FLICKER_PLAN_SCAN_IDLE_H

#include "broker/plan/scan/elf_image.h"

/* True for a program that needs the C library alone, and imports nothing of it that leads to a path, an
 * address or another program. The file has no syscall instruction. Being wrong costs time and nothing else.
 */
bool program_is_idle(const struct elf_image *image);

#endif
