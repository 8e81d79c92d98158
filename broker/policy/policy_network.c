/* SPDX-License-Identifier: Apache-2.0 */
/* network: rules of the form PROTO:HOST:PORT, unix:/path and unix:@name. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/policy/loader.h"
#include "broker/policy/pattern.h"

static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static const char form[] = "PROTO:HOST:PORT such as tcp:*:8080 or udp:[::1]:53, or unix:/path, or unix:@name";

/* Decimal, no sign, no leading zero, at most most. */
static bool parse_number(const char *text, size_t length, unsigned most, unsigned *ret_number)
{
        unsigned number = 0;

        if (!length || length > 5 || (length > 1 && text[0] == '0'))
                return false;
        for (size_t i = 0; i < length; i++) {
                if (!isdigit((unsigned char)text[i]))
                        return false;
                number = number * 10 + (unsigned)(text[i] - '0');
        }
        *ret_number = number;
        return number <= most;
}

static int parse_ports(struct loader *loader, struct value at, const char *text, struct address_rule *address)
{
        const char *dash = strchr(text, '-');
        unsigned low, high;
        char seen[64];

        if (!strcmp(text, "*")) {
                address->port_low = 0;
                address->port_high = UINT16_MAX;
                return 0;
        }
        if (!parse_number(text, dash ? (size_t)(dash - text) : strlen(text), UINT16_MAX, &low) ||
            (dash && !parse_number(dash + 1, strlen(dash + 1), UINT16_MAX, &high)))
                return value_error(loader, at, "the port \"%s\"; expected 0 to 65535, low-high or *",
                                   escape_text(text, strlen(text), seen, sizeof seen));
        if (!dash)
                high = low;
        if (high < low)
                return value_error(loader, at, "the ports %u-%u; expected the lower one first", low, high);
        address->port_low = (uint16_t)low;
        address->port_high = (uint16_t)high;
        return 0;
}

/* Clears the bits beyond prefix; says whether any was set. */
static bool clear_host_bits(unsigned char *address, unsigned bits, unsigned prefix)
{
        bool set = false;

        for (unsigned i = prefix; i < bits; i++) {
                unsigned char bit = (unsigned char)(0x80u >> (i % 8));

                set |= address[i / 8] & bit;
                address[i / 8] &= (unsigned char)~bit;
        }
        return set;
}

/* IPv4 in IPv6's clothes is IPv4. */
static void unmap(struct address_rule *address)
{
        if (address->family != ADDRESS_IPV6 || address->prefix < 96 ||
            memcmp(address->address, mapped_prefix, 12) != 0)
                return;
        memmove(address->address, address->address + 12, 4);
        address->family = ADDRESS_IPV4;
        address->prefix -= 96;
}

static int check_address(struct loader *loader, struct value at, const char *host,
                         struct address_rule *address)
{
        static const unsigned char zero[16];
        bool ipv4 = address->family == ADDRESS_IPV4;
        unsigned bits = ipv4 ? 32 : 128;
        char meant[INET6_ADDRSTRLEN], seen[80];

        escape_text(host, strlen(host), seen, sizeof seen);
        if (clear_host_bits(address->address, bits, address->prefix)) {
                inet_ntop(ipv4 ? AF_INET : AF_INET6, address->address, meant, sizeof meant);
                return value_error(
                        loader, at,
                        "the network \"%s\", whose address goes beyond its %u bits; did you mean %s/%u?",
                        seen, address->prefix, meant, address->prefix);
        }
        unmap(address);
        if (address->list == RULE_NETWORK_CONNECT &&
            address->prefix == (address->family == ADDRESS_IPV4 ? 32 : 128) &&
            !memcmp(address->address, zero, address->prefix / 8))
                return value_error(loader, at,
                                   "the address \"%s\", which reaches loopback when connected to; expected "
                                   "127.0.0.1 or [::1]",
                                   seen);
        return 0;
}

static bool looks_like_name(const char *host)
{
        bool letter = false;

        for (; *host; host++) {
                letter |= isalpha((unsigned char)*host) != 0;
                if (!isalnum((unsigned char)*host) && !strchr("-._", *host))
                        return false;
        }
        return letter;
}

static int host_error(struct loader *loader, struct value at, const char *host)
{
        char seen[80];

        escape_text(host, strlen(host), seen, sizeof seen);
        if (looks_like_name(host))
                return value_error(loader, at,
                                   "the host name \"%s\"; names are not supported yet, use an address", seen);
        if (strchr(host, ':') && host[0] != '[')
                return value_error(loader, at,
                                   "the host \"%s\"; expected an IPv6 address in brackets, as in [::1]",
                                   seen);
        return value_error(loader, at,
                           "the host \"%s\"; expected an address, [IPv6], a network such as 10.0.0.0/8, or *",
                           seen);
}

/* "[::1]", "[2001:db8::]/32", "[2001:db8::/32]": the address without brackets, and the prefix's text if any.
 */
