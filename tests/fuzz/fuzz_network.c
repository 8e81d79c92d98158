/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network rules, and any address asked of them. Input: a rule's text, a newline, then a socket address as the
 * kernel takes it. A rule that also stands under deny allows nothing, and an address that is allowed names
 * its rule.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "broker/base/escape.h"
#include "broker/policy/loader.h"

#define RULE_MAX 128u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct question {
        struct sockaddr_storage address;
        socklen_t size;
        char unix_path[sizeof((struct sockaddr_un *)0)->sun_path + 1];
};

static void require(int condition)
{
        if (!condition)
                abort();
}

static struct policy *load(const char *rule, bool denied)
{
        static const struct policy_options options = {
                .home = "/h", .user = "u", .uid = "1", .cwd = "/w", .tmpdir = "/t"};
        char escaped[RULE_MAX * 6 + 1], deny[sizeof escaped + 32] = "", text[3 * sizeof escaped + 128];
        struct policy *policy = NULL;
        struct err err = {0};
        int r;

        escape_json(rule, strlen(rule), escaped, sizeof escaped);
        if (denied)
                snprintf(deny, sizeof deny, ", \"deny\": [\"%s\"]", escaped);
        snprintf(text, sizeof text,
                 "{\"flicker\": 1, \"network\": {\"connect\": [\"%s\"], \"bind\": [\"%s\"]%s}}", escaped,
                 escaped, deny);
        r = policy_load_text(&options, "fuzz.json", text, strlen(text), &policy, &err);
        require(r == 0 || (err.error > 0 && err.message[0]));
        return r < 0 ? NULL : policy;
}

static void read_question(const uint8_t *data, size_t size, struct question *ret_question)
{
        const struct sockaddr_un *name = (const struct sockaddr_un *)&ret_question->address;

        memset(ret_question, 0, sizeof *ret_question);
        if (size > sizeof ret_question->address)
                size = sizeof ret_question->address;
        memcpy(&ret_question->address, data, size);
        ret_question->size = (socklen_t)size;
        memcpy(ret_question->unix_path, name->sun_path, sizeof name->sun_path);
}

static enum verdict_outcome ask(const struct policy *policy, const struct question *question, bool bind,
                                int protocol)
{
        const char *path =
                question->address.ss_family == AF_UNIX && question->unix_path[0] ? question->unix_path : NULL;
        struct verdict verdict;

        policy_check_address(policy, bind, protocol, &question->address, question->size, path, &verdict);
        if (verdict.outcome == VERDICT_ALLOW)
                require(verdict.rule || question->size < sizeof(sa_family_t) ||
                        (question->address.ss_family == AF_UNIX && !path));
        return verdict.outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
        static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP};
        char rule[RULE_MAX] = {0};
        struct policy *granting, *denying;
        struct question question;

        if (!newline || (size_t)(newline - data) >= sizeof rule)
                return 0;
        memcpy(rule, data, (size_t)(newline - data));
        read_question(newline + 1, size - (size_t)(newline + 1 - data), &question);
        granting = load(rule, false);
        denying = load(rule, true);
        require(!granting == !denying);
        for (unsigned i = 0; granting && i < 6; i++) {
                int protocol = protocols[i / 2];
                enum verdict_outcome free = ask(granting, &question, i & 1, protocol);
                enum verdict_outcome bound = ask(denying, &question, i & 1, protocol);

                require(free == VERDICT_ALLOW || bound != VERDICT_ALLOW);
        }
        policy_destroy(granting);
        policy_destroy(denying);
        return 0;
}
