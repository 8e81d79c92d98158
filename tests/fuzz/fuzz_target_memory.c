/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing a target's memory, at any address, over any layout of pages. Input: which of PAGES
 * pages are there (a bit each, 2 bytes) and which of those are read-only (2 bytes), then steps of STEP_BYTES:
 * what, an offset, a size. What is answered is compared with what the layout says.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/intake/target_memory.h"

#define PAGE_BYTES 4096ul
#define PAGES      16u
#define MEMORY     0x20000000ul
#define STEP_BYTES 6
#define PIECES_MAX 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct layout {
        uint16_t present, read_only;
};

static uint8_t copy[PAGES * PAGE_BYTES + PAGE_BYTES];

static void require(int condition)
{
        if (!condition)
                abort();
}

/* Byte number i of the target's memory, where nobody wrote: zeros now and then, for strings to end. */
static uint8_t original(size_t i)
{
        return (uint8_t)((i * 2654435761u) >> 13) % 251;
}

static void lay(const struct layout *layout)
{
        uint8_t *memory = (uint8_t *)MEMORY;

        require(mmap(memory, PAGES * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                memory);
        for (unsigned page = 0; page < PAGES; page++) {
                uint8_t *start = memory + page * PAGE_BYTES;

                if (!(layout->present >> page & 1))
                        continue;
                require(mprotect(start, PAGE_BYTES, PROT_READ | PROT_WRITE) == 0);
                for (size_t i = 0; i < PAGE_BYTES; i++)
                        start[i] = original(page * PAGE_BYTES + i);
                if (layout->read_only >> page & 1)
                        require(mprotect(start, PAGE_BYTES, PROT_READ) == 0);
        }
}

/* How many bytes from at on are there (and can be written, where writing). */
static size_t reach(const struct layout *layout, size_t at, bool writing)
{
        size_t end = at;

        while (end < PAGES * PAGE_BYTES) {
                unsigned page = (unsigned)(end / PAGE_BYTES);

                if (!(layout->present >> page & 1) || (writing && layout->read_only >> page & 1))
                        break;
                end = (page + 1) * PAGE_BYTES;
        }
        return end - at;
}

static void read_block(const struct layout *layout, size_t at, size_t size)
{
        int r = target_read(getpid(), MEMORY + at, copy, size);

        require(r == (size <= reach(layout, at, false) ? 0 : -EFAULT));
        if (r == 0)
                require(memcmp(copy, (const uint8_t *)MEMORY + at, size) == 0);
}

static void read_string(const struct layout *layout, size_t at, size_t size)
{
        size_t there = reach(layout, at, false), limit = there < size ? there : size;
        const uint8_t *start = (const uint8_t *)MEMORY + at, *end = limit ? memchr(start, 0, limit) : NULL;
        ssize_t r = target_read_string(getpid(), MEMORY + at, (char *)copy, size);

        if (end)
                require(r == end - start && memcmp(copy, start, (size_t)r + 1) == 0);
        else
                require(r == (size <= there ? -ENAMETOOLONG : -EFAULT));
}

static void write_block(const struct layout *layout, size_t at, size_t size)
{
        int r;

        memset(copy, (int)(size & 0xff), size);
        r = target_write(getpid(), MEMORY + at, copy, size);
        require(r == (size <= reach(layout, at, true) ? 0 : -EFAULT));
        if (r == 0 && size)
                require(memcmp(copy, (const uint8_t *)MEMORY + at, size) == 0);
}

/* Pieces of size bytes each, stride apart. */
static void read_pieces(const struct layout *layout, size_t at, size_t size)
{
        struct iovec pieces[PIECES_MAX];
        unsigned count = (unsigned)(size % PIECES_MAX) + 1;
        size_t stride = size * 3 + 1, total = size * count;
        bool whole = true;
        int r;

        if (total > sizeof copy)
                return;
        for (unsigned i = 0; i < count; i++) {
                size_t start = at + i * stride;

                pieces[i] = (struct iovec){(void *)(MEMORY + start), size};
                whole &= start < PAGES * PAGE_BYTES ? size <= reach(layout, start, false) : size == 0;
        }
        r = target_read_vector(getpid(), pieces, count, copy, total);
        require(r == (whole ? 0 : -EFAULT));
        for (unsigned i = 0; r == 0 && i < count; i++)
                require(memcmp(copy + i * size, pieces[i].iov_base, size) == 0);
}

static void step(const struct layout *layout, const uint8_t *bytes)
{
        size_t at = (bytes[1] | (size_t)bytes[2] << 8 | (size_t)bytes[3] << 16) % (PAGES * PAGE_BYTES);
        size_t size = (bytes[4] | (size_t)bytes[5] << 8) % (sizeof copy - PAGE_BYTES);

        switch (bytes[0] % 4) {
        case 0:
                read_block(layout, at, size);
                break;
        case 1:
                read_string(layout, at, size);
                break;
        case 2:
                write_block(layout, at, size);
                break;
        case 3:
                read_pieces(layout, at, size);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct layout layout;

        if (size < sizeof layout)
                return 0;
        memcpy(&layout, data, sizeof layout);
        lay(&layout);
        for (data += sizeof layout, size -= sizeof layout; size >= STEP_BYTES;
             data += STEP_BYTES, size -= STEP_BYTES)
                step(&layout, data);
        return 0;
}
