/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/plan/plan_check.h"
#include "proto/plan.h"

/* Two sites: one with a relocation behind the syscall, one without a tactic. */
struct sample {
        struct fl_plan plan;
        struct fl_site sites[2];
        uint8_t code[16];
        struct fl_relocation relocation;
};

static struct sample sample_make(void)
{
        struct sample sample = {
                .plan = {.magic = FL_PLAN_MAGIC,
                         .version = FL_PLAN_VERSION,
                         .site_count = 2,
                         .code_size = sizeof sample.code + sizeof sample.relocation},
                .sites = {{.start = 0x1000,
                           .length = 9, /* mov $39,%eax; syscall; jne */
                           .syscall_at = 5,
                           .nr = 39,
                           .tactic = FL_TACTIC_BOTH,
                           .before_size = 5,
                           .after_size = 6,
                           .relocations = 1},
                          {.start = 0x1009, .length = 2, .nr = FL_SITE_NR_UNKNOWN}},
                .code = {0xb8, 39, 0, 0, 0, 0x0f, 0x85},
                .relocation = {.at = 7, .next = 11, .grown = 4, .target = -200},
        };
        return sample;
}

static int check(struct sample *sample)
{
        sample->plan.checksum = plan_checksum(sample, sizeof *sample);
        return plan_check(sample, sizeof *sample);
}

Test(plan_check, accepts_what_is_well_formed)
{
        struct sample sample = sample_make();

        cr_assert_eq(check(&sample), 0);
}

Test(plan_check, accepts_a_plan_without_sites)
{
        struct fl_plan plan = {.magic = FL_PLAN_MAGIC, .version = FL_PLAN_VERSION};

        plan.checksum = plan_checksum(&plan, sizeof plan);
        cr_assert_eq(plan_check(&plan, sizeof plan), 0);
}

Test(plan_check, refuses_every_truncation)
{
        struct sample sample = sample_make();
        uint8_t *copy;

        cr_assert_eq(check(&sample), 0);
        for (size_t size = 0; size < sizeof sample; size++) {
                copy = malloc(size + 1); /* exact, so that a sanitizer sees a read past the end */
                copy = realloc(copy, size ? size : 1);
                memcpy(copy, &sample, size);
                cr_expect_eq(plan_check(copy, size), -EBADMSG, "%zu bytes", size);
                free(copy);
        }
}

Test(plan_check, refuses_every_changed_byte_behind_the_identity)
{
        struct sample sample = sample_make();
        uint8_t *bytes = (uint8_t *)&sample;

        cr_assert_eq(check(&sample), 0);
        for (size_t i = offsetof(struct fl_plan, checksum); i < sizeof sample; i++) {
                bytes[i] ^= 0x40;
                cr_expect_eq(plan_check(&sample, sizeof sample), -EBADMSG, "byte %zu", i);
                bytes[i] ^= 0x40;
        }
}

