/* SPDX-License-Identifier: Apache-2.0 */
/* Who may say what between broker and guardian. */
#include "cli/run_control.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static void open_pair(void)
{
        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(void)
{
        close(pair[0]);
        close(pair[1]);
}

TestSuite(control, .init = open_pair, .fini = close_pair, .timeout = 10);

static int said(enum control_side sender, struct control_message message)
{
        struct control_message received = {0};
        int r;

        run_control_send(pair[0], &message);
        r = run_control_receive(pair[1], sender, &received);
        if (r == 1) {
                cr_expect_eq(received.kind, message.kind);
                cr_expect_eq(received.value, message.value);
                cr_expect_eq(received.number, message.number);
        }
        return r;
}

Test(control, each_side_says_its_own)
{
        cr_expect_eq(said(CONTROL_GUARDIAN, (struct control_message){.kind = CONTROL_ENDED, .value = 0x7f00}),
                     1);
        cr_expect_eq(
                said(CONTROL_GUARDIAN, (struct control_message){.kind = CONTROL_STOPPED, .value = SIGTSTP}),
                1);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_SIGNAL,
                                                                   .value = SIGRTMAX,
                                                                   .flags = CONTROL_IF_ELSEWHERE,
                                                                   .number = -5}),
                     1);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_CONTINUE}), 1);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_END}), 1);
}

Test(control, and_nothing_else)
{
        for (uint32_t kind = CONTROL_ENDED; kind <= CONTROL_STOPPED; kind++)
                cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = kind, .value = 1}),
                             -EPROTO);
        for (uint32_t kind = CONTROL_SIGNAL; kind <= CONTROL_END; kind++)
                cr_expect_eq(said(CONTROL_GUARDIAN, (struct control_message){.kind = kind, .value = 1}),
                             -EPROTO);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = 0}), -EPROTO);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_END + 1}), -EPROTO);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_SIGNAL}), -EPROTO);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_SIGNAL, .value = 65}),
                     -EPROTO);
        cr_expect_eq(said(CONTROL_GUARDIAN, (struct control_message){.kind = CONTROL_STOPPED, .value = -9}),
                     -EPROTO);
        cr_expect_eq(said(CONTROL_BROKER, (struct control_message){.kind = CONTROL_END, .flags = 1}),
                     -EPROTO);
        cr_expect_eq(said(CONTROL_BROKER,
                          (struct control_message){.kind = CONTROL_SIGNAL, .value = 1, .flags = 2}),
                     -EPROTO);
}

Test(control, whole_messages_only)
{
        char longer[sizeof(struct control_message) + 1] = {CONTROL_END};
        struct control_message received;

        cr_expect_eq(run_control_receive(pair[1], CONTROL_BROKER, &received), 0);
        cr_assert_eq(send(pair[0], longer, sizeof longer, 0), sizeof longer);
        cr_expect_eq(run_control_receive(pair[1], CONTROL_BROKER, &received), -EPROTO);
        cr_assert_eq(send(pair[0], longer, sizeof longer - 2, 0), sizeof longer - 2);
        cr_expect_eq(run_control_receive(pair[1], CONTROL_BROKER, &received), -EPROTO);
}

Test(control, tells_that_the_other_side_is_gone)
{
        struct control_message received;

        close(pair[0]);
        cr_expect_eq(run_control_receive(pair[1], CONTROL_BROKER, &received), -EPIPE);
        run_control_send(pair[1], &(struct control_message){.kind = CONTROL_ENDED});
        pair[0] = dup(pair[1]);
}
