/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads match against one policy whose automaton soon runs out of states, so that making states,
 * using them and doing without them all happen at once. A program of its own: under the thread sanitizer,
 * above all.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "broker/policy/loader.h"

#define THREADS     4
#define ROUNDS      10000
#define PATH_LENGTH 40

static const char text[] =
        "{\"flicker\": 1, \"files\": {\"read\": [\"/**a???????????????b\", \"/**b??????????????*\"], "
        "\"deny\": [\"**/c/**\"]}}";

struct work {
        const struct policy *policy;
        unsigned seed, wrong;
};

/* Deterministic noise (xorshift). */
static unsigned noise(unsigned *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 17;
        return *state ^= *state << 5;
}

static void *match(void *argument)
{
        struct work *work = argument;
        char path[PATH_LENGTH + 1] = "/";
        struct verdict verdict;

        for (unsigned round = 0; round < ROUNDS; round++) {
                for (unsigned i = 1; i < PATH_LENGTH; i++)
                        path[i] = "ab/c"[noise(&work->seed) % 4];
                policy_check_path(work->policy, path, PATH_LENGTH, PATH_READ, &verdict);
                if (strstr(path, "/c/") && (verdict.outcome != VERDICT_DENY || !verdict.rule))
                        work->wrong++;
                if (round % 64 == 0)
                        policy_check_move(work->policy, path, PATH_LENGTH, path, PATH_LENGTH, &verdict);
                if (round % 64 == 0 && verdict.outcome != VERDICT_ALLOW)
                        work->wrong++;
        }
        return NULL;
}

int main(void)
{
        const struct policy_options options = {.cwd = "/"};
        struct work works[THREADS];
        pthread_t threads[THREADS];
        struct policy *policy;
        struct err err = {0};
        unsigned wrong = 0;

        if (policy_load_text(&options, "test.json", text, strlen(text), &policy, &err) < 0) {
                fprintf(stderr, "%s\n", err.message);
                return 1;
        }
        /* Two of each seed, so that they meet at the same states. */
        for (unsigned i = 0; i < THREADS; i++) {
                works[i] = (struct work){.policy = policy, .seed = 1 + i / 2};
                if (pthread_create(&threads[i], NULL, match, &works[i]))
                        return 1;
        }
        for (unsigned i = 0; i < THREADS; i++) {
                pthread_join(threads[i], NULL);
                wrong += works[i].wrong;
        }
        printf("%zu states, %u wrong\n", automaton_state_count(policy->paths), wrong);
        policy_destroy(policy);
        return wrong != 0;
}
