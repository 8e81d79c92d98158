/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renaming a directory moves all that is beneath it to other names, so a deny could be shaken off, or a
 * grant picked up, without touching the file in question. Here the two places are compared as a whole: the
 * automaton's nodes after "source/" are all that patterns may still say of what lies beneath it, and likewise
 * for "target/". What guards at one place must guard at the other, or a name that must not be reached would
 * be left, or one that must not be created arrived at; what grants here must grant there. That compares
 * patterns, not their languages, so some harmless moves are refused; never the reverse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/policy/compiled.h"

#define PATH_ROOM 4098 /* PATH_MAX, and the slash */

struct place {
        struct automaton_nodes nodes;
        unsigned covers; /* lists that take all that is beneath */
};

static int place_init(const struct policy *policy, const char *path, size_t length, struct place *ret_place)
{
        char beneath[PATH_ROOM];
        int r;

        if (length + 1 >= sizeof beneath)
                return -ENAMETOOLONG;
        memcpy(beneath, path, length);
        if (length != 1 || path[0] != '/')
                beneath[length++] = '/';
        r = automaton_reach(policy->paths, beneath, length, &ret_place->nodes);
        if (r < 0)
                return r;
        ret_place->covers = 0;
        for (size_t i = 0; i < ret_place->nodes.count; i++)
                ret_place->covers |= automaton_node_covers(policy->paths, ret_place->nodes.nodes[i]);
        return 0;
}

static int compare_nodes(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

static bool place_has(const struct place *place, uint32_t node)
{
        return bsearch(&node, place->nodes.nodes, place->nodes.count, sizeof node, compare_nodes) != NULL;
}

/* A hidden thing is denied as well; anything else is only itself. */
static unsigned guards_covered(unsigned covers)
{
        if (covers & LIST_BIT(RULE_FILES_HIDE))
                covers |= LIST_BIT(RULE_FILES_DENY);
        return covers & LISTS_GUARDED;
}

/* write and exec include read. */
static unsigned grants_covered(unsigned covers)
{
        if (covers & (LIST_BIT(RULE_FILES_WRITE) | LIST_BIT(RULE_FILES_EXEC)))
                covers |= LIST_BIT(RULE_FILES_READ);
        return covers;
}

/* A node of from, with some of lists that covered lacks, that is not in to; or AUTOMATON_NO_RULE. */
static uint32_t node_missing(const struct policy *policy, const struct place *from, const struct place *to,
                             unsigned lists, unsigned covered)
{
        for (size_t i = 0; i < from->nodes.count; i++) {
                uint32_t node = from->nodes.nodes[i];

                if ((automaton_node_lists(policy->paths, node) & lists & ~covered) && !place_has(to, node))
                        return node;
        }
        return AUTOMATON_NO_RULE;
}

static void refuse(struct verdict *verdict, const struct rule *rule)
{
        /* As Landlock answers such moves: "cannot be done by renaming". mv(1) and others copy then, and are
         * judged file by file. */
        verdict->outcome = VERDICT_DENY;
        verdict->error = EXDEV;
        verdict->rule = rule;
}

static void compare_places(const struct policy *policy, const struct place *source,
                           const struct place *target, struct verdict *ret_verdict)
{
        unsigned grants = LIST_BIT(RULE_FILES_READ) | LIST_BIT(RULE_FILES_WRITE) | LIST_BIT(RULE_FILES_EXEC) |
                          LIST_BIT(RULE_NETWORK_CONNECT);
        uint32_t node = node_missing(policy, source, target, LISTS_GUARDED, guards_covered(target->covers));

        if (node != AUTOMATON_NO_RULE) {
                refuse(ret_verdict, &policy->rules[automaton_node_guard(policy->paths, node)]);
                return;
        }
        node = node_missing(policy, target, source, LISTS_GUARDED, guards_covered(source->covers));
        if (node != AUTOMATON_NO_RULE) {
                refuse(ret_verdict, &policy->rules[automaton_node_guard(policy->paths, node)]);
                return;
        }
        node = node_missing(policy, target, source, grants, grants_covered(source->covers));
        /* A socket that may be bound where it is would be known by a name that may not. */
        if (node == AUTOMATON_NO_RULE)
                node = node_missing(policy, source, target, LIST_BIT(RULE_NETWORK_BIND), target->covers);
        if (node != AUTOMATON_NO_RULE) {
                refuse(ret_verdict, NULL);
                return;
        }
        ret_verdict->outcome = VERDICT_ALLOW;
        ret_verdict->error = 0;
        ret_verdict->rule = NULL;
}

void policy_check_move(const struct policy *policy, const char *source, size_t source_length,
                       const char *target, size_t target_length, struct verdict *ret_verdict)
{
        struct place from = {0}, to = {0};

        if (place_init(policy, source, source_length, &from) < 0 ||
            place_init(policy, target, target_length, &to) < 0)
                refuse(ret_verdict, NULL);
        else
                compare_places(policy, &from, &to, ret_verdict);
        free(from.nodes.owned);
        free(to.nodes.owned);
}

static bool socket_granted(const struct policy *policy, bool bind, const char *path)
{
        const struct sockaddr_storage any = {.ss_family = AF_UNIX};
        struct verdict verdict = {0};

        policy_check_address(policy, bind, 0, &any, sizeof any, path, &verdict);
        return verdict.outcome == VERDICT_ALLOW;
}

void policy_check_socket_move(const struct policy *policy, const char *source, const char *target,
                              struct verdict *ret_verdict)
{
        if ((socket_granted(policy, false, target) && !socket_granted(policy, false, source)) ||
            (socket_granted(policy, true, source) && !socket_granted(policy, true, target))) {
                refuse(ret_verdict, NULL);
                return;
        }
        ret_verdict->outcome = VERDICT_ALLOW;
        ret_verdict->error = 0;
        ret_verdict->rule = NULL;
}

static const struct rule *first_hide(const struct policy *policy)
{
        size_t i = 0;

        while (policy->rules[i].list != RULE_FILES_HIDE)
                i++;
        return &policy->rules[i];
}

void policy_check_listing(const struct policy *policy, const char *path, size_t length,
                          struct verdict *ret_verdict)
{
        struct place place = {0};
        bool hides = policy_hides_anything(policy) && place_init(policy, path, length, &place) < 0;

        for (size_t i = 0; i < place.nodes.count && policy_hides_anything(policy); i++)
                hides |=
                        automaton_node_lists(policy->paths, place.nodes.nodes[i]) & LIST_BIT(RULE_FILES_HIDE);
        free(place.nodes.owned);
        ret_verdict->outcome = hides ? VERDICT_DENY : VERDICT_ALLOW;
        ret_verdict->error = hides ? EACCES : 0;
        ret_verdict->rule = hides ? first_hide(policy) : NULL;
}
