/* SPDX-License-Identifier: Apache-2.0 */
/* bind, connect and the sends. The caller is a child that inherited the test's sockets, so that the test sees
 * on its own descriptors what was done to the caller's. */
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
static int udp, tcp, tcp6, udp6, local, local_stream;
/* Where they may go. */
static int tcp_server, udp_server, local_server;
static uint16_t tcp_port, udp_port;

static struct sockaddr_in in_address(const char *host, uint16_t port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

        inet_pton(AF_INET, host, &address.sin_addr);
        return address;
}

static uint16_t port_of(int fd)
{
        struct sockaddr_in address;
        socklen_t size = sizeof address;

        cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        return ntohs(address.sin_port);
}

static int serve(int type, uint16_t *ret_port)
{
        struct sockaddr_in address = in_address("127.0.0.1", 0);
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        if (type == SOCK_STREAM)
                cr_assert_eq(listen(fd, 8), 0);
        *ret_port = port_of(fd);
        return fd;
}

static socklen_t unix_address(struct sockaddr_un *address, const char *path)
{
        memset(address, 0, sizeof *address);
        address->sun_family = AF_UNIX;
        snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static int serve_unix(int type, const char *path)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        socklen_t size = unix_address(&address, path);

        cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0, "%s: %m", path);
        if (type != SOCK_DGRAM)
                cr_assert_eq(listen(fd, 0), 0);
        return fd;
}

static void prepare(const char *directory)
{
        cr_assert_eq(chdir(directory), 0);
        umask(027);
        signal(SIGUSR1, SIG_IGN);
}

static void in_root(char *out, const char *name)
{
        snprintf(out, PATH_MAX, "%s/%s", root, name);
}

static void setup_with(bool may_block)
{
        static char rules[8][PATH_MAX + 64];
        const char *list[9] = {rules[0], rules[1], rules[2], rules[3],
                               rules[4], rules[5], rules[6], rules[7]};
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
        sandbox_init(&sandbox, list, may_block);
        sandbox_fork(&sandbox, root, prepare);
}

static void setup(void)
{
        setup_with(false);
}

static void setup_blocking(void)
{
        setup_with(true);
}

static void teardown(void)
{
        sandbox_finish(&sandbox);
        fixture_remove(root);
}

TestSuite(socket, .init = setup, .fini = teardown, .timeout = 20);
TestSuite(socket_blocking, .init = setup_blocking, .fini = teardown, .timeout = 20);

static int64_t perform_address(enum request_kind kind, int fd, const void *address, socklen_t size)
{
        struct request *request = sandbox_ask(&sandbox, kind, AT_FDCWD, "");

        request->fd = fd;
        memset(&request->address, 0, sizeof request->address);
        memcpy(&request->address, address, size);
        request->address_size = size;
        return sandbox_perform(&sandbox);
}

static int64_t perform_in(enum request_kind kind, int fd, const char *host, uint16_t port)
{
        struct sockaddr_in address = in_address(host, port);

        return perform_address(kind, fd, &address, sizeof address);
}

static int64_t perform_in6(enum request_kind kind, int fd, const char *host, uint16_t port)
{
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

        inet_pton(AF_INET6, host, &address.sin6_addr);
        return perform_address(kind, fd, &address, sizeof address);
}

static int64_t perform_unix(enum request_kind kind, int fd, const char *path)
{
        struct sockaddr_un address;
        socklen_t size = unix_address(&address, path);

        return perform_address(kind, fd, &address, size);
}

static void expect_denied(const char *operation, const char *object)
{
        cr_assert(sandbox.reply.judged);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_DENY);
        cr_assert_str_eq(sandbox.reply.verdict.operation, operation);
        cr_assert_eq(sandbox.reply.verdict.object_length, strlen(object), "%.*s",
                     (int)sandbox.reply.verdict.object_length, sandbox.reply.verdict.object);
        cr_assert_arr_eq(sandbox.reply.verdict.object, object, strlen(object));
}

