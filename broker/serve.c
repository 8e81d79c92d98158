/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/enforce/credentials.h"
#include "broker/enforce/filter.h"
#include "broker/intake/target_memory.h"
#include "broker/proc.h"
#include "broker/session_internal.h"
#include "broker/signal_check.h"

int server_init(struct server *server, struct session *session, bool may_block)
{
        int r;

        memset(server, 0, sizeof *server);
        server->session = session;
        server->request = calloc(1, sizeof *server->request);
        if (!server->request)
                return -ENOMEM;
        request_init(server->request);
        reply_init(&server->reply);
        r = worker_init(&server->worker, &session->operations, may_block);
        if (r < 0)
                free(server->request);
        return r;
}

int server_init_thread(struct server *server, struct session *session, bool may_block)
{
        sched_setaffinity(0, sizeof session->cpus, &session->cpus);
        return server_init(server, session, may_block);
}

void server_finish(struct server *server)
{
        worker_finish(&server->worker);
        reply_finish(&server->reply);
        request_finish(server->request);
        free(server->request);
}

void serve_kill(const struct caller *caller)
{
        pid_t pid = proc_tgid(caller->tid);
        int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

        /* Alive after the pidfd was taken: it names the caller's process and no other. */
        if (pidfd >= 0 && caller->alive(caller))
                syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        if (pidfd >= 0)
                close(pidfd);
}

static void reply_continue(struct reply *reply, const char *why)
{
        reply->kind = REPLY_CONTINUE;
        reply->why = why;
}

static void reply_refusal(struct reply *reply)
{
        const struct verdict *verdict = &reply->verdict;

        reply->judged = true;
        if (verdict->outcome == VERDICT_KILL)
                reply->kind = REPLY_KILL;
        else
                reply_result(reply, -verdict->error);
}

/* The verdict's name for a syscall judged by its number and registers. */
static void name_syscall(struct verdict *verdict, int nr)
{
        if (!verdict->operation) {
                verdict->operation = "syscall";
                verdict->object_length = strlen(syscall_name(nr));
                memcpy(verdict->object, syscall_name(nr), verdict->object_length);
        }
}

bool serve_refused(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct session *session = server->session;
        struct reply *reply = &server->reply;

        policy_check_syscall(session->options.policy, call->nr, call->args, &reply->verdict);
        if (reply->verdict.outcome == VERDICT_ALLOW)
                return false;
        name_syscall(&reply->verdict, call->nr);
        if (!session->options.warn) {
                reply_refusal(reply);
                return true;
        }
        reporter_judged(session->reporter, caller->tid, &reply->verdict, "notify");
        reply_init(reply);
        return false;
}

static void serve_baseline_refusal(struct reply *reply, int nr, int error)
{
        reply->verdict.outcome = VERDICT_DENY;
        reply->verdict.error = error;
        reply->verdict.baseline = true;
        name_syscall(&reply->verdict, nr);
        reply_refusal(reply);
}

/* Is this a send whose address, if any, is a register or cannot exist? Then the kernel may go on. So it may
 * refuse to listen where nothing grants it. */
static bool by_registers(const struct tiers *tiers, const struct raw_call *call)
{
        if (call->nr == SYS_listen)
                return !tiers->listening;
        if (call->nr == SYS_sendto)
                return call->args[4] == 0;
        if (call->nr == SYS_sendmsg || call->nr == SYS_sendmmsg) {
                unsigned flags = (unsigned)call->args[call->nr == SYS_sendmsg ? 2 : 3];

                return tiers->sends_in_kernel && !(flags & MSG_FASTOPEN);
        }
        return false;
}

/* Which argument of call names a process, which has to be one of the sandbox's? -1: none. The registers have
 * passed scalar_check. */
static int process_argument(const struct raw_call *call)
{
        switch (call->nr) {
        case SYS_fcntl:
                return (int)call->args[1] == F_SETOWN ? 2 : -1;
        case SYS_prlimit64:
        case SYS_move_pages:
        case SYS_migrate_pages:
        case SYS_sched_setparam:
        case SYS_sched_setscheduler:
        case SYS_sched_setaffinity:
        case SYS_sched_setattr:
                return 0;
        case SYS_setpriority:
        case SYS_ioprio_set:
        case SYS_perf_event_open:
                return 1;
        default:
                return -1;
        }
}

/* The process that call names, where it names one: 0 where that is the caller, or no process by any rule. */
static pid_t named_process(const struct raw_call *call)
{
        int index = process_argument(call);
        pid_t pid = index < 0 ? 0 : (pid_t)call->args[index];

        return pid > 0 ? pid : 0;
}

/* 0, or the error where call names a process that is none of the sandbox's. One that is not there is not left
 * to the kernel, for it may be by then. */
static int check_named_process(const struct session *session, const struct raw_call *call)
{
        const struct program_lookup *programs = &session->operations.programs;
        pid_t pid = named_process(call);

        if (!pid || programs->is_member(programs->context, proc_tgid(pid)))
                return 0;
        return kill(pid, 0) < 0 && errno == ESRCH ? -ESRCH : -EPERM;
}

