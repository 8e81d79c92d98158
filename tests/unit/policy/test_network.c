/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "tests/unit/policy/fixture.h"

static socklen_t internet(const char *host, unsigned port, struct sockaddr_storage *storage)
{
        struct sockaddr_in *in = (struct sockaddr_in *)storage;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

        memset(storage, 0, sizeof *storage);
        if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons((uint16_t)port);
                return sizeof *in;
        }
        cr_assert_eq(inet_pton(AF_INET6, host, &in6->sin6_addr), 1, "%s", host);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        return sizeof *in6;
}

static const char *address_word(const struct policy *policy, bool bind, int protocol, const char *host,
                                unsigned port)
{
        struct sockaddr_storage storage;
        socklen_t size = internet(host, port, &storage);
        struct verdict verdict;

        policy_check_address(policy, bind, protocol, &storage, size, NULL, &verdict);
        if (verdict.outcome == VERDICT_DENY)
                cr_expect_eq(verdict.error, EACCES);
        return verdict_word(&verdict);
}

#define check_bind(protocol, host, port, word)                                                               \
        cr_expect_str_eq(address_word(policy, true, protocol, host, port), word, "bind %s %d", host, port)
#define check_connect(protocol, host, port, word)                                                            \
        cr_expect_str_eq(address_word(policy, false, protocol, host, port), word, "connect %s %d", host, port)

Test(network, addresses)
{
        struct policy *policy =
                policy_of("\"network\": {\"bind\": [\"tcp:*:8080\", \"tcp:127.0.0.1:9000-9010\", "
                          "\"tcp:[::]:8443\", \"udp:[::1]:53\"], "
                          "\"connect\": [\"tcp:10.0.0.0/8:5432\", \"tcp:192.168.1.128/25:*\", "
                          "\"udp:8.8.8.8:53\", \"tcp:[2001:db8::]/33:443\", "
                          "\"tcp:[2001:dead::/32]:443\", \"tcp:[::ffff:172.16.0.0]/108:80\", "
                          "\"tcp:[::1]:7\", \"tcp:127.0.0.1:7\"], "
                          "\"deny\": [\"tcp:10.1.0.0/16:*\"]}");

        check_bind(IPPROTO_TCP, "0.0.0.0", 8080, "allow");
        check_bind(IPPROTO_TCP, "::", 8080, "allow");
        check_bind(IPPROTO_TCP, "1.2.3.4", 8080, "allow");
        check_bind(IPPROTO_UDP, "1.2.3.4", 8080, "deny");
        check_bind(IPPROTO_TCP, "1.2.3.4", 8081, "deny");
        check_bind(IPPROTO_TCP, "127.0.0.1", 9000, "allow");
        check_bind(IPPROTO_TCP, "127.0.0.1", 9010, "allow");
        check_bind(IPPROTO_TCP, "127.0.0.1", 9011, "deny");
        check_bind(IPPROTO_TCP, "::ffff:127.0.0.1", 9005, "allow");
        check_bind(IPPROTO_TCP, "0.0.0.0", 9000, "deny");
        check_bind(IPPROTO_TCP, "::", 8443, "allow");
        check_bind(IPPROTO_TCP, "0.0.0.0", 8443, "deny");
        check_bind(IPPROTO_TCP, "::1", 8443, "deny");
        check_bind(IPPROTO_UDP, "::1", 53, "allow");
        check_bind(IPPROTO_TCP, "1.2.3.4", 0, "deny");

        check_connect(IPPROTO_TCP, "10.2.3.4", 5432, "allow");
        check_connect(IPPROTO_TCP, "10.1.3.4", 5432, "deny");
        check_connect(IPPROTO_TCP, "::ffff:10.2.3.4", 5432, "allow");
        check_connect(IPPROTO_TCP, "::ffff:10.1.3.4", 5432, "deny");
        check_connect(IPPROTO_TCP, "11.2.3.4", 5432, "deny");
        check_connect(IPPROTO_TCP, "192.168.1.128", 1, "allow");
        check_connect(IPPROTO_TCP, "192.168.1.127", 1, "deny");
        check_connect(IPPROTO_TCP, "192.168.1.255", 65535, "allow");
        check_connect(IPPROTO_UDP, "8.8.8.8", 53, "allow");
        check_connect(IPPROTO_TCP, "8.8.8.8", 53, "deny");
        check_connect(IPPROTO_TCP, "2001:db8:7fff::1", 443, "allow");
        check_connect(IPPROTO_TCP, "2001:db8:8000::1", 443, "deny");
        check_connect(IPPROTO_TCP, "2001:dead:1::", 443, "allow");
        check_connect(IPPROTO_TCP, "172.17.0.1", 80, "allow");
        check_connect(IPPROTO_TCP, "172.32.0.1", 80, "deny");
        /* The unspecified address reaches loopback. */
        check_connect(IPPROTO_TCP, "0.0.0.0", 7, "allow");
        check_connect(IPPROTO_TCP, "::", 7, "allow");
        check_connect(IPPROTO_TCP, "::ffff:0.0.0.0", 7, "allow");
        check_connect(IPPROTO_TCP, "0.0.0.0", 8, "deny");
        policy_destroy(policy);
}