Test(socket, descriptors_that_are_none)
{
        cr_assert_eq(perform_in(REQUEST_BIND, 9999, "127.0.0.1", 30000), -EBADF);
        cr_assert_eq(perform_in(REQUEST_BIND, -1, "127.0.0.1", 30000), -EBADF);
        cr_assert_eq(perform_in(REQUEST_BIND, 0, "127.0.0.1", 30000), -ENOTSOCK);
}

Test(socket, bind_inet)
{
        struct sockaddr_in unspecified = {.sin_family = AF_UNSPEC, .sin_port = htons(30001)};

        cr_assert_eq(perform_in(REQUEST_BIND, tcp, "127.0.0.1", 80), -EACCES);
        expect_denied("bind tcp", "127.0.0.1:80");
        cr_assert_eq(perform_in(REQUEST_BIND, tcp, "0.0.0.0", 30001), -EACCES);
        cr_assert_eq(perform_address(REQUEST_BIND, tcp, &unspecified, sizeof unspecified), -EACCES);
        expect_denied("bind tcp", "0.0.0.0:30001");
        cr_assert_eq(perform_address(REQUEST_BIND, tcp, &unspecified, 8), -EINVAL);
        cr_assert_eq(perform_in(REQUEST_BIND, tcp, "127.0.0.1", 31234), 0);
        cr_assert_eq(port_of(tcp), 31234);
        cr_assert_eq(perform_in(REQUEST_BIND, tcp, "127.0.0.1", 31235), -EINVAL);
        cr_assert_eq(perform_address(REQUEST_BIND, udp, &unspecified, sizeof unspecified), 0);
        cr_assert_eq(port_of(udp), 30001);
}

Test(socket, connect_refused_by_the_policy)
{
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", (uint16_t)(tcp_port + 1)), -EACCES);
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "10.1.2.3", 443), -EACCES);
        expect_denied("connect tcp", "10.1.2.3:443");
        cr_assert_eq(perform_in6(REQUEST_CONNECT, tcp6, "::1", 80), -EACCES);
        expect_denied("connect tcp", "[::1]:80");
        cr_assert_eq(perform_in6(REQUEST_CONNECT, tcp6, "::", 80), -EACCES);
        expect_denied("connect tcp", "[::1]:80");
        cr_assert_eq(perform_in6(REQUEST_CONNECT, udp6, "::ffff:10.0.0.1", 80), -EACCES);
        expect_denied("connect udp", "[::ffff:10.0.0.1]:80");
}

static void fill_backlog(const char *path)
{
        struct sockaddr_un address;
        socklen_t size = unix_address(&address, path);

        for (int i = 0; i < 10; i++) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

                if (connect(fd, (struct sockaddr *)&address, size) < 0)
                        break;
        }
}

Test(socket, connect_at_once)
{
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), 0);
        cr_assert_geq(accept(tcp_server, NULL, NULL), 0);
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), -EISCONN);
        cr_assert_eq(perform_in6(REQUEST_CONNECT, tcp6, "::ffff:127.0.0.1", tcp_port), 0);
}

Test(socket, connect_without_blocking)
{
        fcntl(tcp, F_SETFL, O_NONBLOCK);
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), -EINPROGRESS);
        cr_assert_geq(accept(tcp_server, NULL, NULL), 0);
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), 0);
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), -EISCONN);
}

Test(socket, connect_that_waits_asks_for_a_thread_that_may)
{
        char path[PATH_MAX];

        in_root(path, "free/stream");
        fill_backlog(path);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local_stream, path), -EAGAIN);
        cr_assert_eq(sandbox.reply.kind, REPLY_RESULT);
        cr_assert(!sandbox.reply.judged);
}

Test(socket_blocking, connect_tcp)
{
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), 0);
        cr_assert_geq(accept(tcp_server, NULL, NULL), 0);
}

