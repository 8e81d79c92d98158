/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/proc.h"
#include "broker/session_internal.h"

#define WAKE_SIGNAL SIGRTMAX /* ends a blocking receive when the session stops */

#define STOP_STEP_NS 2000000

static void on_wake(int signal)
{
        (void)signal;
}

/* Only what the guardian brought forth: the broker's own children (the scanner, the witness of signals, which
 * shares the broker's memory) are none of the sandbox's. Orphans of a guardian that died are about to be
 * killed. */
static bool is_member(void *context, pid_t pid)
{
        const struct session *session = context;

        return pid != session->options.root && proc_is_descendant(pid, session->options.root);
}

static int find_agent(struct session *session, struct err *err)
{
        struct stat st;

        if (!session->options.agent_path)
                return 0;
        if (stat(session->options.agent_path, &st) < 0)
                return err_set(err, errno, "the agent %s: %s", session->options.agent_path, strerror(errno));
        session->agent_device = st.st_dev;
        session->agent_inode = st.st_ino;
        return 0;
}

static int create_parts(struct session *session, struct err *err)
{
        const struct session_options *options = &session->options;
        struct reporter_options reporting = {
                .audit_fd = options->audit_fd,
                .audit = policy_audit(options->policy),
                .audit_limit = policy_audit_limit(options->policy),
                .quiet = options->quiet,
                .warn = options->warn,
        };
        int r;

        session->condemned_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        session->operations.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (session->condemned_fd < 0 || session->operations.proc_fd < 0)
                return err_set(err, errno, "/proc or an event descriptor: %s", strerror(errno));
        r = find_agent(session, err);
        if (r < 0)
                return r;
        r = reporter_create(&reporting, &session->reporter);
        if (r == 0 && options->agent_path)
                r = plan_store_create(options->cache_directory, options->scanner_path, &session->plans);
        if (r == 0)
                r = pool_create(session, &session->pool);
        return r < 0 ? err_set(err, -r, "the broker cannot start: %s", strerror(-r)) : 0;
}

int session_create(const struct session_options *options, struct session **ret_session, struct err *err)
{
        struct session *session = calloc(1, sizeof *session);
        int r;

        if (!session)
                return err_set(err, ENOMEM, "out of memory");
        session->options = *options;
        session->listener = session->condemned_fd = session->operations.proc_fd = -1;
        if (options->cpus && CPU_COUNT(options->cpus))
                session->cpus = *options->cpus;
        else if (sched_getaffinity(0, sizeof session->cpus, &session->cpus) < 0)
                CPU_ZERO(&session->cpus);
        session->operations.policy = options->policy;
        session->operations.tiers = options->tiers;
        session->operations.watch = &session->credentials_watch;
        session->operations.ipc = options->ipc;
        session->operations.privileged = options->privileged;
        session->operations.programs = (struct program_lookup){image_exe_path, is_member, session};
        process_table_init(&session->processes, options->root);

        r = create_parts(session, err);
        if (r < 0) {
                session_destroy(session);
                return r;
        }
        *ret_session = session;
        return 0;
}

/* Session threads take no signals but the one that wakes them, and the one by which their own filter ends
 * them (self_filter.h). */
static void start_thread(struct session *session)
{
        struct sigaction action = {.sa_handler = on_wake};
        sigset_t blocked, before;

        sigaction(WAKE_SIGNAL, &action, NULL);
        sigfillset(&blocked);
        sigdelset(&blocked, WAKE_SIGNAL);
        sigdelset(&blocked, SIGSYS);
        pthread_sigmask(SIG_SETMASK, &blocked, &before);
        session->listener_started =
                pthread_create(&session->listener_thread, NULL, listener_main, session) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!session->listener_started)
                session_condemn(session, "the broker cannot start a thread", 0);
}

int session_start(struct session *session, int listener)
{
        int r;

        session->listener = listener;
        notification_listener_setup(listener);
        session->may_poll = session->options.agent_path && CPU_COUNT(&session->cpus) >= 2;
        r = server_init(&session->first, session, false);
        session->first_serves = r == 0;
        return r;
}

int session_calls_fd(const struct session *session)
{
        return session->first_serves ? session->listener : -1;
}

static void finish_first(struct session *session)
{
        if (session->first_serves)
                server_finish(&session->first);
        session->first_serves = false;
}

void session_serve(struct session *session)
{
        if (!session->first_serves)
                return;
        if (listener_serve(&session->first) < 0) {
                finish_first(session);
        } else if (++session->first_calls == SESSION_FIRST_CALLS ||
                   session->first.execs > SESSION_FIRST_EXECS) {
                finish_first(session);
                start_thread(session);
        }
}

static void stop_listener(struct session *session)
{
        session->stopping = true;
        if (!session->listener_started)
                return;
        /* The listener ends by itself when the last process has. Otherwise the signal wakes it, and is sent
         * again where it came just before the receive blocked. */
        for (;;) {
                struct timespec until;

                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_nsec += STOP_STEP_NS;
                until.tv_sec += until.tv_nsec / 1000000000;
                until.tv_nsec %= 1000000000;
                if (pthread_timedjoin_np(session->listener_thread, NULL, &until) == 0)
                        return;
                pthread_kill(session->listener_thread, WAKE_SIGNAL);
        }
}

static void print_counters(const struct session *session)
{
        if (session->options.verbose)
                fprintf(stderr,
                        "flicker: %lu calls by notification (%lu waited), %lu over the ring, %lu sent on "
                        "from it\n",
                        atomic_load(&session->counters.notified), atomic_load(&session->counters.blocking),
                        atomic_load(&session->counters.ring), atomic_load(&session->counters.ring_native));
}

void session_destroy(struct session *session)
{
        if (!session)
                return;
        stop_listener(session);
        finish_first(session);
        if (session->listener >= 0)
                close(session->listener);
        plan_store_stop(session->plans);
        pool_destroy(session->pool);
        poller_destroy(session->poller);
        session->poller = NULL;
        process_table_finish(&session->processes);
        images_finish(&session->images);
        if (session->options.ipc)
                ipc_objects_clear(session->options.ipc);
        plan_store_destroy(session->plans);
        print_counters(session);
        reporter_destroy(session->reporter);
        if (session->operations.proc_fd >= 0)
                close(session->operations.proc_fd);
        if (session->condemned_fd >= 0)
                close(session->condemned_fd);
        free(session);
}

void session_condemn(struct session *session, const char *reason, pid_t pid)
{
        uint64_t one = 1;

        if (atomic_exchange(&session->condemned, true))
                return;
        if (pid > 0)
                snprintf(session->condemned_reason, sizeof session->condemned_reason, "%s (process %d)",
                         reason, (int)pid);
        else
                snprintf(session->condemned_reason, sizeof session->condemned_reason, "%s", reason);
        if (write(session->condemned_fd, &one, sizeof one) != sizeof one)
                abort(); /* fail closed: the guardian ends the sandbox with its broker */
}

int session_condemned_fd(const struct session *session)
{
        return session->condemned_fd;
}

const char *session_condemned_reason(const struct session *session)
{
        return session->condemned_reason[0] ? session->condemned_reason : NULL;
}
