/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: execs approved and verified, and what the agent of a new image asks.
 *
 * Nobody can exec for another process, so an approved execve goes on in the kernel, on memory that may have
 * changed since. That grants nothing: the new image has the rights of the old one, Landlock refuses files
 * outside every exec grant, and before the new image gets its first answer from the broker, what the kernel
 * says it runs must be what was approved.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/operation.h"
#include "broker/intake/target_memory.h"
#include "broker/proc.h"
#include "broker/session_internal.h"
#include "proto/call.h"

static bool same_file(dev_t device, ino_t inode, dev_t other_device, ino_t other_inode)
{
        return device == other_device && inode == other_inode;
}

static bool is_agent(const struct session *session, dev_t device, ino_t inode)
{
        return session->options.agent_path &&
               same_file(device, inode, session->agent_device, session->agent_inode);
}

static struct pending_exec *exec_by_agent(const struct process *process)
{
        struct pending_exec *exec = process->execs;

        while (exec && !exec->by_agent)
                exec = exec->next;
        return exec;
}

/* Some file systems show another device for a mapping than for the file: then its path tells. */
static bool same_interpreter(const struct proc_mapped *mapped, dev_t device, ino_t inode, const char *path)
{
        return same_file(mapped->device, mapped->inode, device, inode) || strcmp(mapped->path, path) == 0;
}

/* The agent, which nearly all run, has none. */
static int read_interpreter(const struct session *session, pid_t tid, dev_t device, ino_t inode,
                            struct proc_mapped *ret_mapped)
{
        *ret_mapped = (struct proc_mapped){0};
        if (is_agent(session, device, inode))
                return 0;
        return proc_interpreter(tid, ret_mapped) == -ESRCH ? -ESRCH : 0;
}

/* Was this file approved as an image, the agent's execs aside, and with the interpreter that the process
 * shows? What code that it should not run might do to hide its mapping it does not know of: it is someone
 * else's, and has asked for nothing yet. */
static bool is_approved(const struct process *process, dev_t device, ino_t inode,
                        const struct proc_mapped *interpreter)
{
        for (const struct pending_exec *exec = process->execs; exec; exec = exec->next) {
                const struct exec_program *program = &exec->program;

                if (!exec->by_agent && same_file(device, inode, program->device, program->inode) &&
                    same_interpreter(interpreter, program->interpreter_device, program->interpreter_inode,
                                     program->interpreter_path))
                        return true;
        }
        return false;
}

/* What runs is what ran before: the caller's own exec has failed, unless the agent execs itself. Those of
 * other threads may still be under way in the kernel, and stay pending. A new image of the agent asks
 * FL_CALL_HELLO before foreign code runs, so an agent that asks something else is the old image still. */
static void settle_old_image(struct session *session, struct process *process, pid_t tid)
{
        const struct pending_exec *exec = process_exec_of(process, tid);

        if (exec && !exec->by_agent)
                process_drop_exec(&session->processes, process, tid);
        process_drop_dead_execs(&session->processes, process);
}

/* What the process of a pending exec shows, with the table lock held: true to serve it. greets: it says
 * hello, so that a thread which is gone may be one that has execed, and is the caller now. */
static bool verify_pending(struct session *session, struct process *process, const struct caller *caller,
                           bool greets)
{
        static struct proc_mapped interpreter; /* static: large; the lock is held */
        dev_t device;
        ino_t inode;
        bool is_old;

        if (proc_exe(caller->tid, &device, &inode) < 0 ||
            read_interpreter(session, caller->tid, device, inode, &interpreter) < 0)
                return !caller->alive(caller); /* gone: whatever is answered reaches no one */
        is_old = same_file(device, inode, process->old_device, process->old_inode) &&
                 same_interpreter(&interpreter, process->old_interpreter.device,
                                  process->old_interpreter.inode, process->old_interpreter.path);
        if (is_approved(process, device, inode, &interpreter)) {
                process_drop_ring(&session->processes, process);
                process->exe_path[0] = '\0';
                /* A program that executes itself looks the same before and after. */
                if (is_old && !greets)
                        settle_old_image(session, process, caller->tid);
                else if (!is_old)
                        process_drop_execs(&session->processes, process);
                return true;
        }
        if (is_old && !greets)
                settle_old_image(session, process, caller->tid);
        return is_old || (is_agent(session, device, inode) && exec_by_agent(process));
}

