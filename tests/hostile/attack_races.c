/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of check, time of use: one thread changes what an argument points to, or the file tree, while another
 * makes the call. Each race runs for a moment; one success is one too many.
 */
#include <arpa/inet.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "attack.h"

static char path[4096];
static const char *allowed, *secret;
static struct sockaddr_in address;

static bool time_is_up(const struct timespec *start, double seconds)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9 > seconds;
}

static void *flip_link(void *unused)
{
        (void)unused;
        while (!attack_stop) {
                (void)!symlink(allowed, in_dir("race.new"));
                rename(in_dir("race.new"), in_dir("race"));
                (void)!symlink(secret, in_dir("race.new"));
                rename(in_dir("race.new"), in_dir("race"));
        }
        return NULL;
}

static void *flip_directory(void *unused)
{
        (void)unused;
        while (!attack_stop) {
                rename(in_dir("swap"), in_dir("swap.away"));
                (void)!symlink(in_dir("secret"), in_dir("swap"));
                unlink(in_dir("swap"));
                rename(in_dir("swap.away"), in_dir("swap"));
        }
        return NULL;
}

/* One link under two names, in directories where its text leads to different things. */
static void make_known_links(void)
{
        for (unsigned i = 0; i < 2; i++)
                mkdir(in_dir(i ? "known.other" : "known"), 0755);
        (void)!symlink("way", in_dir("known/link"));
        (void)!link(in_dir("known/link"), in_dir("known.other/link"));
        (void)!symlink(in_dir("public"), in_dir("known/way"));
        (void)!symlink(in_dir("secret"), in_dir("known.other/way"));
        sleep(4); /* a broker may know an old link again */
        close(open(in_dir("known/link/file"), O_RDONLY));
}

static void *flip_known_link(void *unused)
{
        (void)unused;
        while (!attack_stop)
                syscall(SYS_renameat2, AT_FDCWD, in_dir("known"), AT_FDCWD, in_dir("known.other"),
                        RENAME_EXCHANGE);
        return NULL;
}

static void *flip_address(void *unused)
{
        (void)unused;
        while (!attack_stop) {
                address.sin_addr.s_addr = inet_addr("127.0.0.1");
                for (volatile int i = 0; i < 50; i++)
                        ;
                address.sin_addr.s_addr = inet_addr("127.0.0.3");
        }
        return NULL;
}

static void try_open(void)
{
        expect_no_secret("a race on the path of open", open(path, O_RDONLY));
}

static void try_link(void)
{
        expect_no_secret("a race on a symbolic link", open(in_dir("race"), O_RDONLY));
}

static void try_directory(void)
{
        expect_no_secret("a race on a directory", open(in_dir("swap/file"), O_RDONLY));
}

static void try_known_link(void)
{
        expect_no_secret("a race on a link that was followed before",
                         open(in_dir("known/link/file"), O_RDONLY));
}

static void try_unlink(void)
{
        unlink(path);
        close(open(in_dir("public/file"), O_RDWR | O_CREAT, 0644));
        if (access(secret, F_OK) < 0)
                escaped("a race on the path of unlink");
}

static void try_connect(void)
{
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof(peer);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
            getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
            peer.sin_addr.s_addr == inet_addr("127.0.0.3"))
                escaped("a race on the address of connect");
        close(fd);
}

/* "secret/program" ends with 0, "public/program" with 1. */
static void try_exec(void)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                pthread_t thread;
                char *argv[] = {path, NULL}, *envp[] = {NULL};
                attack_stop = false;
                pthread_create(&thread, NULL, flip_to_secret,
                               strstr(path, "public") ? strstr(path, "public") : strstr(path, "secret"));
                for (int i = 0; i < 20; i++)
                        execve(path, argv, envp);
                _exit(98);
        }
        waitpid(pid, &status, 0);
        if (status == 0)
                escaped("a race on the path of execve");
}

static void race(void *(*flip)(void *), void *argument, void (*attempt)(void), double seconds)
{
        struct timespec start;
        pthread_t thread;

        attack_stop = false;
        if (flip)
                pthread_create(&thread, NULL, flip, argument);
        clock_gettime(CLOCK_MONOTONIC, &start);
        while (!time_is_up(&start, seconds) && !attack_escapes)
                attempt();
        attack_stop = true;
        if (flip)
                pthread_join(thread, NULL);
}

/* What the races were about, each once without one: a race need not meet it, and the log has to tell it. */
static void without_a_race(void)
{
        int status;
        pid_t pid;

        if (unlink(secret) == 0)
                escaped("unlink");
        address.sin_addr.s_addr = inet_addr("127.0.0.3");
        try_connect();
        pid = fork();
        if (pid == 0) {
                execl(in_dir("secret/program"), "program", NULL);
                _exit(98);
        }
        waitpid(pid, &status, 0);
        if (status == 0)
                escaped("execve");
}

int main(void)
{
        allowed = strdup(in_dir("public/file"));
        secret = strdup(in_dir("secret/file"));
        strcpy(path, allowed);
        char *place = strstr(path, "public/file");
        race(flip_to_secret, place, try_open, 1);
        race(flip_link, NULL, try_link, 1);
        race(flip_directory, NULL, try_directory, 1);
        make_known_links();
        race(flip_known_link, NULL, try_known_link, 1);
        race(flip_to_secret, place, try_unlink, 0.5);
        address.sin_family = AF_INET;
        address.sin_port = htons((unsigned short)atoi(setting("PORT")));
        race(flip_address, NULL, try_connect, 1);
        strcpy(path, in_dir("public/program"));
        race(NULL, NULL, try_exec, 1);
        without_a_race();
        still_confined();
        return finished();
}
