/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For faults.sh and death.sh, in the sandbox. prober: asks the broker for a bit of everything, some of it
 * granted, some refused; any answer will do for the former. prober besiege: asks for the refused without end,
 * from processes that are hard to get rid of, and counts what is granted (DIR/public/count gets a byte for
 * each). prober crowd: that, with more calls that wait than the broker lets wait.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attack.h"

#define WAITERS_MAX  256 /* SESSION_BLOCKING_MAX */
#define WAITERS_OVER 40

static void refused_files(void)
{
        struct stat st;

        expect_no_secret("open", open(in_dir("secret/file"), O_RDONLY));
        expect_no_secret("a hidden open",
                         (int)hidden_syscall(SYS_open, (long)in_dir("secret/file"), O_RDONLY, 0, 0, 0, 0));
        expect_no_secret("open outside", open(setting("OUTSIDE"), O_RDONLY));
        if (stat(in_dir("hidden/file"), &st) == 0)
                escaped("stat of what is hidden");
        if (unlink(in_dir("secret/file")) == 0 || rename(in_dir("secret/file"), in_dir("taken")) == 0 ||
            link(in_dir("secret/file"), in_dir("taken")) == 0 || mkdir(in_dir("secret/new"), 0700) == 0 ||
            chmod(in_dir("secret/file"), 0666) == 0 || truncate(in_dir("secret/file"), 0) == 0)
                escaped("changes what is refused");
}

static void refused_connections(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)atoi(setting("PORT"))),
                                      .sin_addr.s_addr = inet_addr("127.0.0.3")};
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                escaped("connects to a refused address");
        close(fd);
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        snprintf(name.sun_path, sizeof(name.sun_path), "%s.datagram", setting("SOCKET"));
        if (sendto(fd, "leak", 4, 0, (struct sockaddr *)&name, sizeof(name)) >= 0)
                escaped("sends to a name that nothing grants");
        close(fd);
}

static void execute(const char *program, bool refused)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                execl(program, "x", NULL);
                hidden_syscall(SYS_execve, (long)program, (long)(char *[]){"x", NULL}, (long)environ, 0, 0,
                               0);
                _exit(99);
        }
        if (waitpid(pid, &status, 0) == pid && refused && WIFEXITED(status) && WEXITSTATUS(status) == 0)
                escaped("executes a refused program");
}

static void *wait_for_nobody(void *unused)
{
        (void)unused;
        close(open(in_dir("fifo"), O_RDONLY));
        return NULL;
}

static void granted(void)
{
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        pthread_t thread;
        struct stat st;
        int fd;

        for (int i = 0; i < 30; i++) {
                close(open(in_dir("public/file"), O_RDONLY));
                (void)!stat(in_dir("public/file"), &st);
                (void)!mkdir(in_dir("made"), 0700);
                (void)!rename(in_dir("made"), in_dir("moved"));
                (void)!rmdir(in_dir("moved"));
        }
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        snprintf(name.sun_path, sizeof(name.sun_path), "%s", in_dir("giver"));
        (void)!connect(fd, (struct sockaddr *)&name, sizeof(name));
        close(fd);
        (void)!mkfifo(in_dir("fifo"), 0600);
        if (pthread_create(&thread, NULL, wait_for_nobody, NULL) == 0)
                pthread_detach(thread);
}

static void besiege(bool counts)
{
        int count = open(in_dir("public/count"), O_WRONLY | O_APPEND | O_CREAT, 0600);

        for (int i = 1; i < 32; i++)
                signal(i, SIG_IGN);
        for (;;) {
                refused_files();
                int fd = open(in_dir("public/file"), O_RDONLY);
                if (fd >= 0 && counts)
                        (void)!write(count, "x", 1);
                if (fd >= 0)
                        close(fd);
                usleep(1000);
        }
}

/* One after the other, each the child of one that has ended: whoever ends the sandbox has to be faster. */
static void run_away(void)
{
        for (;;) {
                if (fork() > 0)
                        _exit(0);
                usleep(1000);
        }
}

static int siege(void)
{
        if (fork() == 0)
                besiege(true);
        if (fork() == 0) {
                setsid();
                if (fork() == 0)
                        besiege(false);
                _exit(0);
        }
        if (fork() == 0)
                run_away();
        if (fork() == 0) {
                (void)!mkfifo(in_dir("fifo"), 0600);
                wait_for_nobody(NULL);
                for (;;)
                        pause();
        }
        if (fork() == 0)
                for (;;) /* asks nobody for anything */
                        usleep(1000);
        close(open(in_dir("public/ready"), O_CREAT | O_WRONLY, 0600));
        for (;;)
                pause();
}

static atomic_int turned_away;

static void *wait_in_line(void *unused)
{
        (void)unused;
        if (open(in_dir("fifo"), O_RDONLY) < 0 && errno == EAGAIN)
                turned_away++;
        while (pause() < 0)
                ;
        return NULL;
}

/* More of them than the broker lets wait (SESSION_BLOCKING_MAX); then the siege besides. */
static int crowd(void)
{
        pthread_attr_t small;
        pthread_t thread;

        (void)!mkfifo(in_dir("fifo"), 0600);
        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 65536);
        for (int i = 0; i < WAITERS_MAX + WAITERS_OVER; i++)
                if (pthread_create(&thread, &small, wait_in_line, NULL) != 0)
                        return 2;
        for (int i = 0; i < 300 && turned_away < WAITERS_OVER; i++)
                usleep(100000);
        if (turned_away != WAITERS_OVER)
                escaped("%d of %d were turned away", turned_away, WAITERS_OVER);
        return siege();
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "crowd"))
                return crowd();
        if (argc > 1 && !strcmp(argv[1], "besiege"))
                return siege();
        alarm(30);
        refused_files();
        granted();
        execute("/bin/true", false);
        execute(in_dir("secret/program"), true);
        refused_connections();
        refused_files();
        return attack_escapes ? 1 : 0; /* whether anybody is served is for the faults to say */
}
