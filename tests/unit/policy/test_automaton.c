/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/pattern.h"
#include "tests/unit/policy/fixture.h"

/* An automaton of its own, offline. */
struct bench {
        struct automaton *automaton;
        struct arena arena;
        struct resolver resolver;
};

static void bench_init(struct bench *bench)
{
        *bench = (struct bench){0};
        bench->resolver.arena = &bench->arena;
        bench->resolver.offline = true;
        cr_assert_eq(automaton_create(1 << 3, &bench->automaton), 0);
}

static void bench_add(struct bench *bench, unsigned list, uint32_t rule, const char *pattern)
{
        struct pattern_target target = {.automaton = bench->automaton,
                                        .resolver = &bench->resolver,
                                        .arena = &bench->arena,
                                        .list = list,
                                        .rule = rule};
        const char *resolved;
        struct err err = {0};
        bool wildcard;

        cr_assert_eq(pattern_add(&target, pattern, &resolved, &wildcard, &err), 0, "%s", err.message);
}

static void bench_finish(struct bench *bench)
{
        automaton_destroy(bench->automaton);
        resolver_finish(&bench->resolver);
        arena_finish(&bench->arena);
}

static struct automaton_match match(struct bench *bench, const char *path)
{
        struct automaton_match result;

        automaton_match(bench->automaton, path, strlen(path), &result);
        return result;
}

/* count rules of every kind. */
static void add_many(struct bench *bench, unsigned count)
{
        char pattern[64];

        for (unsigned i = 0; i < count; i++) {
                static const char *const before[] = {"/srv/app", "/srv/*/file", "**/", "/etc/{a,b}", "/x/"};
                static const char *const after[] = {"/data", "", ".key", "/**", "/**/y"};

                snprintf(pattern, sizeof pattern, "%s%u%s", before[i % 5], i, after[i % 5]);
                bench_add(bench, i % 5, i, pattern);
        }
        cr_assert_eq(automaton_seal(bench->automaton), 0);
}

/* What a match costs, once the states are made, does not depend on how many rules there are. */
Test(automaton, cost_grows_with_the_path)
{
        static const char *const paths[] = {"/srv/app5/data/x", "/srv/app7/file6", "/a/b/7.key",
                                            "/etc/b8/x/y/z", "/usr/lib/x86_64-linux-gnu/libc.so.6"};
        struct bench few, many;

        bench_init(&few);
        bench_init(&many);
        add_many(&few, 10);
        add_many(&many, 10000);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                match(&few, paths[i]);
                match(&many, paths[i]);
                cr_expect_leq(match(&few, paths[i]).work, strlen(paths[i]));
                cr_expect_leq(match(&many, paths[i]).work, strlen(paths[i]));
        }
        cr_expect_eq(match(&many, "/srv/app5/data/x").rule[0], 5);
        cr_expect_eq(match(&many, "/srv/app/file9996").rule[1], 9996);
        cr_expect_eq(match(&many, "/q/9997.key").rule[2], 9997);
        cr_expect_eq(match(&many, "/etc/a9998/q").rule[3], 9998);
        cr_expect_eq(match(&many, "/x/9999/q/r/y").rule[4], 9999);
        bench_finish(&few);
        bench_finish(&many);
}

/* Deterministic noise (xorshift). */
static uint32_t noise(uint32_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        return *state ^= *state << 5;
}

static void noisy_path(uint32_t *state, char *path, size_t length)
{
        static const char letters[] = "ab/c";

        path[0] = '/';
        for (size_t i = 1; i < length; i++)
                path[i] = letters[noise(state) % 4];
        path[length] = '\0';
}

/* Patterns whose DFA explodes: each a seen so far may be the one. */
static void add_explosive(struct bench *bench)
{
        bench_add(bench, 0, 0, "/**a???????????????b");
        bench_add(bench, 1, 1, "/**b?????????????????[!x]/c");
        bench_add(bench, 2, 2, "/**/c/**");
        cr_assert_eq(automaton_seal(bench->automaton), 0);
}

/* "a", fifteen characters that are no slash, "b" at the end */
static bool first_expected(const char *path)
{
        size_t length = strlen(path);

        if (length < 18 || path[length - 1] != 'b' || path[length - 17] != 'a')
                return false;
        return !memchr(path + length - 16, '/', 15);
}

Test(automaton, bounded_states)
{
        struct bench bench;
        uint32_t state = 4711;
        unsigned matched = 0;
        char path[64];

        bench_init(&bench);
        add_explosive(&bench);
        for (unsigned i = 0; i < 60000; i++) {
                struct automaton_match result;

                noisy_path(&state, path, 40);
                if (i % 4 == 0)
                        strcpy(path + 22, "aabcabcabcabcabcab");
                result = match(&bench, path);
                cr_assert_eq(result.rule[0] == 0, first_expected(path), "%s", path);
                cr_assert_eq(result.rule[2] == 2, strstr(path, "/c/") != NULL, "%s", path);
                matched += result.rule[0] == 0;
        }
        cr_expect_gt(matched, 100);
        cr_expect_eq(automaton_state_count(bench.automaton), AUTOMATON_STATES_MAX);
        bench_finish(&bench);
}

/* The sets come out the same whether states are kept or not. */
Test(automaton, reach_beyond_the_bound)
{
        struct bench warm, cold;
        uint32_t state = 99;
        char path[64];

        bench_init(&warm);
        bench_init(&cold);
        add_explosive(&warm);
        add_explosive(&cold);
        for (unsigned i = 0; i < 20000; i++) {
                noisy_path(&state, path, 50);
                match(&warm, path);
        }
        for (unsigned i = 0; i < 50; i++) {
                struct automaton_nodes a, b;

                noisy_path(&state, path, 50);
                cr_assert_eq(automaton_reach(warm.automaton, path, 50, &a), 0);
                cr_assert_eq(automaton_reach(cold.automaton, path, 50, &b), 0);
                cr_assert_eq(a.count, b.count);
                cr_assert_eq(memcmp(a.nodes, b.nodes, a.count * sizeof *a.nodes), 0);
                free(a.owned);
                free(b.owned);
        }
        bench_finish(&warm);
        bench_finish(&cold);
}

Test(automaton, every_byte_is_a_class)
{
        struct bench bench;
        char path[8] = "/x/";

        bench_init(&bench);
        for (unsigned byte = 1; byte < 256; byte++) {
                uint32_t at = 0;

                cr_assert_eq(automaton_byte(bench.automaton, &at, '/'), 0);
                cr_assert_eq(automaton_byte(bench.automaton, &at, 'x'), 0);
                cr_assert_eq(automaton_byte(bench.automaton, &at, '/'), 0);
                cr_assert_eq(automaton_byte(bench.automaton, &at, (unsigned char)byte), 0);
                cr_assert_eq(automaton_accept(bench.automaton, at, 0, byte), 0);
        }
        cr_assert_eq(automaton_seal(bench.automaton), 0);
        for (unsigned byte = 1; byte < 256; byte++) {
                path[3] = (char)byte;
                path[4] = '\0';
                cr_expect_eq(match(&bench, path).rule[0], byte);
        }
        bench_finish(&bench);
}

Test(automaton, too_many_nodes)
{
        struct bench bench;
        uint32_t at = 0;
        int r = 0;

        bench_init(&bench);
        for (uint32_t i = 0; i <= AUTOMATON_NODES_MAX && r == 0; i++)
                r = automaton_byte(bench.automaton, &at, 'a');
        cr_expect_eq(r, -E2BIG);
        bench_finish(&bench);
}
