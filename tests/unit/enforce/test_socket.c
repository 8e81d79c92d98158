/* SPDX-License-Identifier: Apache-2.0 */
/* bind and connect. */
#include "tests/unit/enforce/socket_fixture.h"

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

static int64_t perform_listen(int fd)
{
        struct request *request = sandbox_ask(&sandbox, REQUEST_LISTEN, AT_FDCWD, "");

        request->fd = fd;
        request->backlog = 1;
        return sandbox_perform(&sandbox);
}

Test(socket, listen_where_bound)
{
        cr_assert_eq(perform_listen(tcp6), -EACCES);
        expect_denied("bind tcp", "[::]:0");
        /* A port that the kernel picked, where it may. */
        cr_assert_eq(perform_in(REQUEST_BIND, tcp, "127.0.0.2", 0), 0);
        cr_assert_eq(perform_listen(tcp), 0);
        cr_assert_eq(perform_listen(udp), -EOPNOTSUPP);
        /* Who listens may say so again. */
        cr_assert_eq(perform_listen(tcp_server), 0);
}

Test(socket, listen_where_somebody_else_bound)
{
        struct sockaddr_in elsewhere = in_address("127.0.0.3", 0);

        cr_assert_eq(bind(tcp, (struct sockaddr *)&elsewhere, sizeof elsewhere), 0);
        cr_assert_eq(perform_listen(tcp), -EACCES);
}

/* It is told by getsockname, but the socket has it no longer. */
Test(socket, listen_after_a_connection)
{
        struct sockaddr_in server = in_address("127.0.0.1", tcp_port);
        struct sockaddr none = {.sa_family = AF_UNSPEC};

        cr_assert_eq(connect(tcp, (struct sockaddr *)&server, sizeof server), 0);
        cr_assert_lt(perform_listen(tcp), 0);
        cr_assert_eq(connect(tcp, &none, sizeof none), 0);
        cr_assert_gt(port_of(tcp), 0);
        cr_assert_eq(perform_listen(tcp), -EACCES);
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
        int64_t r;

        /* A busy machine may take its time even for the loopback. */
        do
                r = perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port);
        while (r == -EAGAIN);
        cr_assert_eq(r, 0);
        cr_assert_geq(accept(tcp_server, NULL, NULL), 0);
        cr_assert_eq(perform_in(REQUEST_CONNECT, tcp, "127.0.0.1", tcp_port), -EISCONN);
        do
                r = perform_in6(REQUEST_CONNECT, tcp6, "::ffff:127.0.0.1", tcp_port);
        while (r == -EAGAIN);
        cr_assert_eq(r, 0);
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
        make_signal_wait();
        limit.tv_sec = 10;
        setsockopt(local_stream, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        cr_assert_eq(perform_unix(REQUEST_CONNECT, local_stream, path), -EINTR);
}
