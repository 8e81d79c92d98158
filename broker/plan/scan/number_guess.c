/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/number_guess.h"

#include <string.h>

#define GUESS_REACH_MAX 32768u /* bytes of a function that are looked at */
#define REGISTERS       16u

/* What a function's code before the syscall loads each general register with, as far as immediate values go.
 */
struct loads {
        unsigned count[REGISTERS]; /* different values, two at most */
        uint64_t value[REGISTERS];
};

/* The index of a general register of at least 32 bits (rax is 0), or -1. */
static int whole_register(const ZydisDecodedOperand *operand)
{
        ZydisRegister whole;

        if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || operand->size < 32)
                return -1;
        whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand->reg.value);
        return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15 ? (int)(whole - ZYDIS_REGISTER_RAX)
                                                                          : -1;
}

static void loads_note(struct loads *loads, const struct instruction *instruction)
{
        const ZydisDecodedOperand *operands = instruction->operands;
        int index;

        if (instruction->decoded.mnemonic != ZYDIS_MNEMONIC_MOV ||
            operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
                return;
        index = whole_register(&operands[0]);
        if (index < 0 || (loads->count[index] && loads->value[index] == operands[1].imm.value.u))
                return;
        loads->value[index] = operands[1].imm.value.u;
        loads->count[index]++;
}

/* The register that straight code before the syscall copies into eax last, or -1. */
static int copied_register(const struct instruction *before, unsigned count)
{
        while (count-- > 0) {
                const ZydisDecodedOperand *operands = before[count].operands;

                if (before[count].decoded.mnemonic == ZYDIS_MNEMONIC_MOV && whole_register(&operands[0]) == 0)
                        return whole_register(&operands[1]);
        }
        return -1;
}

/* The last known function start at or before vaddr, or 0. */
static uint64_t function_start(const struct code_map *map, uint64_t vaddr)
{
        size_t low = 0, high = map->function_count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (map->functions[middle].start <= vaddr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low ? map->functions[low - 1].start : 0;
}

/* Those that have to be known for certain: a new stack, a new image, a frame of the kernel's. */
static bool is_special(uint64_t nr)
{
        static const uint16_t special[] = {15, 56,  57, 58,
                                           59, 322, 435}; /* rt_sigreturn, clone and its kin, execve */

        for (unsigned i = 0; i < sizeof special / sizeof *special; i++)
                if (special[i] == nr)
                        return true;
        return nr >= FL_SITE_NR_UNKNOWN;
}

uint16_t number_guess(const struct code_map *map, const struct code_segment *segment,
                      const ZydisDecoder *decoder, const struct instruction *before, unsigned count,
                      uint64_t vaddr)
{
        uint64_t at = function_start(map, vaddr), end = segment->vaddr + segment->size;
        int index = copied_register(before, count);
        struct instruction instruction;
        struct loads loads = {0};

        if (index <= 0 || at < segment->vaddr || at >= vaddr || vaddr - at > GUESS_REACH_MAX)
                return FL_SITE_NR_UNKNOWN;
        while (at < vaddr) {
                if (!instruction_decode(decoder, segment->bytes + (at - segment->vaddr), end - at, at,
                                        &instruction))
                        return FL_SITE_NR_UNKNOWN;
                loads_note(&loads, &instruction);
                at += instruction.length;
        }
        if (loads.count[index] != 1 || is_special(loads.value[index]))
                return FL_SITE_NR_UNKNOWN;
        return (uint16_t)loads.value[index];
}
