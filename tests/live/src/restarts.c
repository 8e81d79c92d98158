/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that wait, and a signal that comes while they do: which fail with EINTR, which go on, and what they
 * say of the time that was left, with a handler that has SA_RESTART and with one that has not (signal(7)).
 * Printed for comparison with a native run.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

#define SIGNAL_MS 40  /* the signal comes when the call has waited as long, */
#define END_MS    120 /* what is waited for this long after the signal */
#define SAMPLE_MS 10

static volatile sig_atomic_t caught;
static atomic_bool returned; /* the call that waits */
static int ends[2], sockets[2], listener, full[2], futex_word;
static pid_t child;
static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "restarts.socket"};
static pthread_t waiter;
static pid_t waiter_tid;

static void on_signal(int number)
{
        (void)number;
        caught++;
}

static void sleep_ms(int milliseconds)
{
        struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

        while (nanosleep(&left, &left) < 0)
                ;
}

static long do_read(void)
{
        char byte;

        return read(ends[0], &byte, 1);
}

static long do_readv(void)
{
        char byte;

        return readv(ends[0], &(struct iovec){&byte, 1}, 1);
}

static void end_read(void)
{
        if (write(ends[1], "x", 1) < 0)
                perror("write");
}

static long do_recv(void)
{
        char byte;

        return recv(sockets[0], &byte, 1, 0);
}

static long do_recvmsg(void)
{
        char byte;
        struct iovec part = {&byte, 1};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        return recvmsg(sockets[0], &message, 0);
}

static void end_recv(void)
{
        if (send(sockets[1], "x", 1, 0) < 0)
                perror("send");
}

static long do_accept(void)
{
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0)
                close(fd);
        return fd;
}

static void end_accept(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                perror("connect");
        close(fd);
}

static long do_write(void)
{
        static char much[1 << 16]; /* a pipe's size */

        if (write(full[1], much, sizeof much) < 0)
                return -1;
        return write(full[1], much, 1);
}

static void end_write(void)
{
        static char much[1 << 20];

        if (read(full[0], much, sizeof much) <= 0)
                perror("read");
}

static long do_poll(void)
{
        return poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 1000);
}

static long do_ppoll(void)
{
        struct timespec limit = {1, 0};

        return ppoll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, &limit, NULL);
}

static long do_select(void)
{
        struct timeval limit = {1, 0};
        fd_set set;
        long r;

        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        r = select(ends[0] + 1, &set, NULL, NULL, &limit);
        if (r < 0 && limit.tv_sec == 1)
                printf("select did not say what was left\n");
        return r;
}

static long do_epoll(void)
{
        int fd = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN};
        long r;
        int error;

        epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event);
        r = epoll_wait(fd, &event, 1, 1000);
        error = errno;
        close(fd);
        errno = error;
        return r;
}

static void end_poll(void)
{
        if (write(ends[1], "x", 1) < 0)
                perror("write");
}

static int64_t now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What was slept and what was left are the whole, however late a busy machine sends the signal. */
static long do_nanosleep(void)
{
        struct timespec limit = {0, 300000000}, left = {9, 9};
        int64_t start = now();
        long r = nanosleep(&limit, &left);
        int64_t slept = now() - start;

        if (r < 0 &&
            (left.tv_sec != 0 || left.tv_nsec >= limit.tv_nsec || slept + left.tv_nsec < limit.tv_nsec))
                printf("nanosleep said %ld.%09ld was left\n", (long)left.tv_sec, left.tv_nsec);
        return r;
}

static long do_clock_nanosleep(void)
{
        struct timespec limit;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &limit);
        limit.tv_nsec += 300000000;
        limit.tv_sec += limit.tv_nsec / 1000000000;
        limit.tv_nsec %= 1000000000;
        r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &limit, NULL);
        errno = r;
        return r ? -1 : 0;
}

