/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/number.h"

#include <string.h>

#define REGISTERS 16u

/* What straight-line code is known to have left in the general registers: compilers like to prepare the
 * number elsewhere and to copy it into rax. */
struct registers {
        bool known[REGISTERS];
        uint64_t values[REGISTERS];
};

/* The index of the general register that value is a part of (rax is 0), or -1. */
static int register_index(ZydisRegister value)
{
        ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, value);

        return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15 ? (int)(whole - ZYDIS_REGISTER_RAX)
                                                                          : -1;
}

static void writes_forget(struct registers *registers, const struct instruction *instruction)
{
        for (unsigned i = 0; i < instruction->decoded.operand_count; i++) {
                const ZydisDecodedOperand *operand = &instruction->operands[i];
                int index;

                if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
                    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
                        continue;
                index = register_index(operand->reg.value);
                if (index >= 0)
                        registers->known[index] = false;
        }
}

/* The value of a source operand. */
static bool source_value(const struct registers *registers, const ZydisDecodedOperand *source,
                         uint64_t *ret_value)
{
        int index;

        if (source->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
                *ret_value = source->imm.value.u;
                return true;
        }
        if (source->type != ZYDIS_OPERAND_TYPE_REGISTER || source->size < 32)
                return false;
        index = register_index(source->reg.value);
        if (index < 0 || !registers->known[index])
                return false;
        *ret_value = registers->values[index];
        return true;
}

/* mov to a whole register, to its lower half (which clears the upper one), or to its low byte where the rest
 * is known. */
static bool move_value(const struct registers *registers, const struct instruction *instruction,
                       int *ret_index, uint64_t *ret_value)
{
        const ZydisDecodedOperand *to = &instruction->operands[0];

        if (to->type != ZYDIS_OPERAND_TYPE_REGISTER)
                return false;
        *ret_index = register_index(to->reg.value);
        if (*ret_index < 0 || !source_value(registers, &instruction->operands[1], ret_value))
                return false;
        if (to->size == 32)
                *ret_value = (uint32_t)*ret_value;
        if (to->size >= 32)
                return true;
        if (to->reg.value != ZYDIS_REGISTER_AL || !registers->known[0])
                return false;
        *ret_value = (registers->values[0] & ~0xffull) | (*ret_value & 0xff);
        return true;
}

static bool clears(const struct instruction *instruction, int *ret_index)
{
        const ZydisDecodedOperand *operands = instruction->operands;

        if (instruction->decoded.mnemonic != ZYDIS_MNEMONIC_XOR ||
            operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER || operands[0].size < 32 ||
            operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER || operands[1].reg.value != operands[0].reg.value)
                return false;
        *ret_index = register_index(operands[0].reg.value);
        return *ret_index >= 0;
}

/* Control that goes away, and may come back with anything. */
static bool interrupts(const struct instruction *instruction)
{
        switch (instruction->decoded.meta.category) {
        case ZYDIS_CATEGORY_CALL:
        case ZYDIS_CATEGORY_INTERRUPT:
                return true;
        default:
                return instruction->kind == DISPLACE_END;
        }
}

static void instruction_apply(struct registers *registers, const struct instruction *instruction)
{
        uint64_t value = 0;
        int index = -1;
        bool known;

        if (interrupts(instruction)) {
                memset(registers->known, 0, sizeof registers->known);
                return;
        }
        known = clears(instruction, &index) || (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_MOV &&
                                                move_value(registers, instruction, &index, &value));
        writes_forget(registers, instruction);
        if (instruction->decoded.meta.category == ZYDIS_CATEGORY_SYSCALL)
                registers->known[0] = false;
        if (known && index >= 0) {
                registers->known[index] = true;
                registers->values[index] = value;
        }
}

uint16_t number_find(const struct code_segment *segment, const struct instruction *instructions,
                     unsigned count, uint64_t vaddr)
{
        struct registers registers = {0};

        for (unsigned i = 0; i < count; i++) {
                uint64_t next = i + 1 < count ? instructions[i + 1].vaddr : vaddr;

                instruction_apply(&registers, &instructions[i]);
                if (code_map_marked(segment, next, next + 1)) /* others may arrive here with other values */
                        memset(registers.known, 0, sizeof registers.known);
        }
        return registers.known[0] && registers.values[0] < FL_SITE_NR_UNKNOWN ? (uint16_t)registers.values[0]
                                                                              : FL_SITE_NR_UNKNOWN;
}
