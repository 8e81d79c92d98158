/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puns: a syscall instruction has two bytes and a jump rel32 five, so the jump ends in bytes that mean
 * something else to who comes by another way. Where it leads is thereby given, but for the few bits that are
 * free, and hardly ever near: a page is mapped there for a stub, a jump to the trampoline.
 *
 *      FL_TACTIC_PUNNED     e9 xx | 11 22 33             leads to side + 0x332211xx
 *      FL_TACTIC_PREFIXED   48 e9 | 11 22 33 44          leads to side + 0x44332211
 *      FL_TACTIC_SUCCESSOR  e9 xx | e9 yy e9 yy e9 ...   leads to side + 3 + 0xe9yye9xx; and what is
 * displaced, from the side on, to side + 5 + 0xe9yye9yy, in the same page
 *
 * (48 is REX.W, which a jump does not heed: Intel SDM volume 2, "JMP".)
 */
#ifndef FLICKER_AGENT_PUN_H
#define FLICKER_AGENT_PUN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/plan.h"

#define AG_PUNS_MAX 8 /* in one file; each takes a page and a mapping. More are left to the backstop */

/* Writes the site's jumps to its window, which the caller made writable, and their stubs, which lead to the
 * syscall's trampoline and (FL_TACTIC_SUCCESSOR) to that of its neighbours. *ret_stub: the syscall's, from
 * the window, in bytes. False: nothing can be mapped where a jump could lead, and nothing is written. */
bool ag_pun_write(const struct fl_site *site, uint8_t *window, uint64_t trampoline, uint64_t neighbours,
                  int32_t *ret_stub);

/* Does the syscall's jump, as ag_pun_write writes it, stand in the readable bytes of code at window? */
bool ag_pun_stands(const uint8_t *window, int32_t stub);

/* Unmaps all stubs of a trampoline mapping that is given up before code_map.h has it. */
void ag_pun_unmap(uint64_t trampolines, uint64_t length);

#endif
