/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_supervise.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/escape.h"
#include "broker/session.h"
#include "cli/run_control.h"
#include "cli/run_enclose.h"
#include "cli/run_guardian.h"
#include "cli/run_message.h"
#include "cli/run_reap.h"
#include "cli/run_signals.h"
#include "cli/run_start.h"
#include "cli/run_witness.h"

#define WITNESS_AFTER_MS                                                                                     \
        30             /* until then a signal of the terminal counts as the group's, any other as ours       \
                        */
#define GRACE_MS 2000  /* between SIGTERM and SIGKILL of a timeout */
#define REAP_MS  60000 /* for the sandbox to be gone after it was killed */
#define NEVER    INT64_MAX

struct supervisor {
        const struct run_options *options;
        struct run_launch launch;
        struct run_witness witness;
        struct session *session; /* NULL before there is one */
        pid_t guardian;
        bool inherits; /* descriptors that are the program's, perhaps */
        int signals;   /* signalfd */

        int64_t timeout_at; /* monotonic ms: SIGTERM */
        int64_t kill_at;    /* the sandbox is ended */
        int64_t witness_at; /* the program has run for a while: the witness is worth its start */
        int64_t give_up_at; /* it should be gone by then */
        bool timed_out;
        bool ending; /* it was ended from here */
        bool ended;  /* the program; status says how */
        bool guardian_gone;
        int status; /* wait status */
};

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void command(const struct supervisor *supervisor, enum control_kind kind, int value)
{
        const struct control_message message = {.kind = kind, .value = value, .code = SI_USER};

        run_control_send(supervisor->launch.control_broker, &message);
}

static void end_sandbox(struct supervisor *supervisor)
{
        if (supervisor->ending)
                return;
        supervisor->ending = true;
        supervisor->kill_at = NEVER;
        supervisor->give_up_at = now_ms() + REAP_MS;
        command(supervisor, CONTROL_END, 0);
}

static void serve_guardian(struct supervisor *supervisor)
{
        struct control_message message;
        int r = run_control_receive(supervisor->launch.control_broker, CONTROL_GUARDIAN, &message);

        /* ECONNRESET comes before what is still to be read, where the guardian ended without having read all.
         */
        if (r == 0 || r == -ECONNRESET)
                return;
        if (r < 0) {
                supervisor->guardian_gone = true;
        } else if (message.kind == CONTROL_ENDED) {
                supervisor->ended = true;
                supervisor->status = message.value;
                run_witness_dismiss(&supervisor->witness); /* while the guardian ends */
                supervisor->timeout_at = supervisor->kill_at = supervisor->witness_at = NEVER;
                supervisor->give_up_at = now_ms() + REAP_MS;
        } else if (message.kind == CONTROL_STOPPED) {
                run_signals_stop(message.value);
                command(supervisor, CONTROL_CONTINUE, 0);
        }
}

/* SIGCONT, since a stopped program would not see SIGTERM. */
static void keep_time(struct supervisor *supervisor)
{
        int64_t now = now_ms();

        if (now >= supervisor->timeout_at) {
                supervisor->timed_out = true;
                supervisor->timeout_at = NEVER;
                supervisor->kill_at = now + GRACE_MS;
                if (!supervisor->options->quiet)
                        run_say("the time limit is reached: ending the program");
                command(supervisor, CONTROL_SIGNAL, SIGTERM);
                command(supervisor, CONTROL_SIGNAL, SIGCONT);
        }
        if (now >= supervisor->kill_at)
                end_sandbox(supervisor);
        if (now >= supervisor->witness_at) {
                supervisor->witness_at = NEVER;
                run_witness_start(&supervisor->witness);
        }
        if (now >= supervisor->give_up_at && !supervisor->guardian_gone) {
                run_say("processes of the sandbox do not end, though killed");
                supervisor->guardian_gone = true;
        }
}

