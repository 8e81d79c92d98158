/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/sweep.h"

#include <errno.h>
#include <stdlib.h>

#include <Zydis/Zydis.h>

#include "proto/plan.h"

#define PADDING_ALIGNMENT 16u
#define DATA_SIZE         9u /* an operand's bytes, and one more */

struct walk {
        struct code_map *map;
        struct candidates *candidates;
        size_t candidate_room;
        ZydisDecoder decoder;
        const struct code_segment *segment;
        unsigned region;
        uint64_t end;
        size_t function;       /* index of the first function that starts at or after the current address */
        uint64_t vouched_end;  /* code before this address is of the last function met, no error since */
        unsigned recent_count; /* instructions since the last error */
        unsigned plausible;    /* plausible instructions in a row */
        bool flow_ended;       /* by the last instruction */
        uint64_t recent[SWEEP_LOOKBACK]; /* ring of the last instructions' addresses */
};

/* One-byte opcodes of 64-bit mode that hosted code has no use for, or that fault there: port access, far
 * control flow, enter, cli/sti, iret. */
static bool opcode_odd(uint8_t opcode)
{
        return (opcode >= 0x6c && opcode <= 0x6f) || opcode == 0xc8 || opcode == 0xca || opcode == 0xcb ||
               opcode == 0xcf || opcode == 0xd7 || (opcode >= 0xe4 && opcode <= 0xe7) ||
               (opcode >= 0xec && opcode <= 0xef) || opcode == 0xf1 || opcode == 0xfa || opcode == 0xfb;
}

