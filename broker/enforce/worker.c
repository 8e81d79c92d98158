/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/block.h"
#include "broker/enforce/credentials.h"

/* A setting under /proc/sys/fs, or fallback where it cannot be read. */
static unsigned read_setting(int proc_fd, const char *name, unsigned fallback)
{
        char path[64], text[16];
        _cleanup_close_ int fd = -1;
        ssize_t n;

        snprintf(path, sizeof path, "sys/fs/%s", name);
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return fallback;
        n = read(fd, text, sizeof text - 1);
        if (n <= 0)
                return fallback;
        text[n] = '\0';
        return (unsigned)strtoul(text, NULL, 10);
}

/* The device number that every memfd has: the kernel's internal tmpfs. */
static int find_memory_device(dev_t *ret_device)
{
        _cleanup_close_ int fd = memfd_create("flicker", MFD_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        *ret_device = status.st_dev;
        return 0;
}

static int files_init(struct worker_files *files, int proc_fd)
{
        struct stat status;

        for (unsigned i = 0; i < WORKER_PIDFDS; i++)
                files->pidfds[i].fd = -1;
        files->links = openat(proc_fd, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (files->links < 0 || fstat(proc_fd, &status) < 0)
                return -errno;
        files->proc_device = status.st_dev;
        files->protected_symlinks = read_setting(proc_fd, "protected_symlinks", 1) != 0;
        files->protected_regular = read_setting(proc_fd, "protected_regular", 2);
        files->protected_fifos = read_setting(proc_fd, "protected_fifos", 2);
        return find_memory_device(&files->memory_device);
}

/* The kernel's complaints about an operation (a limit on file size, a pipe without reader) are the caller's,
 * and reach it as errors; as signals they would hit the broker. */
static void block_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGXFSZ);
        sigaddset(&set, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int worker_init(struct worker *worker, const struct operations *operations, bool may_block)
{
        int r;

        *worker = (struct worker){.operations = operations, .may_block = may_block};
        /* A umask of this thread's own: it becomes the caller's before something is created. */
        if (unshare(CLONE_FS) < 0)
                return -errno;
        block_signals();
        worker->files = calloc(1, sizeof *worker->files);
        if (!worker->files)
                return -ENOMEM;
        worker->files->links = -1;
        r = files_init(worker->files, operations->proc_fd);
        if (r >= 0)
                r = credentials_create(&worker->credentials);
        if (r >= 0)
                r = ticker_init(&worker->files->ticker);
        if (r < 0)
                worker_finish(worker);
        return r;
}

void worker_finish(struct worker *worker)
{
        struct worker_files *files = worker->files;

        if (worker->credentials)
                credentials_restore(worker);
        credentials_destroy(worker->credentials);
        worker->credentials = NULL;
        if (!files)
                return;
        ticker_finish(&files->ticker);
        for (unsigned i = 0; i < WORKER_PIDFDS; i++)
                if (files->pidfds[i].tid)
                        close(files->pidfds[i].fd);
        if (files->links >= 0)
                close(files->links);
        free(files);
        worker->files = NULL;
}
