/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How processes and threads begin and end: clone with the flags that programs use, spawning, daemons, thread
 * after thread, exec with very little and very much, exec that fails at each stage, processes killed at any
 * moment. Printed for comparison with a native run.
 *
 *   lives [THREADS]
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

extern char **environ;
static const char *self;

static bool works(void)
{
        struct stat found;

        return stat("/etc/passwd", &found) == 0 && stat("/no/such", &found) < 0 && errno == ENOENT;
}

static void ended(const char *name, pid_t pid)
{
        int status = 0;

        if (pid < 0 || waitpid(pid, &status, __WALL) < 0)
                report(name, -1);
        else if (WIFSIGNALED(status))
                report_text(name, "signal %d", WTERMSIG(status));
        else
                report_text(name, "exit %d", WEXITSTATUS(status));
}

/* clone, on a stack of its own and on the caller's. */

static _Atomic int ran;

static int in_clone(void *argument)
{
        bool good = true;

        (void)argument;
        for (int i = 0; i < 50; i++)
                good = good && works();
        atomic_fetch_add(&ran, 1);
        return good ? 21 : 22;
}

static void clones(void)
{
        static const struct {
                const char *name;
                unsigned long flags;
        } kinds[] = {
                {"a process", SIGCHLD},
                {"with files", CLONE_FILES | SIGCHLD},
                {"with everything but memory", CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_IO | SIGCHLD},
                {"with memory", CLONE_VM | SIGCHLD},
                {"with memory and handlers", CLONE_VM | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | SIGCHLD},
                {"as vfork", CLONE_VM | CLONE_VFORK | SIGCHLD},
                {"of no signal", CLONE_VM},
                {"untraced", CLONE_UNTRACED | SIGCHLD},
                {"with its number", CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD},
        };
        char *stack =
                mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        int parent_tid = 0, child_tid = 0, pidfd = -1;
        pid_t pid;

        for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                pid = clone(in_clone, stack + 65536, (int)kinds[i].flags, NULL, &parent_tid, NULL,
                            &child_tid);
                ended(kinds[i].name, pid);
        }
        report_text("numbers", "%d", parent_tid > 0);
        pid = clone(in_clone, stack + 65536, CLONE_PIDFD | SIGCHLD, NULL, &pidfd);
        report_text("pidfd", "%d", pidfd >= 0);
        ended("with a pidfd", pid);
        close(pidfd);
        report_text("ran in this memory", "%d", atomic_load(&ran));
        pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
                _exit(works() ? 23 : 24);
        ended("on the same stack", pid);
        report("with flags that exclude each other", clone(in_clone, stack + 65536, CLONE_SIGHAND, NULL));
        report("thread without memory", clone(in_clone, stack + 65536, CLONE_THREAD, NULL));
        munmap(stack, 65536);
}

/* spawning */

static void spawns(void)
{
        char *argv[] = {"lives", "child", NULL};
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_t actions;
        sigset_t all, none;
        pid_t pid;

        sigfillset(&all);
        sigemptyset(&none);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes,
                                 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, 1, 9);
        report_text("posix_spawn", "%d", posix_spawn(&pid, self, &actions, &attributes, argv, environ));
        ended("spawned", pid);
        posix_spawn_file_actions_addopen(&actions, 5, "/no/such", O_RDONLY, 0);
        report_text("posix_spawn that cannot open", "%d",
                    posix_spawn(&pid, self, &actions, &attributes, argv, environ));
        report_text("posix_spawnp", "%d",
                    posix_spawnp(&pid, "true", NULL, NULL, (char *[]){"true", NULL}, environ));
        ended("found", pid);
}

static void daemons(void)
{
        int ends[2];
        char answer = 'n';
        pid_t pid;

        if (pipe(ends) < 0)
                return;
        pid = fork();
        if (pid == 0) {
                setsid();
                if (fork() != 0)
                        _exit(0);
                answer = works() && getsid(0) != getpid() ? 'y' : 'n';
                _exit(write(ends[1], &answer, 1) == 1 ? 0 : 1);
        }
        ended("the first of two", pid);
        close(ends[1]);
        report("a grandchild's answer", read(ends[0], &answer, 1));
        report_text("a grandchild", "%c", answer);
        close(ends[0]);
        pid = fork();
        if (pid == 0)
                _exit(daemon(1, 0) == 0 && works() ? 0 : 1);
        ended("daemon", pid);
        pid = fork();
        if (pid == 0)
                _exit(setsid() == getpid() && setpgid(0, 0) < 0 && errno == EPERM ? 0 : 1);
        ended("setsid", pid);
}

/* threads */

static _Atomic int good_threads;

static void *brief(void *unused)
{
        if (works())
                atomic_fetch_add(&good_threads, 1);
        return unused;
}

static void many_threads(int count)
{
        pthread_t thread[4];
        int made = 0;

        for (int i = 0; i < count / 4; i++) {
                for (int j = 0; j < 4; j++)
                        made += pthread_create(&thread[j], NULL, brief, NULL) == 0;
                for (int j = 0; j < 4; j++)
                        pthread_join(thread[j], NULL);
        }
        report_text("threads", "%s",
                    made == count / 4 * 4 && atomic_load(&good_threads) == made ? "all" : "NOT ALL");
}