/* Securebits decide what an exec leaves of root's capabilities (capabilities(7)). */
static bool changes_credentials(const struct raw_call *call)
{
        return call->nr == SYS_prctl && (int)call->args[0] == PR_SET_SECUREBITS;
}

/* Registers alone decide: the filter's own rules, looked at again for the explanation, or to go on where it
 * notified of everything. */
static void serve_registers(struct server *server, const struct raw_call *call)
{
        struct reply *reply = &server->reply;
        int r = 0;

        scalar_check(server->session->options.policy, server->session->options.tiers, call->nr, call->args,
                     &reply->verdict);
        if (reply->verdict.outcome == VERDICT_ALLOW)
                r = check_named_process(server->session, call);
        if (r == -EPERM)
                serve_baseline_refusal(reply, call->nr, EPERM);
        else if (r < 0)
                reply_result(reply, r);
        if (r < 0)
                return;
        if (reply->verdict.outcome == VERDICT_ALLOW ||
            (server->session->options.warn && !reply->verdict.baseline)) {
                if (changes_credentials(call))
                        credentials_watch_note(server->session->operations.watch);
                reply->judged = reply->verdict.outcome != VERDICT_ALLOW;
                reply_continue(reply, "register values decide");
                return;
        }
        name_syscall(&reply->verdict, call->nr);
        reply_refusal(reply);
}

static int serve_brokered(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct reply *reply = &server->reply;
        int r;

        request_finish(server->request);
        request_init(server->request);
        r = decode(caller, call, server->request);
        if (r == -ENOTSUP) {
                serve_baseline_refusal(reply, call->nr, EPERM);
                return 0;
        }
        if (r < 0) {
                reply_result(reply, r);
                return 0;
        }
        return operations_perform(&server->worker, caller, server->request, reply);
}

/* Landlock confines it; where it cannot, the receiver of a signal is looked at. */
static void serve_guarded(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        const struct session *session = server->session;
        int r = session->options.tiers->signals_scoped
                        ? 0
                        : signal_check(&session->operations.programs, caller->tid, call->nr, call->args);

        if (r == 0)
                reply_continue(&server->reply, "registers decide, or Landlock");
        else if (r == -EPERM)
                serve_baseline_refusal(&server->reply, call->nr, EPERM);
        else
                reply_result(&server->reply, r);
}

/* What the baseline refuses and the policy grants. */
static bool is_granted(const struct policy *policy, const struct raw_call *call)
{
        if (syscall_entry(call->nr)->grant == GRANT_NEVER)
                return false;
        switch (policy_allow_extent(policy, call->nr)) {
        case ALLOW_WHOLE:
                return true;
        case ALLOW_SOME:
                return policy_find_allow(policy, call->nr, call->args, 0);
        case ALLOW_NOT:
                break;
        }
        return false;
}

int serve_call(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        const struct tiers *tiers = server->session->options.tiers;
        struct reply *reply = &server->reply;

        reply_finish(reply);
        reply_init(reply);
        if (serve_refused(server, caller, call))
                return 0;

        switch (syscall_entry(call->nr)->treatment) {
        case TREAT_ALLOW:
                reply_continue(reply, "allowed whatever its arguments");
                return 0;
        case TREAT_GUARDED:
                serve_guarded(server, caller, call);
                return 0;
        case TREAT_SCALAR:
                if (decode_knows(call->nr) && !by_registers(tiers, call))
                        return serve_brokered(server, caller, call);
                serve_registers(server, call);
                return 0;
        case TREAT_OPEN:
        case TREAT_META:
        case TREAT_BROKER:
                return serve_brokered(server, caller, call);
        case TREAT_CREDENTIALS:
                credentials_watch_note(server->session->operations.watch);
                reply_continue(reply, "register values decide; served with the new credentials from now on");
                return 0;
        case TREAT_REFUSE:
                if (is_granted(server->session->options.policy, call)) {
                        serve_registers(server, call);
                        return 0;
                }
                serve_baseline_refusal(reply, call->nr, EPERM);
                return 0;
        case TREAT_NOSYS:
        case TREAT_UNKNOWN:
                reply_result(reply, -ENOSYS);
                return 0;
        }
        reply_result(reply, -ENOSYS);
        return 0;
}

static void write_outputs(struct reply *reply, const struct caller *caller)
{
        for (unsigned i = 0; i < reply->output_count; i++) {
                const struct reply_output *output = &reply->outputs[i];

                if (!caller->alive(caller))
                        return;
                if (target_write(caller->tid, output->address, output->data, output->size) < 0) {
                        reply_result(reply, -EFAULT);
                        return;
                }
        }
}

bool serve_finish(struct server *server, const struct caller *caller, const char *way)
{
        const struct session_options *options = &server->session->options;
        struct reply *reply = &server->reply;
        bool refused = reply->judged && reply->verdict.outcome != VERDICT_ALLOW;

        if (reply->judged)
                reporter_judged(server->session->reporter, caller->tid, &reply->verdict, way);
        if (reply->kind == REPLY_KILL ||
            (refused && !options->warn && policy_on_deny(options->policy) == ON_DENY_KILL)) {
                serve_kill(caller);
                return false;
        }
        if (reply->kind == REPLY_RESULT)
                write_outputs(reply, caller);
        return true;
}