Test(network, unspecified_is_denied_with_loopback)
{
        struct policy *policy = policy_of("\"network\": {\"connect\": [\"tcp:*:*\"], \"deny\": "
                                          "[\"tcp:127.0.0.0/8:*\", \"tcp:[::1]:*\"]}");

        check_connect(IPPROTO_TCP, "1.2.3.4", 80, "allow");
        check_connect(IPPROTO_TCP, "127.3.4.5", 80, "deny");
        check_connect(IPPROTO_TCP, "0.0.0.0", 80, "deny");
        check_connect(IPPROTO_TCP, "::", 80, "deny");
        check_connect(IPPROTO_TCP, "::ffff:127.0.0.1", 80, "deny");
        policy_destroy(policy);
}

Test(network, networks_of_all)
{
        struct policy *policy =
                policy_of("\"network\": {\"connect\": [\"tcp:0.0.0.0/0:80\", \"tcp:[::]/0:81\"]}");

        check_connect(IPPROTO_TCP, "1.2.3.4", 80, "allow");
        check_connect(IPPROTO_TCP, "::2", 80, "deny");
        check_connect(IPPROTO_TCP, "::2", 81, "allow");
        check_connect(IPPROTO_TCP, "1.2.3.4", 81, "deny");
        policy_destroy(policy);
}

Test(network, short_and_foreign)
{
        struct policy *policy = policy_of("\"network\": {\"connect\": [\"tcp:*:*\", \"unix:*\"]}");
        struct sockaddr_storage storage;
        socklen_t size = internet("1.2.3.4", 80, &storage);
        struct verdict verdict;

        policy_check_address(policy, false, IPPROTO_TCP, &storage, size, NULL, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_ALLOW);
        for (socklen_t shorter = 0; shorter < size; shorter++) {
                policy_check_address(policy, false, IPPROTO_TCP, &storage, shorter, NULL, &verdict);
                cr_expect_eq(verdict.outcome, VERDICT_DENY);
        }
        size = internet("::2", 80, &storage);
        policy_check_address(policy, false, IPPROTO_TCP, &storage, 24, NULL, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_ALLOW);
        policy_check_address(policy, false, IPPROTO_TCP, &storage, 23, NULL, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY);
        storage.ss_family = AF_UNSPEC;
        policy_check_address(policy, false, IPPROTO_TCP, &storage, size, NULL, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY);
        storage.ss_family = AF_NETLINK;
        policy_check_address(policy, true, 0, &storage, size, NULL, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY);
        policy_check_address(policy, true, 0, &storage, sizeof storage + 1, NULL, &verdict);
        cr_expect_eq(verdict.outcome, VERDICT_DENY);
        policy_destroy(policy);
}

static const char *unix_word(const struct policy *policy, bool bind, const char *path, const char *abstract,
                             size_t length)
{
        struct sockaddr_storage storage = {.ss_family = AF_UNIX};
        struct sockaddr_un *address = (struct sockaddr_un *)&storage;
        socklen_t size = offsetof(struct sockaddr_un, sun_path);
        struct verdict verdict;

        if (path) {
                size = sizeof *address;
                address->sun_path[0] = 'x'; /* what it said before it was resolved */
        } else if (abstract) {
                memcpy(address->sun_path + 1, abstract, length);
                size += 1 + (socklen_t)length;
        }
        policy_check_address(policy, bind, 0, &storage, size, path, &verdict);
        return verdict_word(&verdict);
}