static void *busy(void *unused)
{
        for (;;)
                works();
        return unused;
}

/* Killed, or gone by exec, while its threads are in the middle of calls. */
static void killed_at_work(void)
{
        int right = 0;

        for (int i = 0; i < 20; i++) {
                pid_t pid = fork();
                int status = 0;

                if (pid == 0) {
                        pthread_t thread;

                        for (int j = 0; j < 3; j++)
                                pthread_create(&thread, NULL, busy, NULL);
                        usleep(2000);
                        if (i % 2)
                                execl(self, "lives", "child", NULL);
                        pause();
                }
                if (i % 2 == 0) {
                        usleep(3000 + 500 * (unsigned)i);
                        kill(pid, SIGKILL);
                }
                waitpid(pid, &status, 0);
                right += i % 2 ? WIFEXITED(status) && WEXITSTATUS(status) == 31 : WIFSIGNALED(status);
                right += works();
        }
        report_text("killed at work", "%d", right);
}

/* exec */

static void try_exec(const char *name, const char *path, char *const *argv, char *const *envp)
{
        pid_t pid = fork();

        if (pid == 0) {
                execve(path, argv, envp);
                report(name, -1);
                _exit(works() ? 40 : 41);
        }
        ended(name, pid);
}

static void make_file(const char *name, const char *text, mode_t mode)
{
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
                report(name, -1);
        close(fd);
}

#define BIG_WORDS 40u
#define BIG_WORD  60000u

static void big_exec(void)
{
        struct rlimit limit = {64 << 20, RLIM_INFINITY}, before;
        static char *argv[BIG_WORDS + 3];
        char *word = malloc(BIG_WORD + 1);

        getrlimit(RLIMIT_STACK, &before);
        limit.rlim_max = before.rlim_max;
        memset(word, 'x', BIG_WORD);
        word[BIG_WORD] = 0;
        argv[0] = "lives";
        argv[1] = "count";
        for (unsigned i = 0; i < BIG_WORDS; i++)
                argv[2 + i] = word;
        setrlimit(RLIMIT_STACK, &limit);
        try_exec("two megabytes of arguments", self, argv, environ);
        limit.rlim_cur = 1 << 20;
        setrlimit(RLIMIT_STACK, &limit);
        try_exec("too many arguments", self, argv, environ);
        setrlimit(RLIMIT_STACK, &before);
        free(word);
}

static void execs(void)
{
        char *child[] = {"lives", "child", NULL}, *nothing[] = {NULL};
        static char long_name[5000];
        int fd;

        try_exec("empty environment", self, child, nothing);
        try_exec("no environment", self, child, NULL);
        big_exec();
        try_exec("absent", "/no/such/program", child, environ);
        try_exec("not a directory", "/etc/passwd/x", child, environ);
        try_exec("a directory", "/etc", child, environ);
        try_exec("empty name", "", child, environ);
        try_exec("bad address", (const char *)8, child, environ);
        try_exec("bad arguments", self, (char *const *)(uintptr_t)8, environ);
        memset(long_name, 'n', sizeof long_name - 1);
        try_exec("a long name", long_name, child, environ);
        make_file("lives.data", "no program", 0600);
        try_exec("not executable", "lives.data", child, environ);
        make_file("lives.text", "no program", 0700);
        try_exec("of no format", "lives.text", child, environ);
        make_file("lives.empty", "", 0700);
        try_exec("empty", "lives.empty", child, environ);
        make_file("lives.script", "#!/no/such/interpreter\n", 0700);
        try_exec("script without interpreter", "lives.script", child, environ);
        if (symlink("lives.loop", "lives.loop") == 0)
                try_exec("a loop", "lives.loop", child, environ);
        make_file("lives.busy", "#!/bin/sh\nexit 51\n", 0700);
        try_exec("script", "lives.busy", child, environ);
        fd = open("lives.busy", O_WRONLY | O_CLOEXEC);
        try_exec("open for writing", "lives.busy", child, environ);
        close(fd);
        for (unsigned i = 0; i < 6; i++)
                unlink(((const char *[]){"lives.data", "lives.text", "lives.empty", "lives.script",
                                         "lives.loop", "lives.busy"})[i]);
}

static int count_words(int argc, char **argv)
{
        for (int i = 2; i < argc; i++)
                if (strlen(argv[i]) != BIG_WORD)
                        return 61;
        return argc == (int)BIG_WORDS + 2 && works() ? 60 : 62;
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "child"))
                return works() ? 31 : 32;
        if (argc > 1 && !strcmp(argv[1], "count"))
                return count_words(argc, argv);
        self = argv[0];
        clones();
        spawns();
        daemons();
        many_threads(argc > 1 ? atoi(argv[1]) : 2000);
        killed_at_work();
        execs();
        return 0;
}