#define REFUSES(name, statement)                                                                             \
        Test(plan_check, refuses_##name)                                                                     \
        {                                                                                                    \
                struct sample sample = sample_make();                                                        \
                                                                                                             \
                statement;                                                                                   \
                cr_assert_eq(check(&sample), -EBADMSG);                                                      \
        }

REFUSES(another_magic, sample.plan.magic++)
REFUSES(another_version, sample.plan.version++)
REFUSES(too_many_sites, sample.plan.site_count = UINT32_MAX)
REFUSES(too_much_code, sample.plan.code_size = UINT32_MAX)
REFUSES(uneven_code, sample.plan.code_size--)
REFUSES(overlapping_sites, sample.sites[1].start--)
REFUSES(unsorted_sites, sample.sites[1].start = 0)
REFUSES(sites_at_the_end_of_numbers, sample.sites[1].start = UINT64_MAX)
REFUSES(unknown_tactics, sample.sites[0].tactic = 4)
REFUSES(unknown_flags, sample.sites[0].flags = 4)
REFUSES(reserved_bits, sample.sites[0].reserved = 1)
REFUSES(short_windows, (sample.sites[0].length = 4, sample.sites[0].syscall_at = 2))
REFUSES(long_windows, sample.sites[0].length = 65)
REFUSES(syscalls_outside_the_window, sample.sites[0].syscall_at = 8)
REFUSES(syscalls_that_do_not_fit_the_code, sample.sites[0].syscall_at = 4)
REFUSES(tactics_that_do_not_fit_the_code, sample.sites[0].tactic = FL_TACTIC_BEFORE)
REFUSES(code_out_of_range, sample.sites[0].code = 32)
REFUSES(code_far_out_of_range, sample.sites[0].code = 0xfffffff8)
REFUSES(code_astray, sample.sites[0].code = 4)
REFUSES(much_code, sample.sites[0].after_size = UINT16_MAX)
REFUSES(missing_relocations, sample.sites[0].relocations = 0)
REFUSES(many_relocations, sample.sites[0].relocations = UINT16_MAX)
REFUSES(relocations_out_of_range, sample.relocation.next = 12)
REFUSES(relocations_across_the_syscall, (sample.relocation.at = 3, sample.relocation.next = 7))
REFUSES(relocations_before_their_field, sample.relocation.next = 10)
REFUSES(relocations_of_occupied_fields, sample.code[8] = 1)
REFUSES(odd_growth, sample.relocation.grown = 5)
REFUSES(growth_that_does_not_add_up, sample.relocation.grown = 3)
REFUSES(targets_beyond_memory, sample.relocation.target = INT64_MIN)
REFUSES(windows_without_a_tactic, sample.sites[1].length = 5)
REFUSES(code_without_a_tactic, sample.sites[1].before_size = 1)

/* The second site gets a side: padding behind it. */
static void side_give(struct sample *sample)
{
        sample->sites[1].tactic = FL_TACTIC_PADDING;
        sample->sites[1].side = 40;
        sample->sites[1].side_length = 5;
}

Test(plan_check, accepts_a_side)
{
        struct sample sample = sample_make();

        side_give(&sample);
        cr_assert_eq(check(&sample), 0);
        sample.sites[1].side = -14; /* up to the window of the first */
        cr_assert_eq(check(&sample), 0);
}

#define REFUSES_SIDE(name, change) REFUSES(name, (side_give(&sample), change))

REFUSES_SIDE(sides_out_of_reach, sample.sites[1].side = 130)
REFUSES_SIDE(sides_out_of_reach_in_front, sample.sites[1].side = -127)
REFUSES_SIDE(sides_on_the_syscall, sample.sites[1].side = 1)
REFUSES_SIDE(sides_on_the_syscall_in_front, sample.sites[1].side = -4)
REFUSES_SIDE(sides_on_another_window, sample.sites[1].side = -5)
REFUSES_SIDE(padding_of_another_length, sample.sites[1].side_length = 6)
REFUSES_SIDE(padding_with_code, sample.sites[1].after_size = 4)
REFUSES_SIDE(padding_with_relocations, sample.sites[1].relocations = 1)
REFUSES_SIDE(neighbours_without_code, sample.sites[1].tactic = FL_TACTIC_NEIGHBOUR)
REFUSES_SIDE(neighbours_without_room, (sample.sites[1].tactic = FL_TACTIC_NEIGHBOUR,
                                       sample.sites[1].side_length = sample.sites[1].after_size = 9))
REFUSES_SIDE(neighbours_shorter_than_their_code,
             (sample.sites[1].tactic = FL_TACTIC_NEIGHBOUR, sample.sites[1].side_length = 10,
              sample.sites[1].after_size = 11))
REFUSES_SIDE(sides_with_a_longer_window, sample.sites[1].length = 5)

/* The second site gets a pun. */
static void pun_give(struct sample *sample, enum fl_site_tactic tactic, unsigned length)
{
        sample->sites[1].tactic = (uint8_t)tactic;
        sample->sites[1].side = FL_SITE_SYSCALL;
        sample->sites[1].side_length = (uint8_t)length;
}

Test(plan_check, accepts_puns)
{
        struct sample sample = sample_make();

        pun_give(&sample, FL_TACTIC_PUNNED, 3);
        cr_expect_eq(check(&sample), 0);
        pun_give(&sample, FL_TACTIC_PREFIXED, 4);
        cr_expect_eq(check(&sample), 0);
}

#define REFUSES_PUN(name, tactic, length, ...)                                                               \
        REFUSES(name, pun_give(&sample, tactic, length) __VA_OPT__(;) __VA_ARGS__)

REFUSES_PUN(puns_of_another_length, FL_TACTIC_PUNNED, 4)
REFUSES_PUN(prefixed_puns_of_another_length, FL_TACTIC_PREFIXED, 3)
REFUSES_PUN(puns_that_end_elsewhere, FL_TACTIC_PUNNED, 3, sample.sites[1].side = 3)
REFUSES_PUN(puns_with_code, FL_TACTIC_PUNNED, 3, sample.sites[1].after_size = 3)
REFUSES_PUN(successors_without_code, FL_TACTIC_SUCCESSOR, 5)
REFUSES_PUN(successors_without_room, FL_TACTIC_SUCCESSOR, 4, sample.sites[1].after_size = 4)
REFUSES_PUN(successors_elsewhere, FL_TACTIC_SUCCESSOR, 5,
            (sample.sites[1].after_size = 5, sample.sites[1].side = 4))
REFUSES_PUN(tactics_behind_the_last, FL_TACTIC_LAST + 1, 5)
REFUSES(sides_of_nothing, sample.sites[1].side_length = 5)
