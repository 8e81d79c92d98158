/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of sockets share. The caller is a child that inherited the test's sockets, so that the test
 * sees on its own descriptors what was done to the caller's. */
#ifndef FLICKER_TESTS_SOCKET_FIXTURE_H
#define FLICKER_TESTS_SOCKET_FIXTURE_H

#include "tests/unit/enforce/fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

static struct sandbox sandbox;
static char root[64];

/* Sockets that every test has. */
static int udp, tcp, tcp6, udp6, local, local_stream __attribute__((unused));
/* Where they may go. */
static int tcp_server, udp_server, local_server;
static uint16_t tcp_port, udp_port;

static inline struct sockaddr_in in_address(const char *host, uint16_t port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

        inet_pton(AF_INET, host, &address.sin_addr);
        return address;
}

static inline uint16_t port_of(int fd)
{
        struct sockaddr_in address;
        socklen_t size = sizeof address;

        cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        return ntohs(address.sin_port);
}

static inline int serve(int type, uint16_t *ret_port)
{
        struct sockaddr_in address = in_address("127.0.0.1", 0);
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        if (type == SOCK_STREAM)
                cr_assert_eq(listen(fd, 8), 0);
        *ret_port = port_of(fd);
        return fd;
}

static inline socklen_t unix_address(struct sockaddr_un *address, const char *path)
{
        memset(address, 0, sizeof *address);
        address->sun_family = AF_UNIX;
        cr_assert_lt(strlen(path), sizeof address->sun_path);
        memcpy(address->sun_path, path, strlen(path) + 1);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static inline int serve_unix(int type, const char *path)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        socklen_t size = unix_address(&address, path);

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0, "%s: %m", path);
        if (type != SOCK_DGRAM)
                cr_assert_eq(listen(fd, 0), 0);
        return fd;
}

static inline void prepare(const char *directory)
{
        cr_assert_eq(chdir(directory), 0);
        umask(027);
        signal(SIGUSR1, SIG_IGN);
}

static inline void in_root(char *out, const char *name)
{
        snprintf(out, PATH_MAX, "%s/%s", root, name);
}

static inline void setup_with(bool may_block)
{
        static char rules[9][PATH_MAX + 64];
        const char *list[10] = {rules[0], rules[1], rules[2], rules[3], rules[4],
                                rules[5], rules[6], rules[7], rules[8]};
        char path[PATH_MAX];

        strcpy(root, "/tmp/flicker-socket-XXXXXX");
        cr_assert(mkdtemp(root));
        in_root(path, "free");
        mkdir(path, 0755);
        in_root(path, "shut");
        mkdir(path, 0755);
        udp = socket(AF_INET, SOCK_DGRAM, 0);
        udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
        tcp = socket(AF_INET, SOCK_STREAM, 0);
        tcp6 = socket(AF_INET6, SOCK_STREAM, 0);
        local = socket(AF_UNIX, SOCK_DGRAM, 0);
        local_stream = socket(AF_UNIX, SOCK_STREAM, 0);
        tcp_server = serve(SOCK_STREAM, &tcp_port);
        udp_server = serve(SOCK_DGRAM, &udp_port);
        in_root(path, "free/server");
        local_server = serve_unix(SOCK_DGRAM, path);
        in_root(path, "shut/server");
        serve_unix(SOCK_DGRAM, path);
        in_root(path, "free/stream");
        serve_unix(SOCK_STREAM, path);
        in_root(path, "free/file");
        fixture_write(path, "x");

        snprintf(rules[0], sizeof rules[0], "btcp:127.0.0.1:30000-39999");
        snprintf(rules[1], sizeof rules[1], "ctcp:127.0.0.1:%u", tcp_port);
        snprintf(rules[2], sizeof rules[2], "cudp:127.0.0.1:%u", udp_port);
        snprintf(rules[3], sizeof rules[3], "budp:*:*");
        snprintf(rules[4], sizeof rules[4], "cunix:%s/free/*", root);
        snprintf(rules[5], sizeof rules[5], "bunix:%s/free/*", root);
        snprintf(rules[6], sizeof rules[6], "cunix:@flicker-free-*");
        snprintf(rules[7], sizeof rules[7], "h%s/free/hidden", root);
        snprintf(rules[8], sizeof rules[8], "btcp:127.0.0.2:0");
        sandbox_init(&sandbox, list, may_block);
        sandbox_fork(&sandbox, root, prepare);
}

static inline void setup(void)
{
        setup_with(false);
}

static inline void setup_blocking(void)
{
        setup_with(true);
}

static inline void teardown(void)
{
        sandbox_finish(&sandbox);
        fixture_remove(root);
}

TestSuite(socket, .init = setup, .fini = teardown, .timeout = 20);
TestSuite(socket_blocking, .init = setup_blocking, .fini = teardown, .timeout = 20);

static inline int64_t perform_address(enum request_kind kind, int fd, const void *address, socklen_t size)
{
        struct request *request = sandbox_ask(&sandbox, kind, AT_FDCWD, "");

        request->fd = fd;
        memset(&request->address, 0, sizeof request->address);
        memcpy(&request->address, address, size);
        request->address_size = size;
        return sandbox_perform(&sandbox);
}

static inline int64_t perform_in(enum request_kind kind, int fd, const char *host, uint16_t port)
{
        struct sockaddr_in address = in_address(host, port);

        return perform_address(kind, fd, &address, sizeof address);
}

static inline int64_t perform_in6(enum request_kind kind, int fd, const char *host, uint16_t port)
{
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

        inet_pton(AF_INET6, host, &address.sin6_addr);
        return perform_address(kind, fd, &address, sizeof address);
}

static inline int64_t perform_unix(enum request_kind kind, int fd, const char *path)
{
        struct sockaddr_un address;
        socklen_t size = unix_address(&address, path);

        return perform_address(kind, fd, &address, size);
}

static inline void expect_denied(const char *operation, const char *object)
{
        cr_assert(sandbox.reply.judged);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_DENY);
        cr_assert_str_eq(sandbox.reply.verdict.operation, operation);
        cr_assert_eq(sandbox.reply.verdict.object_length, strlen(object), "%.*s",
                     (int)sandbox.reply.verdict.object_length, sandbox.reply.verdict.object);
        cr_assert_arr_eq(sandbox.reply.verdict.object, object, strlen(object));
}

/* A caller with a signal that it does not come to handle. */
static inline void make_signal_wait(void)
{
        sandbox_stop(&sandbox);
        kill(sandbox.caller.tid, SIGTERM);
}

#endif