Test(socket_blocking, connect_to_any_is_the_loopback)
{
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;

        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "0.0.0.0", tcp_port), 0);
        cr_assert_eq(getpeername(tcp, (struct sockaddr *)&peer, &size), 0);
        cr_assert_eq(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

Test(socket_blocking, connect_mapped_address)
{
        cr_assert_eq(perform_in6(REQUEST_CONNECT, tcp6, "::ffff:127.0.0.1", tcp_port), 0);
        cr_assert_geq(accept(tcp_server, NULL, NULL), 0);
}

Test(socket, datagram_connections)
{
        struct sockaddr_in peer, none = {.sin_family = AF_UNSPEC};
        socklen_t size = sizeof peer;

        cr_assert_eq(perform_in(REQUEST_CONNECT, udp, "127.0.0.1", udp_port), 0);
        cr_assert_eq(getpeername(udp, (struct sockaddr *)&peer, &size), 0);
        cr_assert_eq(perform_address(REQUEST_CONNECT, udp, &none, sizeof none), 0);
        cr_assert_eq(getpeername(udp, (struct sockaddr *)&peer, &size), -1);
        cr_assert_eq(perform_address(REQUEST_CONNECT, udp, &none, 1), -EINVAL);
        none.sin_family = 77;
        cr_assert_eq(perform_address(REQUEST_CONNECT, udp, &none, sizeof none), -EAFNOSUPPORT);
}

Test(socket, unix_connect)
{
        char path[PATH_MAX];

        in_root(path, "free/server");
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, path), 0);
        cr_assert_eq(send(local, "hi", 2, 0), 2);
        cr_assert_eq(recv(local_server, path, 10, MSG_DONTWAIT), 2);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/server"), 0);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "./shut/../free//server"), 0);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "shut/server"), -EACCES);
        in_root(path, "shut/server");
        expect_denied("connect unix", path);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/absent"), -ENOENT);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/file"), -ECONNREFUSED);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/stream"), -EPROTOTYPE);
}

Test(socket, unix_links_are_judged_by_where_they_lead)
{
        char link[PATH_MAX], target[PATH_MAX];

        in_root(link, "free/link");
        in_root(target, "shut/server");
        cr_assert_eq(symlink(target, link), 0);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/link"), -EACCES);
        expect_denied("connect unix", target);
        in_root(link, "shut/link");
        in_root(target, "free/server");
        cr_assert_eq(symlink(target, link), 0);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "shut/link"), 0);
}

Test(socket, unix_hidden_is_absent)
{
        char path[PATH_MAX];

        in_root(path, "free/hidden");
        serve_unix(SOCK_DGRAM, path);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, path), -ENOENT);
}

Test(socket, unix_forms)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        cr_assert_eq(perform_address(REQUEST_CONNECT, local, &address, 2), -EINVAL);
        cr_assert_eq(perform_address(REQUEST_CONNECT, local, &address, 1), -EINVAL);
        memset(address.sun_path, 'a', sizeof address.sun_path);
        cr_assert_eq(perform_address(REQUEST_CONNECT, local, &address, sizeof address), -ENOENT);
        cr_assert_eq(perform_address(REQUEST_CONNECT, local_stream, &address, sizeof(struct sockaddr_un)),
                     -ENOENT);
        address.sun_family = AF_UNSPEC;
        cr_assert_eq(perform_address(REQUEST_CONNECT, local, &address, sizeof address), 0);
        cr_assert_eq(perform_address(REQUEST_CONNECT, local_stream, &address, sizeof address), -EINVAL);
}

Test(socket, unix_abstract)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0flicker-free-1"};
        socklen_t size = offsetof(struct sockaddr_un, sun_path) + 15;
        int server = socket(AF_UNIX, SOCK_DGRAM, 0);

        cr_assert_eq(bind(server, (struct sockaddr *)&address, size), 0);
        cr_assert_eq(perform_address(REQUEST_CONNECT, local, &address, size), 0);
        address.sun_path[1] = 'x';
        cr_assert_eq(perform_address(REQUEST_CONNECT, local, &address, size), -EACCES);
        expect_denied("connect unix", "@xlicker-free-1");
        cr_assert_eq(perform_address(REQUEST_BIND, local, &address, size), -EACCES);
        /* Without a name: one of the kernel's choice, which no rule could foresee. */
        cr_assert_eq(perform_address(REQUEST_BIND, local, &address, 2), -EACCES);
        expect_denied("bind unix", "@");
}

static void expect_name(int fd, const char *name)
{
        struct sockaddr_un address;
        socklen_t size = sizeof address;

        cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        cr_assert_str_eq(address.sun_path, name);
}

