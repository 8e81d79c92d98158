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

#define TICKS_OF_A_PERIOD 8

/* Far from the numbers that programs and libc use. */
static int ticker_signal(void)
{
        return SIGRTMAX - 3;
}

static void ticker_ignore(int signal)
{
        (void)signal;
}

int ticker_init(struct ticker *ticker)
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
        if (timer_create(CLOCK_MONOTONIC, &event, &ticker->timer) < 0)
                return -errno;
        ticker->created = true;
        return 0;
}

void ticker_finish(struct ticker *ticker)
{
        if (ticker->created)
                timer_delete(ticker->timer);
        ticker->created = false;
}

/* Again and again: a tick between two syscalls interrupts nothing. */
static void ticker_set(const struct ticker *ticker, long period_us)
{
        struct timespec period = {.tv_nsec = period_us * 1000};
        struct itimerspec spec = {.it_interval = period, .it_value = period};

        assert(ticker->created);
        timer_settime(ticker->timer, 0, &spec, NULL);
}

static void ticker_set_period(struct ticker *ticker, unsigned period_ms)
{
        if (period_ms == ticker->period_ms)
                return;
        ticker->period_ms = period_ms;
        ticker->ticks = 0;
        ticker_set(ticker, period_ms * 1000L);
}

void ticker_start(struct worker *worker)
{
        struct ticker *ticker = &worker->files->ticker;

        ticker->period_ms = 0;
        ticker->signals_seen = 0;
        ticker_set_period(ticker, TICKER_FIRST_MS);
}

void ticker_start_brief(struct worker *worker)
{
        ticker_set(&worker->files->ticker, TICKER_BRIEF_US);
}

void ticker_stop(struct worker *worker)
{
        ticker_set(&worker->files->ticker, 0);
}

int ticker_interrupted(struct operation *operation)
{
        struct ticker *ticker = &operation->worker->files->ticker;
        int r = caller_interrupted(operation->caller, &ticker->signals_seen);

        if (r < 0)
                return r;
        if (ticker->signals_seen)
                ticker_set_period(ticker, TICKER_FIRST_MS);
        else if (++ticker->ticks == TICKS_OF_A_PERIOD && ticker->period_ms < TICKER_LAST_MS)
                ticker_set_period(ticker, ticker->period_ms * 2);
        return 0;
}

int block_retry(struct operation *operation, int (*attempt)(const void *), const void *what)
{
        int r;

        ticker_start(operation->worker);
        do
                r = attempt(what);
        while (r == -EINTR && (r = ticker_interrupted(operation)) == 0);
        ticker_stop(operation->worker);
        return r;
}

struct open_attempt {
        const char *name;
        int directory, flags;
        mode_t mode;
};

static int open_once(const void *what)
{
        const struct open_attempt *attempt = what;
        int fd = openat(attempt->directory, attempt->name, attempt->flags, attempt->mode);

        return fd < 0 ? -errno : fd;
}

int block_open(struct operation *operation, int directory, const char *name, int flags, mode_t mode)
{
        const struct open_attempt attempt = {name, directory, flags, mode};

        return block_retry(operation, open_once, &attempt);
}
