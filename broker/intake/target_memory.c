/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/intake/target_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define PAGE_BYTES 4096u

/* What process_vm_readv(2) and process_vm_writev(2) transferred, as an error: short counts end at a page that
 * cannot be accessed. */
static int transfer_result(ssize_t transferred, size_t size)
{
        if (transferred >= 0)
                return (size_t)transferred == size ? 0 : -EFAULT;
        switch (errno) {
        case ESRCH:
        case EPERM:
        case ENOMEM:
                return -errno;
        default:
                return -EFAULT;
        }
}

int target_read(pid_t tid, uint64_t address, void *out, size_t size)
{
        struct iovec local = {out, size};
        struct iovec remote = {(void *)(uintptr_t)address, size};

        if (size == 0)
                return 0;
        return transfer_result(process_vm_readv(tid, &local, 1, &remote, 1, 0), size);
}

ssize_t target_read_string(pid_t tid, uint64_t address, char *out, size_t size)
{
        size_t have = 0;

        while (have < size) {
                size_t chunk = PAGE_BYTES - (address + have) % PAGE_BYTES;
                const char *end;
                int r;

                if (chunk > size - have)
                        chunk = size - have;
                r = target_read(tid, address + have, out + have, chunk);
                if (r < 0)
                        return r;
                end = memchr(out + have, '\0', chunk);
                if (end)
                        return end - out;
                have += chunk;
        }
        return -ENAMETOOLONG;
}

int target_read_vector(pid_t tid, const struct iovec *pieces, unsigned count, void *out, size_t size)
{
        struct iovec local = {out, size};

        if (size == 0)
                return 0;
        return transfer_result(process_vm_readv(tid, &local, 1, pieces, count, 0), size);
}

int target_write(pid_t tid, uint64_t address, const void *data, size_t size)
{
        struct iovec local = {(void *)(uintptr_t)data, size};
        struct iovec remote = {(void *)(uintptr_t)address, size};

        if (size == 0)
                return 0;
        return transfer_result(process_vm_writev(tid, &local, 1, &remote, 1, 0), size);
}