static long do_futex(void)
{
        return syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void end_futex(void)
{
        futex_word = 1;
        syscall(SYS_futex, &futex_word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static long do_wait4(void)
{
        return waitpid(child, NULL, 0);
}

static long do_waitid(void)
{
        siginfo_t info;

        return waitid(P_PID, (id_t)child, &info, WEXITED);
}

static void end_wait(void)
{
        kill(child, SIGKILL);
}

static long do_pause(void)
{
        return pause();
}

static long do_sigsuspend(void)
{
        sigset_t none;

        sigemptyset(&none);
        return sigsuspend(&none);
}

static long do_sigtimedwait(void)
{
        struct timespec limit = {1, 0};
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        return sigtimedwait(&set, NULL, &limit);
}

static long do_flock(void)
{
        int fd = open("restarts.lock", O_RDWR | O_CLOEXEC);
        long r = flock(fd, LOCK_EX);
        int error = errno;

        close(fd);
        errno = error;
        return r;
}

static long do_setlkw(void)
{
        int fd = open("restarts.lock", O_RDWR | O_CLOEXEC);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        long r = fcntl(fd, F_OFD_SETLKW, &lock);
        int error = errno;

        close(fd);
        errno = error;
        return r;
}

static int lock_fd;

/* Not by closing it: the child has it too. */
static void end_lock(void)
{
        flock(lock_fd, LOCK_UN);
        fcntl(lock_fd, F_OFD_SETLK, &(struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET});
}

static long do_fifo(void)
{
        int fd = open("restarts.fifo", O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
                close(fd);
        return fd;
}

/* Again where the other end is not there yet: on its way back from the handler, on a busy machine. Not for
 * one that the signal has ended. */
static void end_fifo(void)
{
        int fd = open("restarts.fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        for (int i = 0; fd < 0 && errno == ENXIO && !returned && i < 500; i++) {
                sleep_ms(10);
                fd = open("restarts.fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        }
        close(fd);
}

static int semaphore;

static long do_semop(void)
{
        return semop(semaphore, &(struct sembuf){0, -1, 0}, 1);
}

static void end_semop(void)
{
        semop(semaphore, &(struct sembuf){0, 1, 0}, 1);
}

static void nothing(void)
{
}

static const struct {
        const char *name;
        long (*call)(void);
        void (*end)(void); /* NULL: the signal is all that ends it */
} calls[] = {
        {"read", do_read, end_read},           {"readv", do_readv, end_read},
        {"recv", do_recv, end_recv},           {"recvmsg", do_recvmsg, end_recv},
        {"accept", do_accept, end_accept},     {"write", do_write, end_write},
        {"poll", do_poll, end_poll},           {"ppoll", do_ppoll, end_poll},
        {"select", do_select, end_poll},       {"epoll_wait", do_epoll, end_poll},
        {"nanosleep", do_nanosleep, nothing},  {"clock_nanosleep", do_clock_nanosleep, nothing},
        {"futex", do_futex, end_futex},        {"wait4", do_wait4, end_wait},
        {"waitid", do_waitid, end_wait},       {"pause", do_pause, NULL},
        {"sigsuspend", do_sigsuspend, NULL},   {"sigtimedwait", do_sigtimedwait, nothing},
        {"flock", do_flock, end_lock},         {"fcntl", do_setlkw, end_lock},
        {"open of a FIFO", do_fifo, end_fifo}, {"semop", do_semop, end_semop},
};

static void prepare(void)
{
        int fd;

        if (pipe2(ends, O_CLOEXEC) < 0 || pipe2(full, O_CLOEXEC) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0 ||
            mkfifo("restarts.fifo", 0600) < 0)
                report("prepare", -1);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4) < 0)
                report("listen", -1);
        futex_word = 0;
        fd = open("restarts.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        flock(fd, LOCK_EX);
        fcntl(fd, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET});
        lock_fd = fd;
        semaphore = semget(IPC_PRIVATE, 1, 0600);
        child = fork();
        if (child == 0) {
                alarm(10);
                for (;;)
                        pause();
        }
}

static void clean(void)
{
        const int fds[] = {ends[0], ends[1], full[0], full[1], sockets[0], sockets[1], listener, lock_fd};

        for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
                close(fds[i]);
        semctl(semaphore, 0, IPC_RMID);
        unlink("restarts.fifo");
        unlink("restarts.lock");
        unlink("restarts.socket");
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}

/* How often the waiter has gone to sleep, if it sleeps now; else -1. */
static long asleep(void)
{
        static const char field[] = "\nvoluntary_ctxt_switches:";
        char path[64], text[4096];
        const char *state, *switches;
        ssize_t n;
        int fd;

        snprintf(path, sizeof path, "/proc/self/task/%d/status", waiter_tid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = read(fd, text, sizeof text - 1);
        close(fd);
        text[n < 0 ? 0 : n] = '\0';
        state = strstr(text, "\nState:\tS");
        switches = strstr(text, field);
        return state && switches ? atol(switches + sizeof field - 1) : -1;
}

/* On a busy machine the call comes late. */
static void wait_for_waiter(void)
{
        long before = -1;

        for (int waited = 0, i = 0; waited < SIGNAL_MS && i < 500; waited += SAMPLE_MS, i++) {
                long now = asleep();

                if (now < 0 || now != before)
                        waited = 0;
                before = now;
                sleep_ms(SAMPLE_MS);
        }
}

static void *sender(void *index)
{
        wait_for_waiter();
        pthread_kill(waiter, SIGUSR1);
        sleep_ms(END_MS);
        if (calls[(uintptr_t)index].end)
                calls[(uintptr_t)index].end();
        return NULL;
}

static void one(unsigned index, const char *how)
{
        pthread_t thread;
        char name[64];
        long r;
        int error;

        prepare();
        caught = 0;
        returned = false;
        waiter = pthread_self();
        waiter_tid = gettid();
        pthread_create(&thread, NULL, sender, (void *)(uintptr_t)index);
        r = calls[index].call();
        error = errno;
        returned = true;
        snprintf(name, sizeof name, "%s, %s, %d caught", calls[index].name, how, (int)caught);
        pthread_join(thread, NULL);
        errno = error;
        report(name, r);
        clean();
}

#define MEET_MS      400
#define MEET_SECONDS 30

static sem_t interrupted; /* the first thread is back */

/* After a while; or, with a semaphore, once that is posted: however slow the machine, the signal is first. */
static void *meet(void *semaphore)
{
        struct timespec limit;
        sigset_t set;
        int fd;

        /* Any thread may take the signal; this one would each time it waits anew. */
        sigemptyset(&set);
        sigaddset(&set, SIGALRM);
        if (semaphore)
                pthread_sigmask(SIG_BLOCK, &set, NULL);
        clock_gettime(CLOCK_REALTIME, &limit);
        limit.tv_sec += MEET_SECONDS;
        if (semaphore)
                while (sem_timedwait(semaphore, &limit) < 0 && errno == EINTR)
                        ;
        else
                sleep_ms(MEET_MS);
        fd = open("meeting", O_RDWR);
        sleep_ms(MEET_MS); /* an open that is interrupted just now finds it the next time */
        if (fd >= 0)
                close((int)fd);
        return NULL;
}

static void *wait_to_meet(void *unused)
{
        long fd = open("meeting", O_RDONLY);

        (void)unused;
        report("the second thread's open", fd < 0 ? fd : 0);
        if (fd >= 0)
                close((int)fd);
        return NULL;
}

/* Signals to the process, while one of its threads waits in an open: they are for the first thread. */
static void of_the_process(int flags)
{
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
        const struct itimerval often = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
        pthread_t other, second;
        long fd;

        sigaction(SIGALRM, &action, NULL);
        if (mkfifo("meeting", 0600) < 0)
                report("mkfifo", -1);
        caught = 0;
        sem_init(&interrupted, 0, 0);
        setitimer(ITIMER_REAL, &often, NULL);
        pthread_create(&other, NULL, meet, flags & SA_RESTART ? NULL : &interrupted);
        fd = open("meeting", O_RDONLY);
        sem_post(&interrupted);
        report("the first thread's open", fd < 0 ? fd : 0);
        if (fd >= 0)
                close((int)fd);
        pthread_join(other, NULL);
        report_text("signals", "%s", caught > 0 ? "some" : "none");
        pthread_create(&other, NULL, meet, NULL);
        pthread_create(&second, NULL, wait_to_meet, NULL);
        pthread_join(second, NULL);
        pthread_join(other, NULL);
        setitimer(ITIMER_REAL, &never, NULL);
        signal(SIGALRM, SIG_DFL); /* the children's way to end */
        unlink("meeting");
}

int main(void)
{
        of_the_process(SA_RESTART);
        of_the_process(0);
        for (int restart = 0; restart < 2; restart++) {
                struct sigaction action = {.sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0};

                sigaction(SIGUSR1, &action, NULL);
                for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
                        one(i, restart ? "restarting" : "interrupting");
        }
        return 0;
}
