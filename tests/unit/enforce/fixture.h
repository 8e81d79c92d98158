/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of operations: a temporary tree, a child that plays the caller (it sets itself up and then
 * sleeps), and a worker that carries out requests for it.
 */
#ifndef FLICKER_TESTS_ENFORCE_FIXTURE_H
#define FLICKER_TESTS_ENFORCE_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/enforce/caller_view.h"
#include "broker/enforce/credentials.h"
#include "broker/enforce/operations.h"
#include "broker/policy/policy.h"

#define NOBODY 65534

/* Descriptors of the caller: its directory "dir", its "file" (O_RDWR), a pipe's reading end, a memfd, "file"
 * as O_PATH. */
enum { CALLER_DIR = 100, CALLER_FILE, CALLER_PIPE, CALLER_MEMFD, CALLER_PATH, CALLER_PIPE_IN };

struct sandbox {
        struct policy *policy;
        struct tiers tiers;
        struct credentials_watch watch;
        struct operations operations;
        struct worker worker;
        struct caller caller;
        struct reply reply;
        struct request request;
        char program[PATH_MAX]; /* what exe_path says, or empty */
};

static inline bool fixture_alive(const struct caller *caller)
{
        return kill(caller->tid, 0) == 0;
}

static inline size_t fixture_exe_path(void *context, pid_t tid, char *out, size_t size)
{
        const struct sandbox *sandbox = context;
        size_t length = strlen(sandbox->program);

        if (tid != sandbox->caller.tid || !length || length >= size)
                return 0;
        memcpy(out, sandbox->program, length + 1);
        return length;
}

static inline bool fixture_is_member(void *context, pid_t pid)
{
        const struct sandbox *sandbox = context;

        return pid == sandbox->caller.tid;
}

static inline void fixture_write(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        cr_assert(fd >= 0, "%s: %m", path);
        cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
        close(fd);
}

static inline int fixture_remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
        (void)status;
        (void)flag;
        (void)ftw;
        return remove(path);
}