bool image_verify(struct session *session, const struct caller *caller, const struct raw_call *call)
{
        const bool greets = call->nr == FL_CALL_NR && call->args[0] == FL_CALL_HELLO;
        struct process *process;
        bool good = true;

        if (!__atomic_load_n(&session->processes.execs_pending, __ATOMIC_RELAXED))
                return true;
        pthread_mutex_lock(&session->processes.lock);
        /* An entry that outlived its process may have a number that is a thread's by now. */
        process = process_find(&session->processes, caller->tid);
        if (!process)
                process = process_find(&session->processes, proc_tgid(caller->tid));
        if (process && process->execs)
                good = verify_pending(session, process, caller, greets);
        pthread_mutex_unlock(&session->processes.lock);
        if (!good)
                serve_kill(caller);
        return good;
}

/* Is this the execve of the agent that FL_CALL_EXEC announced? */
static bool is_announced(struct session *session, const struct caller *caller, const struct raw_call *call)
{
        char path[FL_PATH_MAX];
        const struct pending_exec *exec;
        struct process *process;
        bool announced;

        if (call->nr != SYS_execve || !session->options.agent_path)
                return false;
        pthread_mutex_lock(&session->processes.lock);
        process = process_find(&session->processes, proc_tgid(caller->tid));
        exec = process ? process_exec_of(process, caller->tid) : NULL;
        announced = exec && exec->by_agent;
        pthread_mutex_unlock(&session->processes.lock);

        return announced && target_read_string(caller->tid, call->args[0], path, sizeof path) > 0 &&
               strcmp(path, session->options.agent_path) == 0;
}

/* Remembers an approved exec. Takes over *exec where it returns 0. */
static int remember(struct session *session, const struct caller *caller, struct pending_exec *exec)
{
        struct process *process;
        dev_t device;
        ino_t inode;
        int r = proc_exe(caller->tid, &device, &inode);
        pid_t pid = proc_tgid(caller->tid);

        if (r < 0 || pid < 0)
                return -ESRCH;
        exec->tid = caller->tid;
        pthread_mutex_lock(&session->processes.lock);
        r = process_make(&session->processes, pid, &process);
        if (r == 0 && !caller->alive(caller))
                r = -ESRCH; /* the entry may be another process's: leave it alone */
        if (r == 0 && !process->execs) {
                process->old_device = device;
                process->old_inode = inode;
                r = read_interpreter(session, caller->tid, device, inode, &process->old_interpreter);
        }
        if (r == 0)
                r = process_add_exec(&session->processes, process, exec);
        pthread_mutex_unlock(&session->processes.lock);
        return r;
}

/* Judges an exec and remembers it where it is approved. 0 or -errno; the reply holds the verdict. */
static int approve(struct server *server, const struct caller *caller, const struct raw_call *call,
                   bool by_agent)
{
        struct pending_exec *exec = calloc(1, sizeof *exec);
        int r;

        if (!exec)
                return -ENOMEM;
        exec->by_agent = by_agent;
        exec_program_init(&exec->program);
        request_finish(server->request);
        request_init(server->request);
        r = decode(caller, call, server->request);
        if (r == 0)
                r = exec_approve(&server->worker, caller, server->request, by_agent, &exec->program,
                                 &server->reply);
        if (r == 0)
                r = remember(server->session, caller, exec);
        if (r < 0)
                pending_exec_destroy(exec);
        return r;
}

void image_exec(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct reply *reply = &server->reply;
        int r;

        reply_finish(reply);
        reply_init(reply);
        if (!is_announced(server->session, caller, call)) {
                if (serve_refused(server, caller, call))
                        return;
                r = approve(server, caller, call, false);
                if (r < 0) {
                        reply_result(reply, r);
                        return;
                }
        }
        reply->kind = REPLY_CONTINUE;
        reply->why = "the new image is verified before it gets anything";
}

/* What is known already of the file at fd: whether it has nothing to patch, and enum fl_plan_flags. */
static unsigned plan_flags(const struct session *session, int fd, bool *ret_is_empty)
{
        const struct fl_plan *plan;
        unsigned flags;
        size_t size;

        *ret_is_empty = false;
        if (plan_store_peek(session->plans, fd, &plan, &size) < 0)
                return 0;
        *ret_is_empty = plan->site_count == 0;
        flags = plan->flags;
        plan_unref(session->plans, plan);
        return flags;
}

static void fill_hello(const struct session *session, const struct exec_program *program,
                       struct fl_hello *hello)
{
        const struct tiers *tiers = session->options.tiers;

        memset(hello, 0, sizeof *hello);
        hello->version = FL_PROTO_VERSION;
        hello->flags = tiers->substitute_exe ? FL_HELLO_SUBSTITUTE_EXE : 0;
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

/* With the table lock held. Gives the program's descriptor to the reply. */
static int say_hello(struct session *session, struct process *process, const struct caller *caller,
                     struct reply *reply, struct fl_hello *hello)
{
        struct pending_exec *exec = process ? exec_by_agent(process) : NULL;
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
        strcpy(process->exe_path, exec->program.exe_path);
        images_note(&session->images, caller->tid, process->exe_path);
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

