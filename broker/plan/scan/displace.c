/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/plan/scan/displace.h"

#include <string.h>

#include "broker/plan/scan/sweep.h"

enum {
        COST_INSTRUCTION = 4,
        COST_RELOCATION = 2,
        COST_MEMORY = 1, /* may fault: then the fault's address is the trampoline's */
        COST_STACK = 1,  /* unwinders know the stack pointer by address */
};

static bool is_rip_relative(const ZydisDecodedInstruction *decoded)
{
        return (decoded->attributes & ZYDIS_ATTRIB_HAS_MODRM) && decoded->raw.modrm.mod == 0 &&
               decoded->raw.modrm.rm == 5;
}

static bool has_operand_prefix(const ZydisDecodedInstruction *decoded)
{
        for (unsigned i = 0; i < decoded->raw.prefix_count; i++)
                if (decoded->raw.prefixes[i].value == 0x66)
                        return true;
        return false;
}

/* Direct branches: short ones are rewritten, so they must be bare; near ones are copied. Intel and AMD
 * disagree on 0x66 before a branch. */
static bool branch_encodable(const ZydisDecodedInstruction *decoded)
{
        if (decoded->raw.imm[0].size == 8)
                return decoded->raw.prefix_count == 0 && decoded->length == 2;
        return decoded->raw.imm[0].size == 32 && !has_operand_prefix(decoded);
}

static bool is_short_jcc(uint8_t opcode)
{
        return opcode >= 0x70 && opcode <= 0x7f;
}

static enum displace_kind direct_branch_kind(const ZydisDecodedInstruction *decoded)
{
        const bool default_map = decoded->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;

        if (decoded->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY || !branch_encodable(decoded))
                return DISPLACE_NEVER;
        if (default_map && (decoded->opcode == 0xeb || decoded->opcode == 0xe9))
                return DISPLACE_END;
        if (default_map && is_short_jcc(decoded->opcode))
                return DISPLACE_BRANCH;
        if (decoded->opcode_map == ZYDIS_OPCODE_MAP_0F && decoded->opcode >= 0x80 && decoded->opcode <= 0x8f)
                return DISPLACE_BRANCH;
        return DISPLACE_NEVER; /* call, loop, jrcxz, xbegin */
}

static bool is_near(const ZydisDecodedInstruction *decoded)
{
        return decoded->meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR && !has_operand_prefix(decoded);
}

static enum displace_kind kind_find(const ZydisDecodedInstruction *decoded)
{
        if (decoded->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
                return DISPLACE_NEVER;
        if (is_rip_relative(decoded) && (decoded->address_width != 64 || decoded->raw.disp.size != 32))
                return DISPLACE_NEVER;
        if (decoded->raw.imm[0].is_relative)
                return direct_branch_kind(decoded);
        switch (decoded->mnemonic) {
        case ZYDIS_MNEMONIC_NOP:
        case ZYDIS_MNEMONIC_INT3:
                return DISPLACE_FILLER;
        case ZYDIS_MNEMONIC_ENDBR32: /* where indirect branches land */
        case ZYDIS_MNEMONIC_ENDBR64:
        case ZYDIS_MNEMONIC_UD0: /* faults by design: by their address, handlers know them */
        case ZYDIS_MNEMONIC_UD1:
        case ZYDIS_MNEMONIC_UD2:
        case ZYDIS_MNEMONIC_HLT:
        case ZYDIS_MNEMONIC_XABORT:
        case ZYDIS_MNEMONIC_XEND:
                return DISPLACE_NEVER;
        case ZYDIS_MNEMONIC_JMP:
        case ZYDIS_MNEMONIC_RET:
                return is_near(decoded) ? DISPLACE_END : DISPLACE_NEVER;
        default:
                break;
        }
        switch (decoded->meta.category) {
        case ZYDIS_CATEGORY_CALL:
        case ZYDIS_CATEGORY_RET:
        case ZYDIS_CATEGORY_COND_BR:
        case ZYDIS_CATEGORY_UNCOND_BR:
        case ZYDIS_CATEGORY_SYSCALL:
        case ZYDIS_CATEGORY_SYSRET:
        case ZYDIS_CATEGORY_INTERRUPT:
        case ZYDIS_CATEGORY_INVALID:
                return DISPLACE_NEVER;
        default:
                return DISPLACE_PLAIN;
        }
}

static unsigned cost_find(const struct instruction *instruction)
{
        unsigned cost = COST_INSTRUCTION;
        bool memory = false, stack = false;

        if (is_rip_relative(&instruction->decoded) || instruction->decoded.raw.imm[0].is_relative)
                cost += COST_RELOCATION;
        for (unsigned i = 0; i < instruction->decoded.operand_count; i++) {
                const ZydisDecodedOperand *operand = &instruction->operands[i];

                if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.type == ZYDIS_MEMOP_TYPE_MEM)
                        memory = true;
                else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
                         operand->reg.value == ZYDIS_REGISTER_RSP &&
                         (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
                        stack = true;
        }
        return cost + (memory ? COST_MEMORY : 0) + (stack ? COST_STACK : 0);
}

bool instruction_decode(const ZydisDecoder *decoder, const uint8_t *bytes, uint64_t size, uint64_t vaddr,
                        struct instruction *ret_instruction)
{
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, size, &ret_instruction->decoded,
                                                 ret_instruction->operands)))
                return false;
        ret_instruction->vaddr = vaddr;
        ret_instruction->bytes = bytes;
        ret_instruction->length = ret_instruction->decoded.length;
        ret_instruction->plausible = sweep_plausible(&ret_instruction->decoded, bytes);
        ret_instruction->kind = kind_find(&ret_instruction->decoded);
        ret_instruction->cost = cost_find(ret_instruction);
        return true;
}