bool sweep_plausible(const ZydisDecodedInstruction *instruction, const uint8_t *bytes)
{
        if (instruction->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
                return true;
        if (instruction->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && opcode_odd(instruction->opcode))
                return false;
        return !(bytes[0] == 0 && bytes[1] == 0); /* add %al,(%rax): zeroes */
}

static bool is_syscall(const uint8_t *bytes, unsigned length)
{
        return length == 2 && bytes[0] == 0x0f && bytes[1] == 0x05;
}

static void walk_reset(struct walk *walk)
{
        walk->recent_count = 0;
        walk->plausible = 0;
        walk->flow_ended = false;
        walk->vouched_end = 0;
}

static int candidate_add(struct walk *walk, uint64_t vaddr)
{
        struct candidates *list = walk->candidates;
        unsigned kept = walk->recent_count < SWEEP_LOOKBACK ? walk->recent_count : SWEEP_LOOKBACK;
        struct candidate *grown;

        if (list->count >= FL_PLAN_SITES_MAX) {
                list->cut = true;
                return 0;
        }
        if (list->count == walk->candidate_room) {
                walk->candidate_room = walk->candidate_room ? walk->candidate_room * 2 : 1024;
                grown = reallocarray(list->items, walk->candidate_room, sizeof *grown);
                if (!grown)
                        return -ENOMEM;
                list->items = grown;
        }
        list->items[list->count++] = (struct candidate){
                .vaddr = vaddr,
                .back = kept ? walk->recent[(walk->recent_count - kept) % SWEEP_LOOKBACK] : vaddr,
                .region = walk->region,
                .trust = vaddr < walk->vouched_end             ? TRUST_FUNCTION
                         : walk->plausible >= SWEEP_CONVINCING ? TRUST_CONVINCING
                                                               : TRUST_NONE,
        };
        return 0;
}

/* Read or written as data: no window may begin in it either. */
static void data_mark(struct code_map *map, uint64_t vaddr)
{
        if (code_map_find(map, vaddr))
                for (unsigned i = 0; i < DATA_SIZE; i++)
                        code_map_mark(map, vaddr + i);
}

/* Everything that the instruction at vaddr refers to. */
static int references_mark(struct walk *walk, const ZydisDecodedInstruction *instruction, uint64_t vaddr)
{
        const uint64_t next = vaddr + instruction->length;
        uint64_t target;

        if (instruction->raw.imm[0].is_relative) {
                code_map_mark(walk->map, next + (uint64_t)instruction->raw.imm[0].value.s);
                return 0;
        }
        if ((instruction->attributes & ZYDIS_ATTRIB_HAS_MODRM) && instruction->raw.modrm.mod == 0 &&
            instruction->raw.modrm.rm == 5) {
                target = next + (uint64_t)instruction->raw.disp.value;
                code_map_mark(walk->map, target);
                if (instruction->opcode != 0x8d || instruction->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
                        data_mark(walk->map, target);
                else if (target % 4 == 0)
                        return code_map_add_table(walk->map, target);
        } else if (walk->map->image->fixed && instruction->raw.disp.size == 32) {
                code_map_mark(walk->map, (uint32_t)instruction->raw.disp.value);
        }
        if (walk->map->image->fixed && instruction->raw.imm[0].size >= 32)
                code_map_mark(walk->map, instruction->raw.imm[0].size == 32
                                                 ? (uint32_t)instruction->raw.imm[0].value.u
                                                 : instruction->raw.imm[0].value.u);
        return 0;
}

/* Brings walk->function up to vaddr. Returns how far the next function start is away; 0: here. */
static uint64_t function_distance(struct walk *walk, uint64_t vaddr)
{
        const struct code_map *map = walk->map;

        while (walk->function < map->function_count && map->functions[walk->function].start < vaddr)
                walk->function++;
        if (walk->function == map->function_count)
                return UINT64_MAX;
        return map->functions[walk->function].start - vaddr;
}

/* Control does not reach what follows: ret, jmp, hlt, ud2. */
static bool ends_flow(const ZydisDecodedInstruction *instruction)
{
        if (instruction->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
                return false;
        if (instruction->opcode_map == ZYDIS_OPCODE_MAP_0F)
                return instruction->opcode == 0x0b;
        if (instruction->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
                return false;
        switch (instruction->opcode) {
        case 0xc2:
        case 0xc3:
        case 0xe9:
        case 0xeb:
        case 0xf4:
                return true;
        case 0xff:
                return instruction->raw.modrm.reg == 4;
        default:
                return false;
        }
}

/* Some linkers and compilers fill up with zeroes, up to where the next function is aligned. How many stand at
 * vaddr. */
static unsigned padding_measure(const struct walk *walk, uint64_t vaddr, const uint8_t *bytes)
{
        unsigned length = (unsigned)(-vaddr % PADDING_ALIGNMENT);

        if (length >= walk->end - vaddr)
                return 0;
        for (unsigned i = 0; i < length; i++)
                if (bytes[i] != 0)
                        return 0;
        return length;
}

static int instruction_visit(struct walk *walk, const ZydisDecodedInstruction *instruction, uint64_t vaddr,
                             const uint8_t *bytes)
{
        int r = 0;

        if (is_syscall(bytes, instruction->length))
                r = candidate_add(walk, vaddr);
        else
                r = references_mark(walk, instruction, vaddr);
        if (instruction->mnemonic == ZYDIS_MNEMONIC_ENDBR64)
                code_map_mark(walk->map, vaddr);
        walk->recent[walk->recent_count++ % SWEEP_LOOKBACK] = vaddr;
        walk->plausible = sweep_plausible(instruction, bytes) ? walk->plausible + 1 : 0;
        walk->flow_ended = ends_flow(instruction);
        return r;
}

/* One step at vaddr; *ret_next is where to go on. */
static int walk_step(struct walk *walk, uint64_t vaddr, uint64_t *ret_next)
{
        const uint8_t *bytes = walk->segment->bytes + (vaddr - walk->segment->vaddr);
        uint64_t distance = function_distance(walk, vaddr);
        ZydisDecodedInstruction instruction;

        if (distance == 0) {
                walk->vouched_end = walk->map->functions[walk->function].end;
                distance = ++walk->function < walk->map->function_count
                                   ? walk->map->functions[walk->function].start - vaddr
                                   : UINT64_MAX;
        }
        if (walk->flow_ended && bytes[0] == 0) {
                unsigned padding = padding_measure(walk, vaddr, bytes);

                walk->flow_ended = false;
                if (padding > 0 && padding <= distance) {
                        walk->recent_count = 0; /* nothing in front of padding leads to what is behind */
                        *ret_next = vaddr + padding;
                        return 0;
                }
        }
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&walk->decoder, NULL, bytes, walk->end - vaddr,
                                                        &instruction))) {
                walk_reset(walk);
                *ret_next = vaddr + 1;
                return 0;
        }
        if (instruction.length > distance) {
                /* Not an instruction, or not a function: from its start on the latter is the better bet. */
                walk_reset(walk);
                *ret_next = vaddr + distance;
                return 0;
        }
        *ret_next = vaddr + instruction.length;
        return instruction_visit(walk, &instruction, vaddr, bytes);
}

static int region_sweep(struct walk *walk, unsigned index)
{
        const struct code_region *region = &walk->map->regions[index];
        uint64_t vaddr = region->start;
        int r = 0;

        walk->region = index;
        walk->segment = &walk->map->segments[region->segment];
        walk->end = region->end;
        walk_reset(walk);
        while (r == 0 && vaddr < region->end)
                r = walk_step(walk, vaddr, &vaddr);
        return r;
}

int sweep(struct code_map *map, struct candidates *ret_candidates)
{
        struct walk walk = {.map = map, .candidates = ret_candidates};
        int r = 0;

        *ret_candidates = (struct candidates){0};
        ZydisDecoderInit(&walk.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        ZydisDecoderEnableMode(&walk.decoder, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
        for (unsigned i = 0; r == 0 && i < map->region_count; i++)
                r = region_sweep(&walk, i);
        return r;
}
