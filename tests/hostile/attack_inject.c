/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that arrive where nobody asked for them: tables that processes share, children that share their
 * parent's memory, askers that die between their question and its answer, and whoever has their number then.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "attack.h"

#define ROUNDS 200

static unsigned descriptors(void)
{
        unsigned count = 0;

        for (int fd = 0; fd < 256; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

static void expect_descriptors(const char *what, unsigned before)
{
        unsigned now = descriptors();

        for (int fd = 0; now != before && fd < 256; fd++) {
                char magic[64], text[256] = "";

                snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
                if (readlink(magic, text, sizeof(text) - 1) > 0)
                        printf("%d: %s\n", fd, text);
        }
        if (now != before)
                escaped("%s: %u descriptors, %u before", what, now, before);
}

static int opens_and_closes(void *hidden)
{
        for (int i = 0; i < 20; i++) {
                int fd = hidden ? (int)hidden_syscall(SYS_open, (long)in_dir("public/file"), O_RDONLY, 0, 0,
                                                      0, 0)
                                : open(in_dir("public/file"), O_RDONLY);

                expect_no_secret("in a shared table", open(in_dir("secret/file"), O_RDONLY));
                if (fd < 0)
                        escaped("a process with a shared table is not served: %s", strerror(errno));
                close(fd);
        }
        return 0;
}

/* Sharing the table, the memory, both; suspended parents. */
static void shared_tables(void)
{
        static const int flags[] = {CLONE_FILES, CLONE_FILES | CLONE_VM | CLONE_VFORK, CLONE_VM | CLONE_VFORK,
                                    CLONE_FILES | CLONE_VFORK};
        char *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        unsigned before = descriptors();

        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
                for (long hidden = 0; hidden < 2; hidden++)
                        for (int n = 0; n < 5; n++) {
                                pid_t pid = clone(opens_and_closes, stack + (1 << 18), flags[i] | SIGCHLD,
                                                  (void *)hidden);

                                waitpid(pid, NULL, 0);
                        }
        expect_descriptors("shared tables", before);
        munmap(stack, 1 << 18);
}

static int waits(void *unused)
{
        (void)unused;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        open(in_dir("fifo"), O_RDONLY); /* nobody at the other end */
        _exit(1);
}

/* The asker shares our table and dies while it waits; then what it waits for comes about. */
static void dead_askers(void)
{
        char *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        unsigned before;

        (void)mkfifo(in_dir("fifo"), 0600);
        before = descriptors();
        for (int i = 0; i < ROUNDS; i++) {
                pid_t pid = clone(waits, stack + (1 << 18), CLONE_FILES | SIGCHLD, NULL);
                int fd;

                usleep((useconds_t)(i * 37 % 2000));
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                fd = open(in_dir("fifo"), O_RDWR | O_NONBLOCK);
                close(fd);
        }
        usleep(100000);
        expect_descriptors("askers that died", before);
        munmap(stack, 1 << 18);
}

/* The number comes round: a process that never asked has it, when what its predecessor waited for happens. */
static void reused_numbers(void)
{
        int limit = 0;
        FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
        pid_t asker, pid = 0;
        unsigned before;

        if (!file || fscanf(file, "%d", &limit) != 1)
                limit = 0;
        if (file)
                fclose(file);
        if (limit == 0 || limit > 40000) {
                printf("process ids do not come round in time: %d of them\n", limit);
                return;
        }
        before = descriptors();
        asker = fork();
        if (asker == 0)
                waits(NULL);
        usleep(20000);
        kill(asker, SIGKILL);
        waitpid(asker, NULL, 0);
        for (int i = 0; i < 2 * limit && pid != asker; i++) {
                pid = vfork();
                if (pid == 0 && getpid() != asker)
                        _exit(0);
                if (pid == 0) { /* as vfork's child: nothing but this */
                        close(open(in_dir("fifo"), O_RDWR | O_NONBLOCK));
                        _exit(descriptors() != before);
                }
                if (pid != asker)
                        waitpid(pid, NULL, 0);
        }
        int status = 0;
        if (pid == asker && waitpid(pid, &status, 0) == pid && status)
                escaped("whoever has a dead asker's number gets its descriptor (%#x)", status);
        printf("%s\n", pid == asker ? "the number came round" : "the number did not come round");
}

int main(void)
{
        alarm(80);
        shared_tables();
        dead_askers();
        reused_numbers();
        still_confined();
        return finished();
}