/* How the instruction begins in the trampoline, and where in it a displacement stands. */
struct encoding {
        uint8_t bytes[ZYDIS_MAX_INSTRUCTION_LENGTH];
        unsigned size;
        unsigned displacement; /* offset; 0: none */
        uint64_t target;
};

static void encoding_make(const struct instruction *instruction, struct encoding *ret_encoding)
{
        const ZydisDecodedInstruction *decoded = &instruction->decoded;
        const uint64_t next = instruction->vaddr + instruction->length;

        memset(ret_encoding, 0, sizeof *ret_encoding);
        memcpy(ret_encoding->bytes, instruction->bytes, instruction->length);
        ret_encoding->size = instruction->length;
        if (decoded->raw.imm[0].is_relative) {
                ret_encoding->target = next + (uint64_t)decoded->raw.imm[0].value.s;
                ret_encoding->displacement = decoded->raw.imm[0].offset;
                if (decoded->raw.imm[0].size == 8 && decoded->opcode == 0xeb) {
                        ret_encoding->bytes[0] = 0xe9;
                        ret_encoding->size = 5;
                } else if (decoded->raw.imm[0].size == 8) {
                        ret_encoding->bytes[0] = 0x0f;
                        ret_encoding->bytes[1] = (uint8_t)(0x80 | (decoded->opcode & 0x0f));
                        ret_encoding->displacement = 2;
                        ret_encoding->size = 6;
                }
        } else if (is_rip_relative(decoded)) {
                ret_encoding->target = next + (uint64_t)decoded->raw.disp.value;
                ret_encoding->displacement = decoded->raw.disp.offset;
        }
        if (ret_encoding->displacement)
                memset(ret_encoding->bytes + ret_encoding->displacement, 0, 4);
}

bool displaced_append(struct displaced *displaced, const struct instruction *instruction,
                      uint64_t window_start)
{
        struct encoding encoding;

        encoding_make(instruction, &encoding);
        if (encoding.size > sizeof displaced->code - displaced->size)
                return false;
        if (encoding.displacement) {
                if (displaced->relocation_count == FL_SITE_RELOCATIONS_MAX)
                        return false;
                displaced->relocations[displaced->relocation_count++] = (struct fl_relocation){
                        .at = (uint16_t)(displaced->size + encoding.displacement),
                        .next = (uint16_t)(displaced->size + encoding.size),
                        .grown = (uint16_t)(encoding.size - instruction->length),
                        .target = (int64_t)(encoding.target - window_start),
                };
        }
        memcpy(displaced->code + displaced->size, encoding.bytes, encoding.size);
        displaced->size += encoding.size;
        return true;
}
