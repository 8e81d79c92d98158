/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: runs a seccomp program as the kernel would, and tells what the kernel would cache of it. */
#ifndef FLICKER_TESTS_BPF_MACHINE_H
#define FLICKER_TESTS_BPF_MACHINE_H

#include <criterion/criterion.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct bpf_outcome {
        uint32_t action;
        bool only_number; /* neither arguments nor instruction pointer were loaded */
        unsigned steps;
};

static inline struct bpf_outcome bpf_run(const struct sock_fprog *program, const struct seccomp_data *data)
{
        struct bpf_outcome outcome = {.only_number = true};
        uint32_t a = 0, x = 0, scratch[BPF_MEMWORDS] = {0};

        for (unsigned pc = 0; pc < program->len; pc++) {
                const struct sock_filter *at = &program->filter[pc];

                outcome.steps++;
                switch (at->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        cr_assert(at->k % 4 == 0 && at->k < sizeof *data);
                        cr_assert(at->k < 8 || at->k >= 16, "the instruction pointer is looked at");
                        memcpy(&a, (const char *)data + at->k, 4);
                        outcome.only_number &= at->k < 8;
                        break;
                case BPF_ST:
                        scratch[at->k] = a;
                        break;
                case BPF_STX:
                        scratch[at->k] = x;
                        break;
                case BPF_LD | BPF_MEM:
                        a = scratch[at->k];
                        break;
                case BPF_LDX | BPF_MEM:
                        x = scratch[at->k];
                        break;
                case BPF_MISC | BPF_TAX:
                        x = a;
                        break;
                case BPF_MISC | BPF_TXA:
                        a = x;
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= at->k;
                        break;
                case BPF_JMP | BPF_JA:
                        pc += at->k;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        pc += a == at->k ? at->jt : at->jf;
                        break;
                case BPF_JMP | BPF_JGT | BPF_K:
                        pc += a > at->k ? at->jt : at->jf;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        pc += a >= at->k ? at->jt : at->jf;
                        break;
                case BPF_JMP | BPF_JSET | BPF_K:
                        pc += a & at->k ? at->jt : at->jf;
                        break;
                case BPF_RET | BPF_K:
                        outcome.action = at->k;
                        return outcome;
                default:
                        cr_assert_fail("instruction %#x", at->code);
                }
        }
        cr_assert_fail("the program runs off its end");
        return outcome;
}

#endif