static bool split_host(const char *host, char *address, size_t size, const char **ret_prefix, bool *ret_ipv6)
{
        const char *start = host, *slash = strrchr(host, '/'), *end;

        *ret_ipv6 = *host == '[';
        *ret_prefix = NULL;
        end = slash ? slash : host + strlen(host);
        if (*ret_ipv6) {
                start++;
                if (slash && end[-1] != ']') {
                        if (host[strlen(host) - 1] != ']')
                                return false;
                } else if (end <= start || *--end != ']') {
                        return false;
                }
        }
        if (slash)
                *ret_prefix = slash + 1;
        if (end < start || (size_t)(end - start) >= size)
                return false;
        memcpy(address, start, (size_t)(end - start));
        address[end - start] = '\0';
        return true;
}

static int parse_host(struct loader *loader, struct value at, const char *host, struct address_rule *address)
{
        char text[INET6_ADDRSTRLEN + 1];
        const char *prefix;
        unsigned bits;
        size_t length;
        bool ipv6;

        if (!strcmp(host, "*")) {
                address->family = ADDRESS_ANY;
                return 0;
        }
        if (!split_host(host, text, sizeof text, &prefix, &ipv6) ||
            inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address->address) != 1)
                return host_error(loader, at, host);
        bits = ipv6 ? 128 : 32;
        address->family = ipv6 ? ADDRESS_IPV6 : ADDRESS_IPV4;
        address->prefix = bits;
        if (prefix) {
                length = strcspn(prefix, "]");
                if (!parse_number(prefix, length, bits, &address->prefix))
                        return host_error(loader, at, host);
        }
        return check_address(loader, at, host, address);
}

static int address_add(struct loader *loader, const struct address_rule *address)
{
        struct policy *policy = loader->policy;

        if (policy->address_count == policy->address_room) {
                size_t room = policy->address_room ? policy->address_room * 2 : 32;
                struct address_rule *larger = reallocarray(policy->addresses, room, sizeof *larger);

                if (!larger)
                        return err_set(loader->err, ENOMEM, "out of memory");
                policy->addresses = larger;
                policy->address_room = room;
        }
        policy->addresses[policy->address_count++] = *address;
        return 0;
}

static int add_internet(struct loader *loader, struct value at, enum rule_list list, uint32_t rule,
                        const char *text)
{
        struct address_rule address = {.list = list, .rule = rule};
        const char *host = text + 4, *port = strrchr(host, ':');
        char copy[128], seen[128];
        int r;

        address.protocol = text[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
        escape_text(text, strlen(text), seen, sizeof seen);
        if (!port || port == host || strchr(port, ']'))
                return value_error(loader, at, "\"%s\"; expected %s", seen, form);
        if ((size_t)(port - host) >= sizeof copy)
                return value_error(loader, at, "\"%s\": the host is too long; expected an address", seen);
        memcpy(copy, host, (size_t)(port - host));
        copy[port - host] = '\0';
        r = parse_host(loader, at, copy, &address);
        if (r == 0)
                r = parse_ports(loader, at, port + 1, &address);
        return r < 0 ? r : address_add(loader, &address);
}

static int add_unix(struct loader *loader, struct value at, enum rule_list list, uint32_t index,
                    const char *where)
{
        struct policy *policy = loader->policy;
        struct pattern_target target = {.automaton = policy->paths,
                                        .resolver = &loader->resolver,
                                        .arena = &policy->arena,
                                        .list = list,
                                        .rule = index,
                                        .guard_name = LISTS_GUARDED & LIST_BIT(list)};
        struct rule *rule = &policy->rules[index];
        struct err err = {0};
        bool everything = !strcmp(where, "*");
        int r = 0;

        if (list != RULE_NETWORK_DENY)
                policy->unix_grants = true;
        if (where[0] == '@' || everything)
                r = pattern_add_abstract(&target, everything ? "*" : where + 1, &err);
        if (r == 0 && where[0] != '@')
                r = pattern_add(&target, everything ? "**" : where, &rule->pattern, &rule->wildcard, &err);
        return r < 0 ? value_error(loader, at, "%s", err.message) : 0;
}

int rule_add_network(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                     const char *text)
{
        uint32_t number = (uint32_t)loader->policy->rule_count;
        const char *expanded;
        struct rule *rule;
        char seen[128];
        int r = rule_add(loader, at, list, index, text, &rule);

        if (r == 0)
                r = variables_expand(loader, at, text, &expanded);
        if (r < 0)
                return r;
        if (!strncmp(expanded, "tcp:", 4) || !strncmp(expanded, "udp:", 4))
                return add_internet(loader, at, list, number, expanded);
        if (!strncmp(expanded, "unix:", 5))
                return add_unix(loader, at, list, number, expanded + 5);
        return value_error(loader, at, "\"%s\"; expected %s",
                           escape_text(expanded, strlen(expanded), seen, sizeof seen), form);
}

int rule_read_network(struct loader *loader, struct value value, unsigned index, int list)
{
        const char *text;
        int r = value_string(loader, value, "an address", &text);

        return r < 0 ? r : rule_add_network(loader, value, (enum rule_list)list, index, text);
}
