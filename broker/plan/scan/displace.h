/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single instructions: may this one run somewhere else, at what price, and how does it look there? The rules
 * are those that proto/plan.h promises to the agent.
 */
#ifndef FLICKER_PLAN_SCAN_DISPLACE_H
#define FLICKER_PLAN_SCAN_DISPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <Zydis/Zydis.h>

#include "proto/plan.h"

enum displace_kind {
        DISPLACE_NEVER,  /* stays where it is */
        DISPLACE_PLAIN,  /* before or after the syscall */
        DISPLACE_BRANCH, /* conditional direct branch: only after */
        DISPLACE_END,    /* jmp, ret: only after, as the last */
        DISPLACE_FILLER, /* nop, int3: may also be overwritten behind a DISPLACE_END */
};

struct instruction {
        uint64_t vaddr;
        const uint8_t *bytes;
        uint8_t length;
        enum displace_kind kind;
        unsigned cost; /* of displacing it: what it touches besides registers counts extra */
        bool plausible;
        ZydisDecodedInstruction decoded;
        ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/* Decodes the instruction at bytes (size > 0 of them), fully. False: not one. */
bool instruction_decode(const ZydisDecoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t vaddr,
                        struct instruction *ret_instruction);

/* Displaced code under construction: one site's. */
struct displaced {
        uint8_t code[FL_SITE_CODE_MAX];
        unsigned size;
        struct fl_relocation relocations[FL_SITE_RELOCATIONS_MAX];
        unsigned relocation_count;
};

/* Appends the instruction, as it has to look for a window that begins at window_start. False: no room. */
bool displaced_append(struct displaced *displaced, const struct instruction *instruction,
                      uint64_t window_start);

#endif