#define check_unix(bind, path, word)                                                                         \
        cr_expect_str_eq(unix_word(policy, bind, path, NULL, 0), word, "%s is not %s", path, word)
#define check_abstract(bind, name, word)                                                                     \
        cr_expect_str_eq(unix_word(policy, bind, NULL, name, sizeof name - 1), word, "@%s is not %s", name,  \
                         word)

Test(network, sockets)
{
        struct policy *policy = policy_of("\"network\": {\"bind\": [\"unix:/run/app\", \"unix:@app-*\"], "
                                          "\"connect\": [\"unix:/run/postgresql/*\", \"unix:@bus\", "
                                          "\"unix:@x/{a,b}\", \"unix:~/s\"], \"deny\": "
                                          "[\"unix:/run/postgresql/.s.admin\", \"unix:@app-root\"]}, "
                                          "\"files\": {\"write\": [\"/\"]}");

        check_unix(true, "/run/app", "allow");
        check_unix(true, "/run/app/x.sock", "allow");
        check_unix(false, "/run/app/x.sock", "deny");
        check_unix(false, "/run/postgresql/.s.1", "allow");
        check_unix(false, "/run/postgresql/.s.admin", "deny");
        check_unix(false, "/run/postgresql/a/b", "deny");
        check_unix(false, "/home/anna/s", "allow");
        check_abstract(true, "app-1", "allow");
        check_abstract(true, "app-", "allow");
        check_abstract(true, "app-a/b", "allow");
        check_abstract(true, "app-\0\1", "allow");
        check_abstract(true, "app-root", "deny");
        check_abstract(true, "app-root\0", "allow");
        check_abstract(true, "ap", "deny");
        check_abstract(false, "bus", "allow");
        check_abstract(false, "bus\0", "deny");
        check_abstract(false, "bus/x", "deny");
        check_abstract(false, "", "deny");
        check_abstract(false, "x/b", "allow");
        check_abstract(false, "x/c", "deny");
        /* A path that looks like an abstract name, and the reverse */
        check_unix(false, "@bus", "allow");
        check_abstract(false, "/run/postgresql/.s.1", "deny");
        /* Unnamed */
        cr_expect_str_eq(unix_word(policy, true, NULL, NULL, 0), "deny");
        check_path(policy, PATH_WRITE, "/run/postgresql/.s.admin", "deny");
        policy_destroy(policy);
}

Test(network, all_sockets)
{
        struct policy *policy =
                policy_of("\"network\": {\"connect\": [\"unix:*\"], \"bind\": [\"unix:@*\"]}");

        check_unix(false, "/a", "allow");
        check_unix(false, "/a/b", "allow");
        check_abstract(false, "a/b", "allow");
        check_unix(true, "/a", "deny");
        check_abstract(true, "a/b", "allow");
        check_abstract(false, "", "allow");
        check_abstract(true, "", "allow");
        cr_expect_str_eq(unix_word(policy, true, NULL, NULL, 0), "allow");
        policy_destroy(policy);
}

Test(network, families)
{
        struct policy *policy = policy_of(
                "\"network\": {\"connect\": [\"tcp:1.2.3.4:80\"], \"deny\": [\"udp:*:*\", \"unix:*\"]}");

        cr_expect(policy_grants_family(policy, AF_INET, IPPROTO_TCP));
        cr_expect(policy_grants_family(policy, AF_INET, 0));
        cr_expect(policy_grants_family(policy, AF_INET6, IPPROTO_TCP));
        cr_expect_not(policy_grants_family(policy, AF_INET, IPPROTO_UDP));
        cr_expect_not(policy_grants_family(policy, AF_UNIX, 0));
        cr_expect_not(policy_grants_family(policy, AF_NETLINK, 0));
        policy_destroy(policy);

        policy = policy_of("\"network\": {\"bind\": [\"udp:[::1]:80\", \"unix:/x\"]}");
        cr_expect_not(policy_grants_family(policy, AF_INET, 0));
        cr_expect(policy_grants_family(policy, AF_INET6, IPPROTO_UDP));
        cr_expect(policy_grants_family(policy, AF_UNIX, 0));
        policy_destroy(policy);
}
