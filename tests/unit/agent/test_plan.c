/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan.h"

#define CODE_SIZE 256u

struct whole {
        struct fl_plan header;
        struct fl_site sites[2];
        _Alignas(8) uint8_t code[CODE_SIZE];
};

static struct whole make(void)
{
        struct whole whole = {
                .header = {.magic = FL_PLAN_MAGIC,
                           .version = FL_PLAN_VERSION,
                           .site_count = 2,
                           .code_size = CODE_SIZE},
                .sites = {{.start = 100,
                           .length = 7,
                           .syscall_at = 5,
                           .tactic = FL_TACTIC_BEFORE,
                           .before_size = 5},
                          {.start = 107,
                           .length = 9,
                           .tactic = FL_TACTIC_AFTER,
                           .after_size = 7,
                           .relocations = 1,
                           .code = 8}},
        };
        struct fl_relocation relocation = {.at = 3, .next = 7};

        memcpy(whole.code + 16, &relocation, sizeof relocation);
        return whole;
}

static bool check(const struct whole *whole, size_t size)
{
        struct ag_plan plan;

        return ag_plan_check(whole, size, &plan);
}

Test(plan, good)
{
        struct whole whole = make();
        struct ag_plan plan;

        cr_assert(ag_plan_check(&whole, sizeof whole, &plan));
        cr_assert_eq(plan.site_count, 2);
        cr_assert_eq(ag_plan_relocations(&plan, &plan.sites[1])->next, 7);
}

#define REFUSED(change)                                                                                      \
        do {                                                                                                 \
                struct whole whole = make();                                                                 \
                change;                                                                                      \
                cr_expect(!check(&whole, sizeof whole), "%s", #change);                                      \
        } while (0)

Test(plan, lies)
{
        REFUSED(whole.header.magic++);
        REFUSED(whole.header.version++);
        REFUSED(whole.header.site_count = 3000);
        REFUSED(whole.header.site_count = UINT32_MAX);
        REFUSED(whole.header.code_size = CODE_SIZE + 1);
        REFUSED(whole.header.code_size = 24);
        REFUSED(whole.sites[1].start = 106);
        REFUSED(whole.sites[1].start = UINT64_MAX - 4);
        REFUSED(whole.sites[0].length = 4);
        REFUSED(whole.sites[0].length = 65);
        REFUSED(whole.sites[0].syscall_at = 6);
        REFUSED(whole.sites[0].syscall_at = 255);
        REFUSED(whole.sites[0].tactic = 4);
        REFUSED(whole.sites[0].before_size = FL_SITE_CODE_MAX + 1);
        REFUSED(whole.sites[0].before_size = UINT16_MAX);
        REFUSED(whole.sites[1].after_size = UINT16_MAX);
        REFUSED(whole.sites[1].code = 4);
        REFUSED(whole.sites[1].code = 248);
        REFUSED(whole.sites[1].code = 0xfffffff8u);
        REFUSED(whole.sites[1].relocations = 16);
        REFUSED(whole.sites[1].relocations = UINT16_MAX);
        REFUSED(((struct fl_relocation *)(whole.code + 16))->at = 4);
        REFUSED(((struct fl_relocation *)(whole.code + 16))->next = 8);
        REFUSED(((struct fl_relocation *)(whole.code + 16))->at = UINT16_MAX);
}

Test(plan, cut_short)
{
        struct whole whole = make();

        for (size_t size = 0; size < sizeof whole; size++)
                cr_assert(!check(&whole, size));
}

/* Whatever the bytes, what passes the check lies inside the plan: ASan watches. */
Test(plan, random_bytes)
{
        unsigned passed = 0;

        srand(1);
        for (unsigned round = 0; round < 200000; round++) {
                struct whole *whole = malloc(sizeof *whole);
                struct ag_plan plan;

                *whole = make();
                for (unsigned i = 0; i < 3; i++)
                        ((uint8_t *)whole)[16 + (unsigned)rand() % (sizeof *whole - 16)] = (uint8_t)rand();
                if (ag_plan_check(whole, sizeof *whole, &plan)) {
                        volatile unsigned sum = 0;

                        passed++;
                        for (uint32_t i = 0; i < plan.site_count; i++) {
                                const struct fl_site *site = &plan.sites[i];

                                if (site->tactic == FL_TACTIC_NONE)
                                        continue;
                                for (unsigned n = 0; n < (unsigned)site->before_size + site->after_size; n++)
                                        sum += ag_plan_code(&plan, site)[n];
                                for (unsigned n = 0; n < site->relocations; n++)
                                        sum += ag_plan_relocations(&plan, site)[n].next;
                        }
                        (void)sum;
                }
                free(whole);
        }
        cr_assert_gt(passed, 0);
}

/* One site with a side, as the broker's check lets it pass, or not. */
static bool side_check(enum fl_site_tactic tactic, int side, unsigned length)
{
        struct whole whole = make();

        whole.header.site_count = 1;
        whole.sites[0] =
                (struct fl_site){.start = 200,
                                 .length = 2,
                                 .tactic = (uint8_t)tactic,
                                 .side = (int16_t)side,
                                 .side_length = (uint8_t)length,
                                 .after_size = tactic == FL_TACTIC_NEIGHBOUR || tactic == FL_TACTIC_SUCCESSOR
                                                       ? (uint16_t)length
                                                       : 0};
        return check(&whole, sizeof whole);
}

Test(plan, sides)
{
        cr_expect(side_check(FL_TACTIC_PADDING, 2, 5));
        cr_expect(side_check(FL_TACTIC_PADDING, 129, 5));
        cr_expect_not(side_check(FL_TACTIC_PADDING, 130, 5));
        cr_expect(side_check(FL_TACTIC_PADDING, -126, 5));
        cr_expect_not(side_check(FL_TACTIC_PADDING, -127, 5));
        cr_expect_not(side_check(FL_TACTIC_PADDING, 1, 5));
        cr_expect_not(side_check(FL_TACTIC_PADDING, -4, 5));
        cr_expect_not(side_check(FL_TACTIC_PADDING, 2, 4));
        cr_expect(side_check(FL_TACTIC_NEIGHBOUR, 2, 10));
        cr_expect_not(side_check(FL_TACTIC_NEIGHBOUR, 2, 9));
        cr_expect_not(side_check(FL_TACTIC_NEIGHBOUR, 125, 10));
        cr_expect_not(side_check(FL_TACTIC_NEIGHBOUR, -9, 10));
        cr_expect_not(side_check(FL_TACTIC_NEIGHBOUR, 2, 65));
        cr_expect(side_check(FL_TACTIC_PUNNED, 2, 3));
        cr_expect_not(side_check(FL_TACTIC_PUNNED, 2, 4));
        cr_expect_not(side_check(FL_TACTIC_PUNNED, 3, 3));
        cr_expect_not(side_check(FL_TACTIC_PUNNED, -3, 3));
        cr_expect(side_check(FL_TACTIC_PREFIXED, 2, 4));
        cr_expect_not(side_check(FL_TACTIC_PREFIXED, 2, 3));
        cr_expect(side_check(FL_TACTIC_SUCCESSOR, 2, 5));
        cr_expect_not(side_check(FL_TACTIC_SUCCESSOR, 2, 4));
        cr_expect_not(side_check(FL_TACTIC_SUCCESSOR, 2, 65));
        cr_expect_not(side_check(FL_TACTIC_SUCCESSOR, 10, 5));
        cr_expect_not(side_check(FL_TACTIC_LAST + 1, 2, 5));
}
