/* SPDX-License-Identifier: Apache-2.0 */
/* What agents ask (proto/call.h): the program of a new image, plans, a ring; and what they report. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/credentials.h"
#include "broker/enforce/operation.h"
#include "broker/intake/target_memory.h"
#include "broker/proc.h"
#include "broker/session_internal.h"
#include "proto/call.h"

static void fill_hello(const struct session *session, const struct exec_program *program,
                       struct fl_hello *hello)
{
        const struct tiers *tiers = session->options.tiers;

        memset(hello, 0, sizeof *hello);
        hello->version = FL_PROTO_VERSION;
        hello->flags = tiers->agent ? FL_HELLO_SUBSTITUTE_EXE : 0;
        if (tiers->action[SYS_rt_sigprocmask] == TIER_NATIVE)
                hello->flags |= FL_HELLO_PROBE;
        if (tiers->plain_sends)
                hello->flags |= FL_HELLO_PLAIN_SENDS;
        memcpy(hello->mediated, tiers->mediated, sizeof hello->mediated);
        if (session->may_poll)
                memcpy(hello->ring, tiers->ring, sizeof hello->ring);
        memcpy(hello->reported, tiers->reported, sizeof hello->reported);
        hello->script_arguments = program->script_arguments;
        memcpy(hello->comm, program->comm, sizeof hello->comm);
        strcpy(hello->execfn, program->execfn);
        strcpy(hello->script_interpreter, program->script_interpreter);
        memcpy(hello->script_argument, program->script_argument, sizeof hello->script_argument);
        strcpy(hello->exe_path, program->exe_path);
        strcpy(hello->agent_path, session->options.agent_path);
}

_Static_assert(SYSCALLS_LIMIT == FL_SYSCALL_LIMIT, "the masks of tiers and agent agree");
_Static_assert(REQUEST_PATH_MAX == FL_PATH_MAX, "paths of broker and agent agree");

/* Is the thread that asked for this exec still there, and not the caller? Then it may be on its way in the
 * kernel, to an image that has to be looked at, and whoever says hello meanwhile is of the old one. */
static bool is_under_way(const struct process *process, const struct pending_exec *exec,
                         const struct caller *caller)
{
        return exec->tid != caller->tid && proc_is_thread(process->pid, exec->tid);
}

/* A script's agent executes itself once more with the interpreter's arguments, so that /proc/PID/cmdline
 * shows them. The approval stays, now for what is no script any more. */
static void keep_for_script(struct pending_exec *exec, const struct caller *caller)
{
        exec->program.script_arguments = 0;
        exec->tid = caller->tid;
}

/* Could a tracer have an image show another file in /proc/PID/exe, by the prctl that describes the program?
 * That takes a capability (prctl(2)), and nobody in the sandbox has one that the broker has not. */
static bool may_change_exe(const struct session *session)
{
        uint64_t effective, permitted, inheritable;

        return policy_ptrace(session->options.policy) == PTRACE_SANDBOX &&
               (capabilities_get(&effective, &permitted, &inheritable) < 0 ||
                permitted & (1ull << CAP_CHECKPOINT_RESTORE | 1ull << CAP_SYS_ADMIN));
}

/* With the table lock held. Gives the program's descriptor to the reply. */
static int say_hello(struct session *session, struct process *process, const struct caller *caller,
                     struct reply *reply, struct fl_hello *hello)
{
        struct pending_exec *exec = process ? image_exec_by_agent(process) : NULL;
        uint64_t mark;
        int fd;