        return proc_exe(caller->tid, &device, &inode) == 0 && is_agent(session, device, inode) &&
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
        bool is_empty;
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
        plan_flags(session, server->reply.fd, &is_empty);
        if (is_empty)
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

/* A descriptor of the program that the agent of caller is about to load, no script's; or -1. */
static int announced_program(struct session *session, const struct caller *caller)
{
        const struct pending_exec *exec = NULL;
        struct process *process;
        int fd = -1;

        pthread_mutex_lock(&session->processes.lock);
        process = process_find(&session->processes, proc_tgid(caller->tid));
        if (process)
                exec = process_exec_of(process, caller->tid);
        if (exec && exec->by_agent && !exec->program.script_arguments)
                fd = fcntl(exec->program.fd, F_DUPFD_CLOEXEC, 3);
        pthread_mutex_unlock(&session->processes.lock);
        return fd;
}

static void forget_announced(struct session *session, const struct caller *caller)
{
        struct process *process;

        pthread_mutex_lock(&session->processes.lock);
        process = process_find(&session->processes, proc_tgid(caller->tid));
        if (process)
                process_drop_exec(&session->processes, process, caller->tid);
        pthread_mutex_unlock(&session->processes.lock);
}

/* Is it known that the program just approved for caller has nothing for the agent to do? */
static bool goes_without(struct session *session, const struct caller *caller)
{
        _cleanup_close_ int fd = -1;
        bool is_empty;

        if (!tiers_spare_agent(session->options.tiers))
                return false;
        fd = announced_program(session, caller);
        return fd >= 0 && (plan_flags(session, fd, &is_empty) & FL_PLAN_IDLE);
}

/* A traced process runs its programs without the agent, so that the tracer finds them where it looks for
 * them. */
static int call_exec(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct raw_call as_exec = {.nr = SYS_execve, .args = {call->args[2]}};
        int r;

        if (policy_ptrace(server->session->options.policy) == PTRACE_SANDBOX &&
            proc_tracer(caller->tid) > 0) {
                reply_result(&server->reply, FL_EXEC_NATIVE);
                return 0;
        }
        if (serve_refused(server, caller, &as_exec))
                return 0;
        r = approve(server, caller, call, true);
        if (r == 0 && goes_without(server->session, caller)) {
                forget_announced(server->session, caller);
                reply_result(&server->reply, FL_EXEC_NATIVE);
        }
        return r;
}

/* The kernel refused nr natively: the verdict that the broker would have given explains it. */
static int call_report(struct server *server, const struct caller *caller, const uint64_t args[6])
{
        struct session *session = server->session;
        struct raw_call call = {.nr = (int)args[1]};
        struct caller probe = *caller;

        if (call.nr < 0 || call.nr >= SYSCALLS_LIMIT || syscall_entry(call.nr)->treatment != TREAT_OPEN)
                return 0;
        if (target_read(caller->tid, args[2], call.args, sizeof call.args) < 0)
                return 0;
        probe.via_ring = true; /* as over the ring: judged, nothing opened or made */
        if (serve_call(server, &probe, &call) == 0 && server->reply.judged)
                reporter_judged(session->reporter, caller->tid, &server->reply.verdict, "kernel");
        reply_finish(&server->reply);
        reply_init(&server->reply);
        return 0;
}

int image_call(struct server *server, const struct caller *caller, const struct raw_call *call)
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
                case FL_CALL_EXEC:
                        r = call_exec(server, caller, call);
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

/* Of a forked process without an entry it is its nearest ancestor's that has one. With the table lock held.
 */
static const char *ancestors_program(struct session *session, pid_t pid)
{
        const struct process *process = NULL;

        for (unsigned i = 0; pid > 1 && i < PROCESS_ANCESTORS_MAX && !process; i++) {
                process = process_peek(&session->processes, pid);
                pid = proc_parent(pid);
        }
        return process ? process->exe_path : "";
}

size_t image_exe_path(void *context, pid_t tid, char *out, size_t size)
{
        struct session *session = context;
        const char *path;
        size_t length;

        pthread_mutex_lock(&session->processes.lock);
        path = images_find(&session->images, tid);
        if (!path)
                path = ancestors_program(session, proc_tgid(tid));
        length = strlen(path);
        if (length < size)
                memcpy(out, path, length + 1);
        pthread_mutex_unlock(&session->processes.lock);
        return length < size ? length : 0;
}
