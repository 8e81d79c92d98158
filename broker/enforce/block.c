/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/block.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Far from the numbers that programs and libc use. */
static int ticker_signal(void)
{
        return SIGRTMAX - 3;
}

static void ticker_ignore(int signal)
{
        (void)signal;
}

int ticker_init(struct worker_files *files)
{
        struct sigaction action = {.sa_handler = ticker_ignore};
        struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = ticker_signal()};
        sigset_t set;

        if (sigaction(ticker_signal(), &action, NULL) < 0)
                return -errno;
        sigemptyset(&set);
        sigaddset(&set, ticker_signal());
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        event.sigev_notify_thread_id = gettid();
        if (timer_create(CLOCK_MONOTONIC, &event, &files->ticker) < 0)
                return -errno;
        files->has_ticker = true;
        return 0;
}

void ticker_finish(struct worker_files *files)
{
        if (files->has_ticker)
                timer_delete(files->ticker);
        files->has_ticker = false;
}

static void ticker_set(struct worker *worker, long period_us)
{
        struct timespec period = {.tv_nsec = period_us * 1000};
        struct itimerspec spec = {.it_interval = period, .it_value = period};

        assert(worker->files->has_ticker);
        timer_settime(worker->files->ticker, 0, &spec, NULL);
}

void ticker_start(struct worker *worker)
{
        ticker_set(worker, CALLER_POLL_MS * 1000);
}

void ticker_start_brief(struct worker *worker)
{
        ticker_set(worker, TICKER_BRIEF_US);
}

void ticker_stop(struct worker *worker)
{
        ticker_set(worker, 0);
}

int block_open(struct operation *operation, int directory, const char *name, int flags, mode_t mode)
{
        unsigned seen = 0;
        int fd, r;

        ticker_start(operation->worker);
        for (;;) {
                fd = openat(directory, name, flags, mode);
                r = fd < 0 ? -errno : fd;
                if (r != -EINTR)
                        break;
                r = caller_interrupted(operation->caller, &seen);
                if (r < 0)
                        break;
        }
        ticker_stop(operation->worker);
        return r;
}
