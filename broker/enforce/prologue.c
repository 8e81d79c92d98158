/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/prologue.h"

#include <assert.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>

#include "broker/enforce/filter.h"
#include "broker/enforce/scalar.h"
#include "broker/policy/syscalls.h"

#define LOW_HALF(index)  (offsetof(struct seccomp_data, args) + 8 * (index))
#define HIGH_HALF(index) (LOW_HALF(index) + 4)

struct assembler {
        struct sock_filter *out;
        size_t length;
        size_t pending[8]; /* jumps to where the current rule ends */
        size_t pending_count;
};

static void emit(struct assembler *assembler, struct sock_filter instruction)
{
        assert(assembler->length < PROLOGUE_MAX);
        assembler->out[assembler->length++] = instruction;
}

static void emit_load(struct assembler *assembler, size_t offset)
{
        emit(assembler, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_error(struct assembler *assembler, int error)
{
        emit(assembler, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error));
}

/* Goes on where the test holds, else to the end of the rule. */
static void emit_test(struct assembler *assembler, unsigned test, uint32_t operand)
{
        assert(assembler->pending_count < sizeof assembler->pending / sizeof assembler->pending[0]);
        assembler->pending[assembler->pending_count++] = assembler->length;
        emit(assembler, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, operand, 0, 0));
}

static void end_rule(struct assembler *assembler)
{
        for (size_t i = 0; i < assembler->pending_count; i++) {
                size_t distance = assembler->length - assembler->pending[i] - 1;

                assert(distance <= UINT8_MAX);
                assembler->out[assembler->pending[i]].jf = (uint8_t)distance;
        }
        assembler->pending_count = 0;
}

static void emit_condition(struct assembler *assembler, const struct scalar_condition *condition)
{
        emit_load(assembler, LOW_HALF(condition->index));
        switch (condition->op) {
        case SCALAR_INT_EQ:
                emit_test(assembler, BPF_JEQ, (uint32_t)condition->value);
                break;
        case SCALAR_INT_ANY:
                emit_test(assembler, BPF_JSET, (uint32_t)condition->mask);
                break;
        case SCALAR_LONG_EQ:
                emit_test(assembler, BPF_JEQ, (uint32_t)condition->value);
                emit_load(assembler, HIGH_HALF(condition->index));
                emit_test(assembler, BPF_JEQ, (uint32_t)(condition->value >> 32));
                break;
        default:
                assert(!"an answer rule uses a condition that the prologue cannot express");
        }
}

static void emit_answer(struct assembler *assembler, const struct scalar_rule *rule)
{
        assert(rule->when == WHEN_ALWAYS);
        emit_load(assembler, offsetof(struct seccomp_data, nr));
        emit_test(assembler, BPF_JEQ, (uint32_t)rule->nr);
        for (unsigned i = 0; i < rule->condition_count; i++)
                emit_condition(assembler, &rule->conditions[i]);
        emit_error(assembler, rule->error);
        end_rule(assembler);
}

static bool number_known(int nr)
{
        return nr == FILTER_AGENT_CALL || syscall_entry(nr)->name[0];
}

/* The next run of known numbers from *nr on: [*nr, *ret_last]. */
static bool next_known(int *nr, int *ret_last)
{
        while (*nr <= FILTER_AGENT_CALL && !number_known(*nr))
                (*nr)++;
        if (*nr > FILTER_AGENT_CALL)
                return false;
        *ret_last = *nr;
        while (number_known(*ret_last + 1))
                (*ret_last)++;
        return true;
}

/* ENOSYS for what is in no run, foreign numbers (x32 has bit 30 set) included. Other architectures' numbers
 * that look like ours are caught by libseccomp's check of the architecture. */
static void emit_known_numbers(struct assembler *assembler)
{
        size_t known[16];
        size_t known_count = 0;
        int first = 0, last;

        emit_load(assembler, offsetof(struct seccomp_data, nr));
        for (; next_known(&first, &last); first = last + 1) {
                assert(known_count < sizeof known / sizeof known[0]);
                /* above this run: to the next; below it: unknown */
                emit(assembler,
                     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last, 2, 0));
                known[known_count++] = assembler->length;
                emit(assembler,
                     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)first, 0, 0));
                emit_error(assembler, ENOSYS);
        }
        emit_error(assembler, ENOSYS);
        for (size_t i = 0; i < known_count; i++)
                assembler->out[known[i]].jt = (uint8_t)(assembler->length - known[i] - 1);
}

size_t prologue_build(struct sock_filter out[PROLOGUE_MAX])
{
        struct assembler assembler = {.out = out};

        emit_known_numbers(&assembler);
        for (size_t i = 0; i < scalar_rule_count; i++)
                if (scalar_rules[i].outcome == SCALAR_ANSWER)
                        emit_answer(&assembler, &scalar_rules[i]);
        return assembler.length;
}