        if (!exec)
                return -EPERM;
        fd = fcntl(exec->program.fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        reply->kind = REPLY_DESCRIPTOR;
        reply->fd = fd;
        reply->fd_cloexec = true;
        fill_hello(session, &exec->program, hello);
        process_drop_ring(&session->processes, process);
        process_set_program(process, exec->program.exe_path);
        mark = images_note(&session->images, caller->tid, exec->program.exe_path);
        /* An old image may say hello too. Without ASLR the new one cannot be told from it. */
        process->may_describe =
                !may_change_exe(session) && mark && process->image_mark && mark != process->image_mark;
        process->image_mark = mark;
        if (process->may_describe)
                hello->flags |= FL_HELLO_DESCRIBE;
        if (!is_under_way(process, exec, caller)) {
                if (exec->program.script_arguments)
                        keep_for_script(exec, caller);
                else
                        process_drop_exec(&session->processes, process, exec->tid);
        }
        process_drop_dead_execs(&session->processes, process);
        return 0;
}

static bool runs_agent(const struct session *session, const struct caller *caller)
{
        dev_t device;
        ino_t inode;

        return proc_exe(caller->tid, &device, &inode) == 0 && image_is_agent(session, device, inode) &&
               caller->alive(caller);
}

/* The first image was started on one core, with the guardian and the broker. */
static void give_back_cores(struct session *session, pid_t tid)
{
        if (!session->cpus_given_back)
                sched_setaffinity(tid, sizeof session->cpus, &session->cpus);
        session->cpus_given_back = true;
}

static int call_hello(struct server *server, const struct caller *caller, uint64_t address, uint64_t size)
{
        struct session *session = server->session;
        _cleanup_free_ struct fl_hello *hello = malloc(sizeof *hello);
        struct fl_plan plan;
        int r;

        if (!hello)
                return -ENOMEM;
        if (size != sizeof *hello)
                return -EINVAL;
        if (!runs_agent(session, caller))
                return -EPERM;
        pthread_mutex_lock(&session->processes.lock);
        r = say_hello(session, process_find(&session->processes, caller->tid), caller, &server->reply, hello);
        pthread_mutex_unlock(&session->processes.lock);
        if (r < 0)
                return r;
        if (plan_store_head(session->plans, server->reply.fd, &plan) && plan.site_count == 0)
                hello->flags |= FL_HELLO_NO_PLAN;
        give_back_cores(session, caller->tid);
        return target_write(caller->tid, address, hello, sizeof *hello);
}

static int call_ring(struct server *server, const struct caller *caller)
{
        struct session *session = server->session;
        pid_t pid = proc_tgid(caller->tid);
        struct process *process;
        int r;

        if (!session->may_poll || pid < 0 || !runs_agent(session, caller))
                return -EPERM;
        if (!session->poller && poller_create(session, &session->poller) < 0)
                return -ENOMEM;
        pthread_mutex_lock(&session->processes.lock);
        r = process_make(&session->processes, pid, &process);
        if (r == 0)
                r = process_give_ring(&session->processes, process);
        if (r == 0)
                server->reply.fd = fd_take(&process->ring->view->fd);
        pthread_mutex_unlock(&session->processes.lock);
        if (r == 0) {
                server->reply.kind = REPLY_DESCRIPTOR;
                server->reply.fd_cloexec = true;
        }
        return r;
}

static int copy_plan(const struct caller *caller, const void *plan, size_t plan_size, const uint64_t args[6])
{
        uint64_t size = args[3], offset = args[4];

        if (offset > plan_size)
                return -EINVAL;
        if (size > plan_size - offset)
                size = plan_size - offset;
        if (!caller->alive(caller))
                return -ESRCH;
        return target_write(caller->tid, args[2], (const char *)plan + offset, size);
}

static int call_plan(struct server *server, const struct caller *caller, const uint64_t args[6])
{
        struct plan_store *plans = server->session->plans;
        struct operation operation = {.worker = &server->worker, .caller = caller};
        _cleanup_close_ int fd = -1;
        const struct fl_plan *plan;
        size_t size;
        int r;

        if (!runs_agent(server->session, caller))
                return -EPERM;
        fd = caller_descriptor(&operation, (int)args[1]);
        if (fd < 0)
                return fd;
        r = server->worker.may_block ? plan_store_get(plans, fd, &plan, &size)
                                     : plan_store_peek(plans, fd, &plan, &size);
        if (r < 0)
                return r;
        if (plan->site_count == 0) {
                reply_result(&server->reply, 0);
        } else {
                r = copy_plan(caller, plan, size, args);
                reply_result(&server->reply, (int64_t)size);
        }
        plan_unref(plans, plan);
        return r;
}

/* An open that the kernel refused natively with error. Where the policy refuses it too, that explains it;
 * where it does not, Landlock has no hold on a directory that was removed and made anew, and it is done here.
 */
static int open_refused(struct server *server, const struct caller *caller, const struct raw_call *call,
                        int error)
{
        struct reply *reply = &server->reply;
        int r = serve_call(server, caller, call);

        if (r == 0 && reply->kind == REPLY_DESCRIPTOR)
                return 0;
        if (r == 0 && reply->kind == REPLY_RESULT && reply->judged)
                reporter_judged(server->session->reporter, caller->tid, &reply->verdict, "kernel");
        reply_finish(reply);
        reply_init(reply);
        return -error;
}

static int call_report(struct server *server, const struct caller *caller, const uint64_t args[6])
{
        struct raw_call call = {.nr = (int)args[1]};
        int error = args[3] == EPERM ? EPERM : EACCES;

        if (!server->session->options.tiers->report || call.nr < 0 || call.nr >= SYSCALLS_LIMIT ||
            syscall_entry(call.nr)->treatment != TREAT_OPEN ||
            target_read(caller->tid, args[2], call.args, sizeof call.args) < 0)
                return -error;
        return open_refused(server, caller, &call, error);
}

int agent_call(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct reply *reply = &server->reply;
        int r = -ENOSYS;

        reply_finish(reply);
        reply_init(reply);
        if (server->session->options.agent_path) {
                switch (call->args[0]) {
                case FL_CALL_HELLO:
                        r = call_hello(server, caller, call->args[1], call->args[2]);
                        break;
                case FL_CALL_RING:
                        r = call_ring(server, caller);
                        break;
                case FL_CALL_PLAN:
                        r = call_plan(server, caller, call->args);
                        break;
                case FL_CALL_REPORT:
                        r = call_report(server, caller, call->args);
                        break;
                default:
                        break;
                }
        }
        if (r == -EAGAIN && !server->worker.may_block)
                return -EAGAIN;
        if (r < 0)
                reply_result(reply, r);
        return 0;
}
