/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "cli/run_options.h"

static int parse(char **argv, struct run_options *options, struct err *err)
{
        int argc = 0;

        while (argv[argc])
                argc++;
        return run_options_parse(argc, argv, options, err);
}

#define ARGS(...) ((char *[]){(char *)"flicker-run", __VA_ARGS__, NULL})
#define S(text)   ((char *)text)

Test(options, all_of_them)
{
        struct run_options options;
        struct err err;
        char **argv = ARGS(S("-p"), S("web"), S("--var"), S("A=1=2"), S("--var=B="), S("--no-agent"),
                           S("--mediate=all"), S("--warn"), S("--audit"), S("-"), S("--timeout"), S("10m"),
                           S("--quiet"), S("--read"), S("/x"), S("--connect"), S("tcp:*:1"), S("prog"),
                           S("--no-agent"), S("-p"));

        cr_assert_eq(parse(argv, &options, &err), 0);
        cr_expect_str_eq(options.policy, "web");
        cr_expect_eq(options.variable_count, 2);
        cr_expect_str_eq(options.variables[0].name, "A");
        cr_expect_str_eq(options.variables[0].value, "1=2");
        cr_expect_str_eq(options.variables[1].value, "");
        cr_expect(options.no_agent && options.mediate_all && options.warn && options.quiet &&
                  !options.verbose);
        cr_expect_str_eq(options.audit, "-");
        cr_expect_eq(options.timeout_ms, 600000);
        cr_expect_eq(options.extra_count, 2);
        cr_expect_eq(options.extra[0].list, RULE_FILES_READ);
        cr_expect_eq(options.extra[1].list, RULE_NETWORK_CONNECT);
        cr_expect_str_eq(options.program[0], "prog");
        cr_expect_str_eq(options.program[2], "-p");
        run_options_finish(&options);
}

Test(options, end_at_two_dashes)
{
        struct run_options options;
        struct err err;
        char **argv = ARGS(S("-q"), S("--"), S("-p"), S("x"));

        cr_assert_eq(parse(argv, &options, &err), 0);
        cr_expect_str_eq(options.program[0], "-p");
        cr_expect_null(options.policy);
        run_options_finish(&options);
}

Test(options, wrong_ones)
{
        static char *const wrong[][4] = {
                {S("--bogus"), S("x")},           {S("-p")},
                {S("-p"), S(""), S("x")},         {S("--mediate"), S("some"), S("x")},
                {S("--var"), S("=x"), S("x")},    {S("--var"), S("x"), S("x")},
                {S("--learn"), S("f"), S("x")},   {S("--broker"), S("/s"), S("x")},
                {S("--timeout"), S("x"), S("x")}, {S("--quiet=1"), S("x")},
                {S("-q"), S("-v"), S("x")},       {S("--")},
        };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                char *argv[6] = {S("flicker-run"), wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], NULL};
                struct run_options options;
                struct err err = {0};

                cr_expect_eq(parse(argv, &options, &err), -EINVAL, "%s", wrong[i][0]);
                cr_expect(strlen(err.message) > 0, "%s", wrong[i][0]);
        }
}

Test(options, help_needs_no_program)
{
        struct run_options options;
        struct err err;

        cr_assert_eq(parse(ARGS(S("--help"), S("--bogus")), &options, &err), 0);
        cr_expect_eq(options.action, RUN_HELP);
        run_options_finish(&options);
        cr_assert_eq(parse(ARGS(S("--version")), &options, &err), 0);
        cr_expect_eq(options.action, RUN_VERSION);
        run_options_finish(&options);
}

Test(options, times)
{
        static const struct {
                const char *text;
                int64_t ms; /* -1: wrong */
        } cases[] = {
                {"500ms", 500}, {"60s", 60000},    {"10m", 600000}, {"2h", 7200000}, {"5", 5000},
                {"0.5", 500},   {"0", 0},          {".5s", 500},    {"0.1ms", 1},    {"", -1},
                {"s", -1},      {"-1", -1},        {"1d", -1},      {"1 s", -1},     {"1e3", -1},
                {"0x10", -1},   {"1.2.3", -1},     {"inf", -1},     {"nan", -1},     {".", -1},
                {"1S", -1},     {"99999999h", -1},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                int64_t ms = -2;
                int r = run_options_time(cases[i].text, &ms);

                cr_expect_eq(r, cases[i].ms < 0 ? -EINVAL : 0, "%s", cases[i].text);
                cr_expect_eq(ms, cases[i].ms < 0 ? -2 : cases[i].ms, "%s", cases[i].text);
        }
}
