/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: execs approved and verified.
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
#include <sys/prctl.h>
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

bool image_is_agent(const struct session *session, dev_t device, ino_t inode)
{
        return session->options.agent_path &&
               same_file(device, inode, session->agent_device, session->agent_inode);
}

struct pending_exec *image_exec_by_agent(const struct process *process)
{
        struct pending_exec *exec = process->execs;

        while (exec && !exec->by_agent)
                exec = exec->next;
        return exec;
}

/* Some file systems show another device for a mapping than for the file: then its path tells. */
static bool same_interpreter(const struct proc_mapped *mapped, dev_t device, ino_t inode, const char *path)
{
        return same_file(mapped->device, mapped->inode, device, inode) ||
               strcmp(mapped->path ? mapped->path : "", path ? path : "") == 0;
}

/* The agent, which nearly all run, has none. */
static int read_interpreter(const struct session *session, pid_t tid, dev_t device, ino_t inode,
                            struct proc_mapped *ret_mapped)
{
        *ret_mapped = (struct proc_mapped){0};
        if (image_is_agent(session, device, inode))
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
        const struct proc_mapped *old = &process->old_interpreter;
        __attribute__((cleanup(proc_mapped_finish))) struct proc_mapped interpreter = {0};
        dev_t device;
        ino_t inode;
        bool is_old;

        if (proc_exe(caller->tid, &device, &inode) < 0 ||
            read_interpreter(session, caller->tid, device, inode, &interpreter) < 0)
                return !caller->alive(caller); /* gone: whatever is answered reaches no one */
        is_old = same_file(device, inode, process->old_device, process->old_inode) &&
                 same_interpreter(&interpreter, old->device, old->inode, old->path);
        if (is_approved(process, device, inode, &interpreter)) {
                process_drop_ring(&session->processes, process);
                process_set_program(process, NULL);
                /* A program that executes itself looks the same before and after. */
                if (is_old && !greets)
                        settle_old_image(session, process, caller->tid);
                else if (!is_old)
                        process_drop_execs(&session->processes, process);
                return true;
        }
        if (is_old && !greets)
                settle_old_image(session, process, caller->tid);
        return is_old || (image_is_agent(session, device, inode) && image_exec_by_agent(process));
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

/* What it points to is not looked at: there is no foreign code in the image yet, but for what a tracer may
 * have put there. */
bool image_describe(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct session *session = server->session;
        struct process *process;
        bool may;

        if (call->nr != SYS_prctl || (int)call->args[0] != PR_SET_MM || call->args[1] != PR_SET_MM_MAP)
                return false;
        pthread_mutex_lock(&session->processes.lock);
        process = process_find(&session->processes, caller->tid);
        may = process && process->may_describe;
        if (may)
                process->may_describe = false;
        pthread_mutex_unlock(&session->processes.lock);
        if (!may)
                return false;
        reply_finish(&server->reply);
        reply_init(&server->reply);
        server->reply.kind = REPLY_CONTINUE;
        return true;
}

/* Is this the execve of the agent that FL_EXEC_BY_AGENT asked for? */
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
                proc_mapped_finish(&process->old_interpreter);
                r = read_interpreter(session, caller->tid, device, inode, &process->old_interpreter);
        }
        if (r == 0 && exec->by_agent)
                process->image_mark = proc_image_mark(caller->tid);
        if (r == 0)
                r = process_add_exec(&session->processes, process, exec);
        pthread_mutex_unlock(&session->processes.lock);
        return r;
}

/* Does an agent ask what is to load the program? A traced process runs its programs without the agent, so
 * that the tracer finds them where it looks for them. */
static bool is_agents(const struct session *session, const struct caller *caller, const struct raw_call *call)
{
        if (!session->options.agent_path || call->args[call->nr == SYS_execve ? 3 : 5] != FL_EXEC_MARK)
                return false;
        return policy_ptrace(session->options.policy) != PTRACE_SANDBOX || proc_tracer(caller->tid) <= 0;
}

/* Is it known that the agent has nothing to do in the program? */
static bool goes_without(const struct session *session, const struct exec_program *program)
{
        struct fl_plan plan;

        return !program->script_arguments && tiers_spare_agent(session->options.tiers) &&
               plan_store_head(session->plans, program->fd, &plan) && (plan.flags & FL_PLAN_IDLE);
}

/* Who loads the program goes to exec->by_agent. 0, or -errno with the verdict in the reply. */
static int judge(struct server *server, const struct caller *caller, const struct raw_call *call,
                 struct pending_exec *exec)
{
        bool asked = is_agents(server->session, caller, call);
        int r;

        request_finish(server->request);
        request_init(server->request);
        r = decode(caller, call, server->request);
        if (r == 0)
                r = exec_approve(&server->worker, caller, server->request, asked, &exec->program,
                                 &server->reply);
        if (r < 0)
                return r;
        exec->by_agent = asked && !goes_without(server->session, &exec->program);
        return exec->by_agent ? operations_check_busy(exec->program.fd) : 0;
}

/* Judges the exec, and remembers it where it is approved. 0: the kernel may go on; or -errno, or
 * -FL_EXEC_BY_AGENT. */
static int approve(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct pending_exec *exec = calloc(1, sizeof *exec);
        bool by_agent;
        int r;

        if (!exec)
                return -ENOMEM;
        exec_program_init(&exec->program);
        r = judge(server, caller, call, exec);
        by_agent = exec->by_agent;
        if (r == 0)
                r = remember(server->session, caller, exec);
        if (r < 0)
                pending_exec_destroy(exec);
        return r == 0 && by_agent ? -FL_EXEC_BY_AGENT : r;
}

void image_exec(struct server *server, const struct caller *caller, const struct raw_call *call)
{
        struct reply *reply = &server->reply;
        int r = 0;

        reply_finish(reply);
        reply_init(reply);
        if (!is_announced(server->session, caller, call)) {
                if (serve_refused(server, caller, call))
                        return;
                r = approve(server, caller, call);
        }
        if (r < 0) {
                reply_result(reply, r);
                return;
        }
        reply->kind = REPLY_CONTINUE;
        reply->why = "the new image is verified before it gets anything";
}

size_t image_exe_path(void *context, pid_t tid, char *out, size_t size)
{
        struct session *session = context;
        const char *path;
        dev_t device;
        ino_t inode;
        size_t length = 0;

        pthread_mutex_lock(&session->processes.lock);
        path = images_find(&session->images, tid);
        if (!path && proc_exe(tid, &device, &inode) == 0 && image_is_agent(session, device, inode))
                path = process_program(&session->processes, proc_tgid(tid));
        if (path && strlen(path) < size) {
                length = strlen(path);
                memcpy(out, path, length + 1);
        }
        pthread_mutex_unlock(&session->processes.lock);
        return length;
}