Test(socket, unix_bind_keeps_the_name_as_given)
{
        char path[PATH_MAX];
        struct stat status;

        in_root(path, "free/../free/one");
        cr_assert_eq(perform_unix(REQUEST_BIND, local, path), 0, "%ld", sandbox.reply.result);
        expect_name(local, path);
        in_root(path, "free/one");
        cr_assert_eq(stat(path, &status), 0);
        cr_assert(S_ISSOCK(status.st_mode));
        cr_assert_eq(status.st_mode & 0777, 0750);
        cr_assert_eq(perform_unix(REQUEST_BIND, local_stream, "free/two"), 0);
        expect_name(local_stream, "free/two");
}

Test(socket, unix_bind_refused)
{
        char path[PATH_MAX];

        cr_assert_eq(perform_unix(REQUEST_BIND, local, "shut/one"), -EACCES);
        in_root(path, "shut/one");
        expect_denied("bind unix", path);
        cr_assert_eq(access(path, F_OK), -1);
        cr_assert_eq(perform_unix(REQUEST_BIND, local, "free/server"), -EADDRINUSE);
        cr_assert_eq(perform_unix(REQUEST_BIND, local, "free/."), -EADDRINUSE);
        cr_assert_eq(perform_unix(REQUEST_BIND, local, "free/hidden"), -ENOENT);
        cr_assert_eq(perform_unix(REQUEST_BIND, local, "absent/x"), -ENOENT);
}

/* A caller that gave its privileges up. */
static void prepare_nobody(const char *directory)
{
        prepare(directory);
        cr_assert_eq(setgroups(0, NULL), 0);
        cr_assert_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
        cr_assert_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The test's thread is the worker, and still has the credentials of its last caller. */
static void as_root_chmod(const char *path, mode_t mode)
{
        credentials_restore(&sandbox.worker);
        cr_assert_eq(chmod(path, mode), 0);
}

Test(socket, done_with_the_callers_credentials)
{
        char path[PATH_MAX];
        struct stat status;

        if (geteuid() != 0)
                return;
        kill(sandbox.caller.tid, SIGKILL);
        waitpid(sandbox.caller.tid, NULL, 0);
        chmod(root, 0755);
        sandbox_fork(&sandbox, root, prepare_nobody);
        credentials_watch_note(&sandbox.watch);
        cr_assert_eq(perform_in(REQUEST_BIND, udp, "127.0.0.1", 1), -EACCES);
        cr_assert_eq(sandbox.reply.verdict.outcome, VERDICT_ALLOW);
        in_root(path, "free/server");
        as_root_chmod(path, 0700);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, path), -EACCES);
        as_root_chmod(path, 0777);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, path), 0);
        cr_assert_eq(perform_unix(REQUEST_BIND, local, "free/nobodys"), -EACCES);
        in_root(path, "free");
        as_root_chmod(path, 0777);
        cr_assert_eq(perform_unix(REQUEST_BIND, local, "free/nobodys"), 0);
        in_root(path, "free/nobodys");
        cr_assert_eq(stat(path, &status), 0);
        cr_assert_eq(status.st_uid, NOBODY);
}

/* Sends. */

static struct request_message *ask_send(int fd, const void *data, size_t size, int flags)
{
        struct request *request = sandbox_ask(&sandbox, REQUEST_SEND, AT_FDCWD, "");
        struct request_message *message = calloc(1, sizeof *message);

        request->nr = SYS_sendmsg;
        request->fd = fd;
        request->send_flags = flags;
        request->messages = message;
        request->message_count = 1;
        message->data = malloc(size ? size : 1);
        memcpy(message->data, data, size);
        message->data_size = size;
        return message;
}

static void set_address(struct request_message *message, const void *address, socklen_t size)
{
        message->has_address = true;
        message->address_size = size;
        memcpy(&message->address, address, size);
}

static int64_t send_in(int fd, const char *host, uint16_t port, sa_family_t family)
{
        struct sockaddr_in address = in_address(host, port);

        address.sin_family = family;
        set_address(ask_send(fd, "hello", 5, 0), &address, sizeof address);
        return sandbox_perform(&sandbox);
}