/* What an ordinary user left without rights for itself is removed, too. */
static inline void fixture_remove(const char *root)
{
        char command[PATH_MAX + 32];

        snprintf(command, sizeof command, "chmod -R u+rwX '%s'", root);
        (void)!system(command);
        nftw(root, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A policy of command line rules. rules: a letter (r w x d h; b c n of the network: bind, connect, deny) and
 * a path or address, as "r/usr". NULL-terminated. */
static inline struct policy *fixture_policy(const char *const rules[])
{
        static const char letters[] = "rwxdhbcn";
        struct policy_extra_rule extra[32];
        struct policy_options options = {.extra = extra, .home = "/root", .user = "root", .uid = "0"};
        char file[] = "/tmp/flicker-policy-XXXXXX.json";
        struct policy *policy = NULL;
        struct err err = {0};
        int fd = mkstemps(file, 5), r;

        cr_assert(fd >= 0);
        cr_assert(write(fd, "{ \"flicker\": 1 }\n", 17) == 17);
        close(fd);
        options.reference = file;
        options.cwd = "/tmp";
        options.tmpdir = "/tmp";
        for (; rules[options.extra_count]; options.extra_count++) {
                const char *rule = rules[options.extra_count];

                extra[options.extra_count].list = (enum rule_list)(strchr(letters, rule[0]) - letters);
                extra[options.extra_count].text = rule + 1;
        }
        r = policy_load(&options, &policy, &err);
        unlink(file);
        cr_assert(r == 0, "policy: %s", err.message);
        return policy;
}

static inline void sandbox_init(struct sandbox *sandbox, const char *const rules[], bool may_block)
{
        memset(sandbox, 0, sizeof *sandbox);
        sandbox->policy = fixture_policy(rules);
        sandbox->operations = (struct operations){
                .policy = sandbox->policy,
                .tiers = &sandbox->tiers,
                .programs = {fixture_exe_path, fixture_is_member, sandbox},
                .privileged = geteuid() == 0,
                .proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
                .watch = &sandbox->watch,
        };
        cr_assert(sandbox->operations.proc_fd >= 0);
        cr_assert_eq(worker_init(&sandbox->worker, &sandbox->operations, may_block), 0);
        request_init(&sandbox->request);
        reply_init(&sandbox->reply);
        sandbox->caller = (struct caller){.tid = -1, .pidfd = -1, .alive = fixture_alive, .listener = -1};
}

/* The caller begins: what it does to itself, in the directory root. */
static inline void caller_setup(const char *root)
{
        int pipes[2], fd;

        cr_assert_eq(chdir(root), 0);
        umask(027);
        fd = open("dir", O_RDONLY | O_DIRECTORY);
        dup2(fd, CALLER_DIR);
        fd = open("file", O_RDWR);
        dup2(fd, CALLER_FILE);
        fd = open("file", O_PATH);
        dup2(fd, CALLER_PATH);
        cr_assert_eq(pipe(pipes), 0);
        dup2(pipes[0], CALLER_PIPE);
        dup2(pipes[1], CALLER_PIPE_IN);
        fd = memfd_create("mine", 0);
        cr_assert_eq(write(fd, "memory", 6), 6);
        dup2(fd, CALLER_MEMFD);
}

/* Forks a child that runs prepare(root) and then waits to be killed. */
static inline void sandbox_fork(struct sandbox *sandbox, const char *root, void (*prepare)(const char *root))
{
        int ready[2];
        char byte;
        pid_t pid;

        cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        cr_assert(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                prepare(root);
                if (write(ready[1], "x", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        cr_assert_eq(read(ready[0], &byte, 1), 1, "the caller failed");
        close(ready[0]);
        sandbox->caller.tid = pid;
}

/* Returns when the caller has stopped: until then SIGSTOP is a pending signal itself. */
static inline void sandbox_stop(const struct sandbox *sandbox)
{
        cr_assert_eq(kill(sandbox->caller.tid, SIGSTOP), 0);
        cr_assert_eq(waitpid(sandbox->caller.tid, NULL, WUNTRACED), sandbox->caller.tid);
}

static inline void sandbox_finish(struct sandbox *sandbox)
{
        if (sandbox->caller.tid > 0) {
                kill(sandbox->caller.tid, SIGKILL);
                waitpid(sandbox->caller.tid, NULL, 0);
        }
        request_finish(&sandbox->request);
        reply_finish(&sandbox->reply);
        worker_finish(&sandbox->worker);
        close(sandbox->operations.proc_fd);
        policy_destroy(sandbox->policy);
}

static inline void request_set_path(struct request_path *path, int fd, const char *text)
{
        path->fd = fd;
        path->by_fd = !text;
        path->error = 0;
        path->length = text ? strlen(text) : 0;
        strcpy(path->text, text ? text : "");
}

/* A fresh request; the fields beyond path[0] are set by the test. */
static inline struct request *sandbox_ask(struct sandbox *sandbox, enum request_kind kind, int fd,
                                          const char *text)
{
        request_finish(&sandbox->request);
        request_init(&sandbox->request);
        sandbox->request.kind = kind;
        request_set_path(&sandbox->request.path[0], fd, text);
        return &sandbox->request;
}

/* Carries out what was asked: the result, 0 for a descriptor (in sandbox->reply.fd). */
static inline int64_t sandbox_perform(struct sandbox *sandbox)
{
        int r;

        reply_finish(&sandbox->reply);
        reply_init(&sandbox->reply);
        r = operations_perform(&sandbox->worker, &sandbox->caller, &sandbox->request, &sandbox->reply);
        if (r < 0)
                return r;
        return sandbox->reply.kind == REPLY_RESULT ? sandbox->reply.result : 0;
}

static inline int64_t sandbox_open(struct sandbox *sandbox, int fd, const char *text, int flags, mode_t mode)
{
        struct request *request = sandbox_ask(sandbox, REQUEST_OPEN, fd, text);

        request->open.flags = (unsigned)flags;
        request->open.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0;
        return sandbox_perform(sandbox);
}

static inline unsigned count_descriptors(void)
{
        unsigned count = 0;

        for (int fd = 0; fd < 1024; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

#endif
