// SPDX-License-Identifier: Apache-2.0
// Unwinding out of handlers: backtraces, exceptions, cancellation. Built with -fnon-call-exceptions
// -fasynchronous-unwind-tables. Printed for comparison with a native run.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <unwind.h>

static std::atomic<long> complete, cut;
static std::atomic<bool> stop;

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *found)
{
        extern char main_start[] asm("main");
        char *ip = reinterpret_cast<char *>(_Unwind_GetIP(context));

        if (ip >= main_start && ip < main_start + 4096)
                *static_cast<bool *>(found) = true;
        return _URC_NO_REASON;
}

static void trace(int)
{
        bool found = false;

        _Unwind_Backtrace(frame, &found);
        (found ? complete : cut)++;
        if (complete + cut > 300)
                stop = true;
}

// The backtrace from a handler reaches main, wherever in a mediated call the signal came.
static void __attribute__((noinline)) backtraces()
{
        struct itimerval tick = {{0, 200}, {0, 200}}, none = {{0, 0}, {0, 0}};
        struct stat st;

        signal(SIGALRM, trace);
        setitimer(ITIMER_REAL, &tick, nullptr);
        while (!stop) {
                stat("/etc/passwd", &st);
                stat("/no/such", &st);
                close(open("/no/such", O_RDONLY));
        }
        setitimer(ITIMER_REAL, &none, nullptr);
        std::printf("backtraces: %s complete\n", cut == 0              ? "all"
                                                 : cut * 20 < complete ? "nearly all"
                                                                       : "NOT");
}

static void thrower(int)
{
        throw 7;
}

struct leaver {
        int *count;
        ~leaver()
        {
                ++*count;
        }
};

static volatile int *volatile nowhere;

static void __attribute__((noinline)) exceptions()
{
        int caught = 0, left = 0;

        signal(SIGSEGV, thrower);
        for (int i = 0; i < 200; i++) {
                sigset_t set;

                try {
                        leaver at_end{&left};

                        *nowhere = 1;
                } catch (int seven) {
                        caught += seven == 7;
                }
                sigemptyset(&set);
                sigaddset(&set, SIGSEGV);
                sigprocmask(SIG_UNBLOCK, &set, nullptr);
        }
        signal(SIGSEGV, SIG_DFL);
        std::printf("exceptions out of a handler: %d caught, %d left\n", caught, left);
}

static std::atomic<int> cleaned;

static void clean(void *)
{
        cleaned++;
}

static void *cancelled(void *how)
{
        int old;
        struct stat st;

        pthread_cleanup_push(clean, nullptr);
        pthread_setcanceltype(how ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, &old);
        for (;;) {
                stat("/etc/passwd", &st);
                stat("/no/such", &st);
                if (!how)
                        close(open("/no/such", O_RDONLY));
        }
        pthread_cleanup_pop(0);
        return nullptr;
}

static void cancellations(bool asynchronous)
{
        int good = 0;

        cleaned = 0;
        for (int i = 0; i < 100; i++) {
                pthread_t thread;
                void *result = nullptr;

                pthread_create(&thread, nullptr, cancelled, asynchronous ? &good : nullptr);
                usleep(200);
                pthread_cancel(thread);
                pthread_join(thread, &result);
                good += result == PTHREAD_CANCELED;
        }
        std::printf("%s: %d cancelled, %d cleaned\n", asynchronous ? "asynchronously" : "deferred", good,
                    cleaned.load());
}

int main()
{
        backtraces();
        exceptions();
        cancellations(false);
        cancellations(true);
        return 0;
}
