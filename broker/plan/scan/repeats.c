/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/repeats.h"

static ZydisRegister whole(ZydisRegister value)
{
        ZydisRegister found = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, value);

        return found != ZYDIS_REGISTER_NONE ? found : value;
}

static bool operand_reads(const ZydisDecodedOperand *operand, ZydisRegister value)
{
        if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY)
                return whole(operand->mem.base) == value || whole(operand->mem.index) == value;
        return operand->type == ZYDIS_OPERAND_TYPE_REGISTER && whole(operand->reg.value) == value &&
               (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ);
}

static bool any_reads(const struct instruction *instructions, unsigned count, ZydisRegister value)
{
        for (unsigned i = 0; i < count; i++)
                for (unsigned j = 0; j < instructions[i].decoded.operand_count; j++)
                        if (operand_reads(&instructions[i].operands[j], value))
                                return true;
        return false;
}

bool instructions_repeat(const struct instruction *instructions, unsigned count)
{
        if (any_reads(instructions, count, ZYDIS_REGISTER_RCX) ||
            any_reads(instructions, count, ZYDIS_REGISTER_R11))
                return false;
        for (unsigned i = 0; i < count; i++)
                for (unsigned j = 0; j < instructions[i].decoded.operand_count; j++) {
                        const ZydisDecodedOperand *operand = &instructions[i].operands[j];

                        if ((operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
                            (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
                             any_reads(instructions, count, whole(operand->reg.value))))
                                return false;
                }
        return true;
}