static void expect_received(int fd, const char *text)
{
        char buffer[64];
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

        cr_assert_eq(n, (ssize_t)strlen(text));
        cr_assert_arr_eq(buffer, text, (size_t)n);
}

Test(socket, send_datagrams)
{
        char object[64];

        cr_assert_eq(send_in(udp, "127.0.0.1", udp_port, AF_INET), 5);
        expect_received(udp_server, "hello");
        cr_assert_eq(send_in(udp, "0.0.0.0", udp_port, AF_INET), 5);
        expect_received(udp_server, "hello");
        cr_assert_eq(send_in(udp, "127.0.0.2", udp_port, AF_INET), -EACCES);
        /* the kernel sends to it, whatever the family says */
        cr_assert_eq(send_in(udp, "127.0.0.2", udp_port, AF_UNSPEC), -EACCES);
        snprintf(object, sizeof object, "127.0.0.2:%u", udp_port);
        expect_denied("send udp", object);
        cr_assert_eq(send_in(udp, "127.0.0.1", udp_port, AF_UNSPEC), 5);
        cr_assert_eq(send_in(udp6, "127.0.0.2", udp_port, AF_UNSPEC), -EDESTADDRREQ);
        cr_assert_eq(send_in(udp6, "127.0.0.2", udp_port, AF_INET), -EACCES);
}

Test(socket, send_without_address)
{
        cr_assert_eq(perform_in(REQUEST_CONNECT, udp, "127.0.0.1", udp_port), 0);
        ask_send(udp, "hello", 5, 0);
        cr_assert_eq(sandbox_perform(&sandbox), 5);
        expect_received(udp_server, "hello");
        cr_assert(!sandbox.reply.judged);
        ask_send(udp, "", 0, 0);
        cr_assert_eq(sandbox_perform(&sandbox), 0);
        expect_received(udp_server, "");
        ask_send(udp, "x", 1, 0);
        sandbox.request.nr = SYS_sendto;
        cr_assert_eq(sandbox_perform(&sandbox), 0);
        cr_assert_eq(sandbox.reply.kind, REPLY_CONTINUE);
}

Test(socket, send_limits)
{
        char *data = calloc(1, REQUEST_DATA_MAX);

        ask_send(udp, data, REQUEST_DATA_MAX, 0);
        cr_assert_eq(sandbox_perform(&sandbox), -EMSGSIZE);
        ask_send(udp, data, 70000, 0);
        cr_assert_eq(sandbox_perform(&sandbox), -EMSGSIZE);
        ask_send(udp, data, 10, 0);
        cr_assert_eq(sandbox_perform(&sandbox), -EDESTADDRREQ);
        ask_send(udp, data, 10, 0x4000000);
        cr_assert_eq(sandbox_perform(&sandbox), -ENOBUFS);
        free(data);
}

Test(socket, send_unix)
{
        struct sockaddr_un address;
        socklen_t size = unix_address(&address, "free/server");

        set_address(ask_send(local, "hello", 5, 0), &address, size);
        cr_assert_eq(sandbox_perform(&sandbox), 5);
        expect_received(local_server, "hello");
        size = unix_address(&address, "shut/server");
        set_address(ask_send(local, "hello", 5, 0), &address, size);
        cr_assert_eq(sandbox_perform(&sandbox), -EACCES);
}

static void set_control(struct request_message *message, int type, const void *data, size_t size)
{
        struct cmsghdr header = {CMSG_LEN(size), SOL_SOCKET, type};

        message->control_size = CMSG_SPACE(size);
        message->control = calloc(1, message->control_size);
        memcpy(message->control, &header, sizeof header);
        memcpy(message->control + sizeof header, data, size);
}

/* A descriptor that the test has under another number. */
static void prepare_rights(const char *directory)
{
        prepare(directory);
        dup2(open("free/file", O_RDONLY), 555);
}

