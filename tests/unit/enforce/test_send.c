/* SPDX-License-Identifier: Apache-2.0 */
/* The sends. */
#include "tests/unit/enforce/socket_fixture.h"

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
