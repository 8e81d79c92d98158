/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a policy. What is refused has to say where; what loads has to be safe to ask, and a rule that
 * names a plain path has to apply to it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/policy/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_options options = {.home = "/home/anna",
                                              .user = "anna",
                                              .uid = "1000",
                                              .cwd = "/home/anna/[w]*rk",
                                              .tmpdir = "/tmp/private"};

static void require(int condition)
{
        if (!condition)
                abort();
}

static void check_error(int r, const struct err *err)
{
        require(r < 0 && err->error > 0);
        require(!strncmp(err->message, "fuzz.json:", 10) || err->error == ENOMEM);
        require(memchr(err->message, '\0', sizeof err->message) != NULL);
}

static void check_file_rule(const struct policy *policy, const struct rule *rule)
{
        struct verdict verdict;

        require(rule->pattern != NULL);
        if (rule->wildcard)
                return;
        policy_check_path(policy, rule->pattern, strlen(rule->pattern), PATH_META, &verdict);
        require(verdict.outcome == VERDICT_HIDE || rule->list != RULE_FILES_HIDE);
        policy_check_path(policy, rule->pattern, strlen(rule->pattern), PATH_READ, &verdict);
        require(verdict.rule != NULL);
        require(verdict.outcome != VERDICT_ALLOW || rule->list <= RULE_FILES_EXEC);
}

static void ask(const struct policy *policy, const char *text, size_t length)
{
        struct sockaddr_storage address = {0};
        struct verdict verdict;
        uint64_t args[6] = {0};

        if (length > 8)
                memcpy(args, text, 8);
        for (enum path_access access = PATH_META; access <= PATH_EXEC; access++)
                policy_check_path(policy, text, length, access, &verdict);
        policy_check_move(policy, text, length, text, length, &verdict);
        require(verdict.outcome == VERDICT_ALLOW || length > 4096);
        policy_check_move(policy, text, length / 2, text, length, &verdict);
        memcpy(&address, text, length < sizeof address ? length : sizeof address);
        for (unsigned family = 0; family < 12; family++) {
                address.ss_family = (sa_family_t)family;
                policy_check_address(policy, family & 1, IPPROTO_TCP, &address,
                                     length < 200 ? (socklen_t)length : 28, NULL, &verdict);
        }
        for (int nr = -1; nr < SYSCALLS_LIMIT + 1; nr++)
                policy_check_syscall(policy, nr, args, &verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct policy *policy = NULL;
        struct err err = {0};
        char text[64];
        int r = policy_load_text(&options, "fuzz.json", (const char *)data, size, &policy, &err);

        if (r < 0) {
                check_error(r, &err);
                return 0;
        }
        for (size_t i = 0; i < policy_rule_count(policy); i++) {
                const struct rule *rule = policy_rule(policy, i);

                rule_describe(rule, text, sizeof text);
                require(rule->line > 0 && rule->column > 0);
                if (rule->list <= RULE_FILES_HIDE)
                        check_file_rule(policy, rule);
                if (i < 64)
                        ask(policy, rule->text, strlen(rule->text));
        }
        policy_destroy(policy);
        return 0;
}