Test(socket, send_descriptors)
{
        char control[CMSG_SPACE(sizeof(int))], byte, expected[PATH_MAX], found[PATH_MAX] = "", link[64];
        struct iovec piece = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        unsigned before = count_descriptors();
        int numbers[2] = {555, 9999}, got;

        kill(sandbox.caller.tid, SIGKILL);
        waitpid(sandbox.caller.tid, NULL, 0);
        sandbox_fork(&sandbox, root, prepare_rights);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/server"), 0);
        set_control(ask_send(local, "x", 1, 0), SCM_RIGHTS, numbers, sizeof(int));
        cr_assert_eq(sandbox_perform(&sandbox), 1);
        cr_assert_eq(count_descriptors(), before + 1 /* the cached pidfd */);
        cr_assert_eq(recvmsg(local_server, &message, MSG_DONTWAIT), 1);
        memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof got);
        snprintf(link, sizeof link, "/proc/self/fd/%d", got);
        in_root(expected, "free/file");
        cr_assert_gt(readlink(link, found, sizeof found - 1), 0);
        cr_assert_str_eq(found, expected);
        close(got);
        set_control(ask_send(local, "x", 1, 0), SCM_RIGHTS, numbers, sizeof numbers);
        cr_assert_eq(sandbox_perform(&sandbox), -EBADF);
        cr_assert_eq(count_descriptors(), before + 1);
}

Test(socket, send_malformed_control)
{
        struct request_message *message = ask_send(local, "x", 1, 0);
        int numbers[254] = {0};

        set_control(message, SCM_RIGHTS, numbers, sizeof numbers);
        cr_assert_eq(sandbox_perform(&sandbox), -EINVAL);
        for (size_t length = 0; length < 64; length += 3) {
                struct cmsghdr header = {length, SOL_SOCKET, SCM_RIGHTS};

                message = ask_send(local, "x", 1, 0);
                set_control(message, SCM_RIGHTS, numbers, 8);
                memcpy(message->control, &header, sizeof header);
                cr_assert_lt(sandbox_perform(&sandbox), 0);
        }
}

Test(socket, send_credentials)
{
        struct ucred own = {sandbox.caller.tid, geteuid(), getegid()}, others = {1, geteuid(), getegid()};
        int64_t r;

        cr_assert_eq(perform_unix(REQUEST_CONNECT, local, "free/server"), 0);
        set_control(ask_send(local, "x", 1, 0), SCM_CREDENTIALS, &others, sizeof others);
        cr_assert_eq(sandbox_perform(&sandbox), -EPERM);
        set_control(ask_send(local, "x", 1, 0), SCM_CREDENTIALS, &own, sizeof own);
        r = sandbox_perform(&sandbox);
        cr_assert_eq(r, geteuid() == 0 ? 1 : -EPERM, "%ld", r);
}

Test(socket, send_several)
{
        struct sockaddr_in good = in_address("127.0.0.1", udp_port), bad = in_address("127.0.0.9", 9);
        struct request *request = sandbox_ask(&sandbox, REQUEST_SEND, AT_FDCWD, "");

        request->nr = SYS_sendmmsg;
        request->fd = udp;
        request->is_sendmmsg = true;
        request->messages = calloc(3, sizeof *request->messages);
        request->message_count = 3;
        for (unsigned i = 0; i < 3; i++) {
                request->messages[i].data = malloc(i + 1);
                memset(request->messages[i].data, 'a', i + 1);
                request->messages[i].data_size = i + 1;
                request->lengths_address[i] = 0x1000 + i;
                set_address(&request->messages[i], &good, sizeof good);
        }
        cr_assert_eq(sandbox_perform(&sandbox), 3);
        cr_assert_eq(sandbox.reply.output_count, 3);
        cr_assert_eq(sandbox.reply.outputs[2].address, 0x1002);
        cr_assert_eq(*(uint32_t *)sandbox.reply.outputs[2].data, 3);
        set_address(&request->messages[1], &bad, sizeof bad);
        cr_assert_eq(sandbox_perform(&sandbox), 1);
        cr_assert_eq(sandbox.reply.output_count, 1);
        cr_assert(!sandbox.reply.judged);
        set_address(&request->messages[0], &bad, sizeof bad);
        cr_assert_eq(sandbox_perform(&sandbox), -EACCES);
}

static void prepare_pipe_signal(const char *directory)
{
        sigset_t set;

        prepare(directory);
        signal(SIGPIPE, SIG_DFL);
        sigemptyset(&set);
        sigprocmask(SIG_SETMASK, &set, NULL);
}

