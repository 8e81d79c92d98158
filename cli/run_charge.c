/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_charge.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct run_charge *map(int fd)
{
        struct run_charge *charge = mmap(NULL, sizeof *charge, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        return charge == MAP_FAILED ? NULL : charge;
}

struct run_charge *run_charge_create(int *ret_fd)
{
        struct run_charge *charge = NULL;
        int fd = memfd_create("flicker-charge", MFD_CLOEXEC);

        if (fd < 0)
                return NULL;
        if (ftruncate(fd, sizeof *charge) == 0)
                charge = map(fd);
        if (!charge) {
                close(fd);
                return NULL;
        }
        ipc_objects_init(&charge->ipc);
        *ret_fd = fd;
        return charge;
}

struct run_charge *run_charge_map(int fd)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return NULL;
        if (!S_ISREG(status.st_mode) || status.st_size != sizeof(struct run_charge)) {
                errno = EINVAL;
                return NULL;
        }
        return map(fd);
}
