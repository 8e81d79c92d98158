/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/differential/actor.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/differential/keeper.h"

#define NOBODY          65534
#define FILE_SIZE_LIMIT 65536

extern __thread volatile int file_size_signals;

static struct round round_now; /* too large for a stack */

static void on_file_size(int signal)
{
        (void)signal;
        file_size_signals++;
}

/* One of two threads; the other waits meanwhile. */
struct turn {
        const struct scene *scene;
        sem_t begin, end;
        unsigned index; /* of the case; the count: no more */
};

/* For this thread only, as the kernel has it; the C library would change all threads. */
static void raw3(long nr, long a, long b, long c)
{
        const long args[6] = {a, b, c};

        if (raw_patched(nr, args) < 0)
                abort();
}

static void change_identity(enum identity identity)
{
        static const gid_t groups[] = {7, 1000};

        switch (identity) {
        case IDENTITY_SAME:
                return;
        case IDENTITY_FILE_UID:
                raw3(SYS_setfsuid, NOBODY, 0, 0);
                return;
        case IDENTITY_EFFECTIVE:
                raw3(SYS_setresuid, -1, NOBODY, -1);
                return;
        case IDENTITY_DROPPED:
                raw3(SYS_setgroups, 2, (long)groups, 0);
                raw3(SYS_setresgid, NOBODY, NOBODY, NOBODY);
                raw3(SYS_setresuid, NOBODY, NOBODY, NOBODY);
                return;
        case IDENTITY_GROUP:
                raw3(SYS_setgroups, 0, 0, 0);
                raw3(SYS_setresgid, 7, 7, 7);
                raw3(SYS_setresuid, 1000, 1000, 1000);
                return;
        }
}

static void *second_thread(void *argument)
{
        struct turn *turn = argument;
        const struct round *round = turn->scene->round;

        if (round->unshares) {
                raw3(SYS_unshare, CLONE_FS, 0, 0);
                umask(round->umask ^ 027);
        }
        change_identity(round->identity);
        for (;;) {
                sem_post(&turn->end);
                while (sem_wait(&turn->begin) < 0)
                        ;
                if (turn->index >= round->count)
                        return NULL;
                thing_do(turn->scene, turn->index);
        }
}

static void act_in_two_threads(const struct scene *scene)
{
        struct turn turn = {.scene = scene};
        pthread_t thread;

        sem_init(&turn.begin, 0, 0);
        sem_init(&turn.end, 0, 0);
        if (pthread_create(&thread, NULL, second_thread, &turn))
                abort();
        sem_wait(&turn.end);
        for (turn.index = 0; turn.index < scene->round->count; turn.index++) {
                if (scene->skip >> turn.index & 1)
                        continue;
                if (scene->round->things[turn.index].actor == 0) {
                        thing_do(scene, turn.index);
                } else {
                        sem_post(&turn.begin);
                        sem_wait(&turn.end);
                }
        }
        sem_post(&turn.begin);
        pthread_join(thread, NULL);
}

static void act(const struct scene *scene)
{
        umask(scene->round->umask);
        if (scene->round->threads) {
                act_in_two_threads(scene);
        } else {
                change_identity(scene->round->identity);
                for (unsigned i = 0; i < scene->round->count; i++)
                        if (!(scene->skip >> i & 1))
                                thing_do(scene, i);
        }
        fflush(scene->log);
}

static void close_kept(void)
{
        for (int fd = FD_FIRST; fd < FD_KEPT_END; fd++)
                close(fd);
}

static void receive_descriptors(void)
{
        int fds[FD_END - FD_FIRST];

        if (keeper_receive(FD_CONTROL, fds, FD_END - FD_FIRST) < 0)
                _exit(0); /* no more rounds */
        for (int i = 0; i < FD_END - FD_FIRST; i++) {
                if (dup2(fds[i], FD_FIRST + i) < 0)
                        abort();
                close(fds[i]);
        }
}

static void act_in_child(const struct scene *scene)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                act(scene);
                _exit(0);
        }
        while (waitpid(pid, &status, 0) < 0)
                ;
        if (status)
                fprintf(scene->log, "a child ended with status %x\n", status);
        fflush(scene->log);
}

static void set_limits(void)
{
        struct rlimit limit = {.rlim_cur = FILE_SIZE_LIMIT, .rlim_max = RLIM_INFINITY};
        struct sigaction action = {.sa_handler = on_file_size, .sa_flags = SA_RESTART};

        setrlimit(RLIMIT_FSIZE, &limit);
        sigaction(SIGXFSZ, &action, NULL);
}

int actor_main(uint64_t seed, const char *root, uint64_t skip)
{
        struct scene scene = {.round = &round_now, .root = root, .skip = skip};
        struct stat status;

        scene.log = fdopen(dup(FD_CONTROL), "w");
        if (!scene.log)
                err(1, "log");
        set_limits();
        for (uint64_t number;;) {
                if (keeper_next(FD_CONTROL, &number) < 0)
                        return 0;
                receive_descriptors();
                fstat(FD_TREE, &status);
                scene.device = status.st_dev;
                round_generate(seed, number, geteuid() == 0, &round_now);
                if (fchdir(FD_TREE) < 0)
                        err(1, "%s", root);
                if (round_now.forks)
                        act_in_child(&scene);
                else
                        act(&scene);
                close_kept();
                keeper_done(scene.log);
        }
}