Test(socket, broken_pipes_are_the_callers)
{
        int pair[2], status;

        kill(sandbox.caller.tid, SIGKILL);
        waitpid(sandbox.caller.tid, NULL, 0);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        sandbox_fork(&sandbox, root, prepare_pipe_signal);
        shutdown(pair[1], SHUT_RDWR);
        ask_send(pair[0], "x", 1, MSG_NOSIGNAL);
        cr_assert_eq(sandbox_perform(&sandbox), -EPIPE);
        cr_assert_eq(kill(sandbox.caller.tid, 0), 0);
        ask_send(pair[0], "x", 1, 0);
        cr_assert_eq(sandbox_perform(&sandbox), -EPIPE);
        cr_assert_eq(waitpid(sandbox.caller.tid, &status, 0), sandbox.caller.tid);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
        sandbox.caller.tid = -1;
}

/* Waiting. */

static void fill(int fd)
{
        static char data[4096];

        while (send(fd, data, sizeof data, MSG_DONTWAIT) > 0)
                ;
}

Test(socket, full_sockets_ask_for_a_thread_that_may_wait)
{
        int pair[2];

        kill(sandbox.caller.tid, SIGKILL);
        waitpid(sandbox.caller.tid, NULL, 0);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        sandbox_fork(&sandbox, root, prepare);
        fill(pair[0]);
        ask_send(pair[0], "x", 1, 0);
        cr_assert_eq(sandbox_perform(&sandbox), -EAGAIN);
        cr_assert_eq(sandbox.reply.kind, REPLY_RESULT);
        ask_send(pair[0], "x", 1, MSG_DONTWAIT);
        cr_assert_eq(sandbox_perform(&sandbox), -EAGAIN);
}

/* A caller with a signal that it does not come to handle. */
static void make_signal_wait(void)
{
        kill(sandbox.caller.tid, SIGSTOP);
        waitpid(sandbox.caller.tid, NULL, WUNTRACED);
        kill(sandbox.caller.tid, SIGTERM);
}

static int64_t elapsed_ms(const struct timespec *start)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

Test(socket_blocking, connect_gives_up_for_a_signal)
{
        char path[PATH_MAX];

        in_root(path, "free/stream");
        fill_backlog(path);
        make_signal_wait();
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local_stream, path), -CALLER_ERESTARTSYS);
}

Test(socket_blocking, connect_gives_up_in_time)
{
        struct timeval limit = {.tv_usec = 100000};
        struct timespec start;
        char path[PATH_MAX];

        in_root(path, "free/stream");
        fill_backlog(path);
        setsockopt(local_stream, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        clock_gettime(CLOCK_MONOTONIC, &start);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local_stream, path), -EAGAIN);
        cr_assert_geq(elapsed_ms(&start), 80);
        cr_assert_lt(elapsed_ms(&start), 1000);
        make_signal_wait();
        limit.tv_sec = 10;
        setsockopt(local_stream, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local_stream, path), -EINTR);
}

static int stream_pair[2];

Test(socket_blocking, streams_are_sent_whole)
{
        size_t size = REQUEST_DATA_MAX, got = 0;
        char *data = calloc(1, size), buffer[8192];
        pid_t reader;
        int status;

        kill(sandbox.caller.tid, SIGKILL);
        waitpid(sandbox.caller.tid, NULL, 0);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, stream_pair), 0);
        sandbox_fork(&sandbox, root, prepare);
        reader = fork();
        if (reader == 0) {
                while (got < size) {
                        ssize_t n = read(stream_pair[1], buffer, sizeof buffer);

                        if (n <= 0)
                                _exit(1);
                        got += (size_t)n;
                        usleep(3000);
                }
                _exit(0);
        }
        ask_send(stream_pair[0], data, size, 0);
        cr_assert_eq(sandbox_perform(&sandbox), (int64_t)size);
        cr_assert_eq(waitpid(reader, &status, 0), reader);
        cr_assert_eq(status, 0);
        fill(stream_pair[0]);
        make_signal_wait();
        ask_send(stream_pair[0], data, size, 0);
        cr_assert_eq(sandbox_perform(&sandbox), -CALLER_ERESTARTSYS);
        free(data);
}
