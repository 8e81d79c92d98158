/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/number.h"

struct rax {
        bool known;
        uint64_t value;
};

static bool writes_rax(const struct instruction *instruction)
{
        for (unsigned i = 0; i < instruction->decoded.operand_count; i++) {
                const ZydisDecodedOperand *operand = &instruction->operands[i];

                if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
                    (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
                    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand->reg.value) ==
                            ZYDIS_REGISTER_RAX)
                        return true;
        }
        return false;
}

static bool is_register(const ZydisDecodedOperand *operand, ZydisRegister value)
{
        return operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->reg.value == value;
}

/* mov $imm, %eax or %rax; mov $imm, %al on top of what is known. */
static void move_apply(struct rax *rax, const ZydisDecodedOperand *to, uint64_t immediate)
{
        if (is_register(to, ZYDIS_REGISTER_RAX)) {
                *rax = (struct rax){.known = true, .value = immediate};
        } else if (is_register(to, ZYDIS_REGISTER_EAX)) {
                *rax = (struct rax){.known = true, .value = (uint32_t)immediate};
        } else if (is_register(to, ZYDIS_REGISTER_AL)) {
                rax->value = (rax->value & ~0xffull) | (immediate & 0xff);
        } else {
                rax->known = false;
        }
}

static void instruction_apply(struct rax *rax, const struct instruction *instruction)
{
        const ZydisDecodedOperand *operands = instruction->operands;

        if (instruction->decoded.meta.category == ZYDIS_CATEGORY_CALL ||
            instruction->decoded.meta.category == ZYDIS_CATEGORY_SYSCALL ||
            instruction->decoded.meta.category == ZYDIS_CATEGORY_INTERRUPT ||
            instruction->kind == DISPLACE_END) {
                rax->known = false;
                return;
        }
        if (!writes_rax(instruction))
                return;
        if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_MOV &&
            operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
                move_apply(rax, &operands[0], operands[1].imm.value.u);
        else if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_XOR &&
                 (is_register(&operands[0], ZYDIS_REGISTER_EAX) ||
                  is_register(&operands[0], ZYDIS_REGISTER_RAX)) &&
                 is_register(&operands[1], operands[0].reg.value))
                *rax = (struct rax){.known = true};
        else
                rax->known = false;
}

uint16_t number_find(const struct code_segment *segment, const struct instruction *instructions,
                     unsigned count, uint64_t vaddr)
{
        struct rax rax = {0};

        for (unsigned i = 0; i < count; i++) {
                uint64_t next = i + 1 < count ? instructions[i + 1].vaddr : vaddr;

                instruction_apply(&rax, &instructions[i]);
                if (code_map_marked(segment, next, next + 1))
                        rax.known = false; /* somebody else may arrive here with another value */
        }
        return rax.known && rax.value < FL_SITE_NR_UNKNOWN ? (uint16_t)rax.value : FL_SITE_NR_UNKNOWN;
}