/* ms to the next thing to do, for poll. */
static int time_left(const struct supervisor *supervisor)
{
        int64_t next = supervisor->timeout_at, left;

        if (supervisor->kill_at < next)
                next = supervisor->kill_at;
        if (supervisor->witness_at < next)
                next = supervisor->witness_at;
        if (supervisor->give_up_at < next)
                next = supervisor->give_up_at;
        if (next == NEVER)
                return -1;
        left = next - now_ms();
        return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void watch(struct supervisor *supervisor)
{
        struct pollfd fds[] = {
                {.fd = supervisor->launch.control_broker, .events = POLLIN},
                {.fd = supervisor->signals, .events = POLLIN},
                {.fd = supervisor->session ? session_condemned_fd(supervisor->session) : -1,
                 .events = POLLIN},
                {.events = POLLIN},
        };

        while (!supervisor->guardian_gone) {
                int n;

                fds[3].fd = supervisor->session ? session_calls_fd(supervisor->session) : -1;
                n = poll(fds, sizeof fds / sizeof *fds, time_left(supervisor));

                if (n > 0 && fds[0].revents)
                        serve_guardian(supervisor);
                if (n > 0 && fds[1].revents)
                        run_signals_pass_on(supervisor->signals, supervisor->launch.control_broker,
                                            &supervisor->witness);
                if (n > 0 && fds[2].revents) {
                        fds[2].fd = -1;
                        end_sandbox(supervisor);
                }
                if (n > 0 && fds[3].revents)
                        session_serve(supervisor->session);
                keep_time(supervisor);
        }
}

/* The guardian has ended, or has been killed: then what was its is the broker's now. Returns whether it has
 * cleaned up. */
static bool gather(struct supervisor *supervisor)
{
        int status = 0;

        run_witness_finish(&supervisor->witness);
        if (waitpid(supervisor->guardian, &status, WNOHANG) == 0) {
                if (now_ms() >= supervisor->give_up_at)
                        return false;
                waitpid(supervisor->guardian, &status, 0);
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
                return true;
        if (!supervisor->ended)
                run_say("the sandbox's guardian %s: ending the sandbox",
                        WIFSIGNALED(status) ? "was killed" : "has failed");
        if (!run_reap_all(REAP_MS))
                run_say("processes of the sandbox do not end, though killed");
        return false;
}

static int start_session(struct supervisor *supervisor, const struct run_paths *paths,
                         const struct run_sandbox *sandbox, struct err *err)
{
        const struct session_options options = {
                .policy = sandbox->policy,
                .tiers = &sandbox->tiers,
                .agent_path = sandbox->tiers.agent ? paths->agent : NULL,
                .scanner_path = paths->scanner,
                .cache_directory = sandbox->has_cache ? sandbox->plans : NULL,
                .root = supervisor->guardian,
                .audit_fd = sandbox->audit_fd,
                .ipc = supervisor->launch.ipc,
                .quiet = supervisor->options->quiet,
                .verbose = supervisor->options->verbose,
                .warn = sandbox->warn,
                .privileged = sandbox->privileged,
                .cpus = &supervisor->launch.cpus,
        };
        int listener = -1, r;

        r = run_start_harden(sandbox->tiers.agent);
        if (r < 0)
                return err_set(err, -r, "cannot give up the broker's own rights: %s", strerror(-r));
        /* The child installs its filter meanwhile. */
        r = session_create(&options, &supervisor->session, err);
        if (r < 0)
                return r;
        run_start_let_go(supervisor->inherits);
        r = run_start_listener(&supervisor->launch, &listener, err);
        if (r <= 0)
                return r;
        r = session_start(supervisor->session, listener);
        return r < 0 ? err_set(err, -r, "cannot start the broker: %s", strerror(-r)) : 0;
}

static int read_policy(const struct supervisor *supervisor, const struct run_paths *paths,
                       struct run_sandbox *sandbox, struct err *err)
{
        int r = run_sandbox_load(supervisor->options, paths, sandbox, err);

        if (r == 0 && sandbox->audit_fd < 0)
                r = run_sandbox_open_audit(supervisor->options->audit, sandbox, err);
        return r;
}

/* What may take its time is done with signals as they were at the start, and before there is anything to
 * clean up. */
static int load(struct supervisor *supervisor, const struct run_paths *paths, struct run_sandbox *sandbox,
                struct err *err)
{
        sigset_t all;
        int r;

        sigfillset(&all);
        r = run_sandbox_init(paths, sandbox, err);
        if (r < 0)
                return r;
        do {
                sigprocmask(SIG_SETMASK, &supervisor->launch.signal_mask, NULL);
                r = read_policy(supervisor, paths, sandbox, err);
                sigprocmask(SIG_SETMASK, &all, NULL);
                if (r < 0)
                        return r;
                r = run_sandbox_make_tmpdir(sandbox, err);
        } while (r == -EEXIST);
        return r < 0 ? r : run_sandbox_plan(supervisor->options, paths, supervisor->inherits, sandbox, err);
}

/* The program's environment: TMPDIR is the sandbox's. 0 or -errno. */
static int set_environment(struct run_launch *launch)
{
        if (launch->tmpdir && setenv("TMPDIR", launch->tmpdir, 1) < 0)
                return -errno;
        launch->environment = environ;
        return 0;
}

static int fill_launch(struct run_launch *launch, const struct run_paths *paths,
                       const struct run_sandbox *sandbox)
{
        /* Asked here, it need not be asked by the child. */
        bool idle = sandbox->has_cache && tiers_spare_agent(&sandbox->tiers) &&
                    run_program_is_idle(launch->path, sandbox->plans);

        launch->agent = sandbox->tiers.agent && !idle ? paths->agent : NULL;
        launch->tmpdir = sandbox->has_tmpdir ? sandbox->tmpdir : NULL;
        launch->filter = &sandbox->filter;
        launch->ruleset = sandbox->ruleset_fd;
        return set_environment(launch);
}

/* To the moment when the program is served. 0 or -errno. */
static int start(struct supervisor *supervisor, const struct run_paths *paths, struct run_sandbox *sandbox,
                 struct err *err)
{
        int r = load(supervisor, paths, sandbox, err);

        if (r == 0)
                r = run_enclose(paths, sandbox, err);
        if (r < 0)
                return r;
        r = fill_launch(&supervisor->launch, paths, sandbox);
        /* Were flicker-run not readable, the child that has its memory could not be looked into. */
        if (r < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
                return err_set(err, r < 0 ? -r : errno, "cannot prepare a process: %s",
                               strerror(r < 0 ? -r : errno));
        supervisor->guardian = run_guardian_start(&supervisor->launch);
        if (supervisor->guardian < 0)
                return err_set(err, -supervisor->guardian, "cannot start a process: %s",
                               strerror(-supervisor->guardian));
        run_start_forked(&supervisor->launch);
        if (supervisor->options->timeout_ms > 0)
                supervisor->timeout_at = now_ms() + supervisor->options->timeout_ms;
        r = start_session(supervisor, paths, sandbox, err);
        if (r == 0)
                supervisor->witness_at = now_ms() + WITNESS_AFTER_MS;
        return r;
}

/* Why the program did not start. */
static int explain_failure(const struct launch_state *state, const char *name)
{
        const char *reason = strerror(state->error);
        char shown[RUN_WORD_MAX];

        escape_text(name, strlen(name), shown, sizeof shown);
        switch ((enum child_stage)state->stage) {
        case CHILD_STAGE_SETUP:
                run_say("cannot prepare the program's process: %s", reason);
                return RUN_FAILED;
        case CHILD_STAGE_LANDLOCK:
                run_say("cannot enforce Landlock: %s", reason);
                return RUN_FAILED;
        case CHILD_STAGE_FILTER:
                run_say("cannot install the seccomp filter: %s%s", reason,
                        state->error == EBUSY
                                ? " (a seccomp listener is above this process already, such as another "
                                  "flicker-run's)"
                                : "");
                return RUN_FAILED;
        case CHILD_STAGE_AGENT:
                if (state->error == ENOENT || state->error == EACCES) {
                        run_say("cannot execute the agent: %s", reason);
                        return RUN_FAILED;
                }
                break;
        case CHILD_STAGE_PROGRAM:
                break;
        }
        run_say("%s: %s", shown, reason);
        return state->error == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
}

static int exit_status(const struct supervisor *supervisor)
{
        const char *reason = supervisor->session ? session_condemned_reason(supervisor->session) : NULL;

        if (reason)
                run_say("the sandbox was ended: %s", reason);
        if (supervisor->launch.state->error)
                return explain_failure(supervisor->launch.state, supervisor->options->program[0]);
        if (supervisor->timed_out)
                return RUN_TIMED_OUT;
        if (supervisor->ended && WIFEXITED(supervisor->status))
                return WEXITSTATUS(supervisor->status);
        return RUN_SIGNALLED + (supervisor->ended ? WTERMSIG(supervisor->status) : SIGKILL);
}

/* argv of "/bin/sh PROGRAM ARG...", as execvp(3) makes it; NULL where memory ran out. */
static char **shell_arguments(const struct run_program *program, char **arguments)
{
        size_t count = 0;
        char **shell;

        while (arguments[count])
                count++;
        shell = calloc(count + 2, sizeof *shell);
        if (!shell)
                return NULL;
        shell[0] = (char *)"/bin/sh";
        shell[1] = (char *)program->path;
        memcpy(shell + 2, arguments + 1, count * sizeof *shell);
        return shell;
}

static int run(struct supervisor *supervisor, const struct run_paths *paths, struct err *err)
{
        static struct run_sandbox sandbox; /* static: large */
        int r = start(supervisor, paths, &sandbox, err), status = RUN_FAILED;

        if (r < 0) {
                run_say("%s", err->message);
                if (supervisor->guardian <= 0) {
                        run_sandbox_finish(&sandbox);
                        return status;
                }
                run_start_forgo(&supervisor->launch);
                end_sandbox(supervisor);
        }
        watch(supervisor);
        /* What the guardian has removed may be there again, as another sandbox's. */
        if (gather(supervisor))
                sandbox.has_tmpdir = false;
        if (r >= 0)
                status = exit_status(supervisor);
        if (supervisor->session)
                session_destroy(supervisor->session);
        run_sandbox_finish(&sandbox);
        return status;
}

int run_supervise(const struct run_options *options, const struct run_paths *paths,
                  const struct run_program *program, const struct run_origin *origin)
{
        struct supervisor supervisor = {.options = options,
                                        .inherits = origin->inherits,
                                        .timeout_at = NEVER,
                                        .kill_at = NEVER,
                                        .witness_at = NEVER,
                                        .give_up_at = NEVER,
                                        .signals = -1};
        struct err err = {0};
        sigset_t all;
        int status = RUN_FAILED, r;

        supervisor.launch = (struct run_launch){
                .path = program->path,
                .arguments = options->program,
                .shell = program->shell_fallback ? shell_arguments(program, options->program) : NULL,
        };
        sigfillset(&all);
        r = run_start_init(&supervisor.launch, origin, &err);
        if (r >= 0) {
                supervisor.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
                if (supervisor.signals < 0)
                        r = err_set(&err, errno, "cannot wait for signals: %s", strerror(errno));
        }
        if (r < 0)
                run_say("%s", err.message);
        else
                status = run(&supervisor, paths, &err);
        if (supervisor.signals >= 0)
                close(supervisor.signals);
        run_start_finish(&supervisor.launch);
        free(supervisor.launch.shell);
        return status;
}
