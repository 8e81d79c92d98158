/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of one's choice in the broker, by the linker's --wrap: only in the test's own flicker-run-faulty,
 * which is never installed. FLICKER_FAULT=KIND:N has the Nth call of that kind fail, and with a "+" behind it
 * all that follow. Kinds: memory (allocations), descriptors (whatever makes one), threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "tests/hostile/astray.h"

enum kind { MEMORY, DESCRIPTORS, THREADS };

static atomic_ulong calls;

/* Is this call to fail? Reads the environment each time: that allocates nothing and is never hot. */
static bool fails(enum kind kind)
{
        static const char *const names[] = {"memory:", "descriptors:", "threads:"};
        const char *fault = getenv("FLICKER_FAULT");
        unsigned long count, wanted;
        char *end;

        if (!fault || strncmp(fault, names[kind], strlen(names[kind])) != 0)
                return false;
        wanted = strtoul(fault + strlen(names[kind]), &end, 10);
        count = atomic_fetch_add(&calls, 1) + 1;
        return count == wanted || (*end == '+' && count > wanted);
}

static int no_descriptor(void)
{
        errno = EMFILE;
        return -1;
}

static void *no_memory(void)
{
        errno = ENOMEM;
        return NULL;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
        return fails(MEMORY) ? no_memory() : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
        return fails(MEMORY) ? no_memory() : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
        return fails(MEMORY) ? no_memory() : __real_realloc(old, size);
}

static mode_t mode_of(int flags, va_list arguments)
{
        return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
        va_list arguments;
        mode_t mode;

        va_start(arguments, flags);
        mode = mode_of(flags, arguments);
        va_end(arguments);
        return fails(DESCRIPTORS) ? no_descriptor() : __real_open(path, flags, mode);
}

int __real_openat(int base, const char *path, int flags, mode_t mode);
int __wrap_openat(int base, const char *path, int flags, ...);
int __wrap_openat(int base, const char *path, int flags, ...)
{
        va_list arguments;
        mode_t mode;

        va_start(arguments, flags);
        mode = mode_of(flags, arguments);
        va_end(arguments);
        return fails(DESCRIPTORS) ? no_descriptor() : __real_openat(base, path, flags, mode);
}

int __real___openat_2(int base, const char *path, int flags);
int __wrap___openat_2(int base, const char *path, int flags);
int __wrap___openat_2(int base, const char *path, int flags)
{
        return fails(DESCRIPTORS) ? no_descriptor() : __real___openat_2(base, path, flags);
}

int __real_fcntl(int fd, int command, long argument);
int __wrap_fcntl(int fd, int command, long argument);
int __wrap_fcntl(int fd, int command, long argument)
{
        return command == F_DUPFD_CLOEXEC && fails(DESCRIPTORS) ? no_descriptor()
                                                                : __real_fcntl(fd, command, argument);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
        bool makes = number == SYS_openat2 || number == SYS_pidfd_open || number == SYS_pidfd_getfd;

        return makes && fails(DESCRIPTORS) ? no_descriptor() : __real_syscall(number, a, b, c, d, e, f);
}

struct start {
        void *(*run)(void *);
        void *argument;
};

static void *run_astray(void *context)
{
        struct start start = *(struct start *)context;

        free(context);
        astray();
        return start.run(start.argument);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
        struct start *start = __real_malloc(sizeof *start);
        int r;

        if (!start || fails(THREADS)) {
                free(start);
                return EAGAIN;
        }
        *start = (struct start){run, argument};
        r = __real_pthread_create(thread, attributes, run_astray, start);
        if (r)
                free(start);
        return r;
}
