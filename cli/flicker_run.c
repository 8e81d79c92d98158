/* SPDX-License-Identifier: Apache-2.0 */
/* flicker-run: compiles the policy, starts the program confined, and is its broker. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run_charge.h"
#include "cli/run_guard.h"
#include "cli/run_message.h"
#include "cli/run_options.h"
#include "cli/run_paths.h"
#include "cli/run_program.h"
#include "cli/run_supervise.h"

/* Where a standard descriptor is closed, nothing else may come to stand in its place. Close-on-exec: the
 * program finds it closed, as it would without flicker. */
static bool occupy_standard_descriptors(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
                        return false;
        return true;
}

/* Linux 6.2 tells the number of open descriptors as the directory's size. Nothing of flicker's own is open
 * yet. */
static bool may_inherit(void)
{
        struct stat status;

        return stat("/proc/self/fd", &status) < 0 || status.st_size != STDERR_FILENO + 1;
}

static void block_signals(struct run_origin *origin)
{
        const struct sigaction standard = {.sa_handler = SIG_DFL};
        sigset_t all;

        /* With SIGCHLD ignored, as it may have been inherited, nobody's status could be had. */
        sigaction(SIGCHLD, &standard, &origin->child_action);
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &origin->signal_mask);
}

#define OPEN_FILES_MIN 32u /* the broker's own, and some for one process at work */

/* The broker serves many; the program keeps the limit it was given. */
static bool raise_open_files(struct run_origin *origin)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &origin->open_files) < 0)
                return false;
        limit = origin->open_files;
        limit.rlim_cur = limit.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= OPEN_FILES_MIN;
}

/* Starting is a row of hand-overs between this process, the guardian and the child, and waking an idle core
 * for each costs ten times what they do. So all three stay on one, until the program runs; broker threads
 * that serve it follow it. */
static void stay_on_core(struct run_origin *origin)
{
        int cpu = sched_getcpu();
        cpu_set_t here;

        CPU_ZERO(&here);
        if (sched_getaffinity(0, sizeof origin->cpus, &origin->cpus) < 0)
                CPU_ZERO(&origin->cpus);
        if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &origin->cpus))
                return;
        CPU_SET(cpu, &here);
        sched_setaffinity(0, sizeof here, &here);
}

static int run(const struct run_options *options, struct run_origin *origin)
{
        static struct run_paths paths; /* static: large */
        static struct run_program program;
        struct err err = {0};
        int r;

        r = run_program_find(options->program[0], &program, &err);
        if (r < 0) {
                run_say("%s", err.message);
                return r == -ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
        }
        if (run_paths_find(&paths, &err) < 0) {
                run_say("%s", err.message);
                return RUN_FAILED;
        }
        stay_on_core(origin);
        mallopt(M_ARENA_MAX, 1); /* each further one costs a start more than sharing costs the threads */
        if (!raise_open_files(origin)) {
                run_say("a limit of %llu open files is too low: the broker needs %u (RLIMIT_NOFILE, ulimit "
                        "-Hn)",
                        (unsigned long long)origin->open_files.rlim_max, OPEN_FILES_MIN);
                return RUN_FAILED;
        }
        block_signals(origin);
        return run_supervise(options, &paths, &program, origin);
}

static int print(const char *text)
{
        return fputs(text, stdout) < 0 || fflush(stdout) < 0 ? RUN_FAILED : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        struct run_origin origin = {0};
        struct run_options options;
        struct err err = {0};
        int status;

        if (argc >= 1 && strcmp(argv[0], GUARDIAN_NAME) == 0)
                return run_guard(argv[1]);
        if (!occupy_standard_descriptors())
                return RUN_FAILED;
        origin.inherits = may_inherit();
        if (getauxval(AT_SECURE)) {
                run_say("flicker-run is not made to be set-user-ID");
                return RUN_FAILED;
        }
        if (argc < 1 || run_options_parse(argc, argv, &options, &err) < 0) {
                run_say("%s", argc < 1 ? "no arguments at all" : err.message);
                return RUN_FAILED;
        }
        if (options.action == RUN_HELP)
                status = print(run_help);
        else if (options.action == RUN_VERSION)
                status = print("flicker-run " FLICKER_VERSION "\n");
        else
                status = run(&options, &origin);
        run_options_finish(&options);
        return status;
}
