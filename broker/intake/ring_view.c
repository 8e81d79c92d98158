/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/intake/ring_view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "proto/call.h"

/* Linux 6.3. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int ring_memory_create(void)
{
        _cleanup_close_ int fd = -1;

        fd = memfd_create("flicker-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("flicker-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        /* The seals keep the target from making the broker's accesses fault. */
        if (ftruncate(fd, FL_RING_SIZE_BYTES) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return -errno;
        return fd_take(&fd);
}

int ring_view_create(pid_t owner, struct ring_view **ret_view)
{
        struct ring_view *view;
        struct fl_ring *shared;
        int fd = ring_memory_create();

        if (fd < 0)
                return fd;
        view = calloc(1, sizeof *view);
        shared = mmap(NULL, FL_RING_SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (!view || shared == MAP_FAILED) {
                if (shared != MAP_FAILED)
                        munmap(shared, FL_RING_SIZE_BYTES);
                free(view);
                close(fd);
                return -ENOMEM;
        }
        shared->magic = FL_RING_MAGIC;
        shared->version = FL_PROTO_VERSION;
        shared->owner = (uint32_t)owner;
        view->shared = shared;
        view->fd = fd;
        view->owner = owner;
        *ret_view = view;
        return 0;
}

void ring_view_destroy(struct ring_view *view)
{
        if (!view)
                return;
        munmap(view->shared, FL_RING_SIZE_BYTES);
        if (view->fd >= 0)
                close(view->fd);
        free(view);
}

static enum fl_slot_state word_state(uint32_t word)
{
        return (enum fl_slot_state)(word & FL_SLOT_STATE_MASK);
}

static uint32_t word_with(uint32_t word, enum fl_slot_state state)
{
        return (word & ~FL_SLOT_STATE_MASK) | (uint32_t)state;
}

static void copy_slot(const struct fl_slot *slot, unsigned index, uint32_t word, struct ring_request *request)
{
        uint32_t nr;

        request->slot = index;
        request->word = word;
        request->tid = fl_load_acquire(&slot->tid);
        nr = fl_load_acquire(&slot->nr);
        request->call.nr = nr <= INT_MAX ? (int)nr : -1;
        for (unsigned i = 0; i < 6; i++)
                request->call.args[i] = fl_load_acquire_64(&slot->args[i]);
}

/* The string that came along, if it is one: sized as said, terminated, no NUL inside. */
static void copy_text(const struct fl_slot_text *shared, struct ring_request *request)
{
        uint32_t size = fl_load_acquire(&shared->size);

        request->takes_out = fl_load_acquire(&shared->takes_out) != 0;
        request->call.text = NULL;
        if (size == 0 || size > FL_SLOT_TEXT_MAX)
                return;
        for (uint32_t at = 0; at < size; at += 8) {
                uint64_t word = fl_load_acquire_64(&shared->bytes[at / 8]);

                memcpy(request->text + at, &word, 8);
        }
        if (strnlen(request->text, size) != size - 1)
                return;
        request->call.text = request->text;
        request->call.text_length = size - 1;
        request->call.text_address = fl_load_acquire_64(&shared->address);
}

/* Dekker pair of the agent's "sleeping = 1; reads reply_state": one of the two sees the other. */
static void publish(struct fl_slot *slot, uint32_t word)
{
        fl_store_seq_cst(&slot->reply_state, word);
        if (fl_load_seq_cst(&slot->sleeping))
                (void)syscall(SYS_futex, &slot->reply_state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* 1 and *ret_request where slot index holds a request not taken before; 0; -EPROTO. */
static int take_slot(struct ring_view *view, unsigned index, struct ring_request *ret_request)
{
        struct fl_slot *slot = &view->shared->slots[index];
        uint32_t word = fl_load_seq_cst(&slot->request);

        /* An agent that was killed, forked or jumped away from leaves words of these three states behind, of
         * any generation; nothing but a forged word has another. */
        if (word_state(word) == FL_SLOT_FREE || word_state(word) == FL_SLOT_WITHDRAWN)
                return 0;
        if (word_state(word) != FL_SLOT_SUBMITTED)
                return -EPROTO;
        if (word == view->taken[index])
                return 0;
        copy_slot(slot, index, word, ret_request);
        copy_text(&view->shared->texts[index], ret_request);
        fl_store_once_32(&slot->out_size, 0);
        view->taken[index] = word;
        /* Dekker pair of the agent's "request = WITHDRAWN; reads reply_state". Any other word than the first
         * means that it was withdrawn, and maybe submitted again since: the copy may be torn. */
        fl_store_seq_cst(&slot->reply_state, word_with(word, FL_SLOT_TAKEN));
        if (fl_load_seq_cst(&slot->request) != word) {
                publish(slot, word_with(word, FL_SLOT_CANCELLED));
                return 0;
        }
        return 1;
}

int ring_view_take(struct ring_view *view, unsigned *cursor, struct ring_request *ret_request)
{
        unsigned start = (*cursor + 1u) % FL_RING_SLOTS;
        uint64_t used = fl_load_seq_cst_64(&view->shared->used);

        /* Bit n of waiting is slot start + n. */
        for (uint64_t waiting = used >> start | used << ((FL_RING_SLOTS - start) % FL_RING_SLOTS); waiting;
             waiting &= waiting - 1) {
                unsigned index = (start + (unsigned)__builtin_ctzll(waiting)) % FL_RING_SLOTS;
                int r = take_slot(view, index, ret_request);

                if (r != 0) {
                        *cursor = index;
                        return r;
                }
        }
        return 0;
}

void ring_view_output(struct ring_view *view, const struct ring_request *request, uint64_t address,
                      const void *data, size_t size)
{
        struct fl_slot *slot = &view->shared->slots[request->slot];
        uint64_t *bytes = view->shared->outs[request->slot].bytes;

        for (size_t at = 0; at < size; at += 8) {
                uint64_t word = 0;

                memcpy(&word, (const char *)data + at, size - at < 8 ? size - at : 8);
                fl_store_once_64(&bytes[at / 8], word);
        }
        fl_store_once_64(&slot->out_address, address);
        fl_store_once_32(&slot->out_size, (uint32_t)size);
}

void ring_view_answer(struct ring_view *view, const struct ring_request *request, uint32_t answer,
                      int64_t result)
{
        struct fl_slot *slot = &view->shared->slots[request->slot];

        fl_store_once_32(&slot->answer, answer);
        fl_store_once_64((uint64_t *)&slot->result, (uint64_t)result);
        publish(slot, word_with(request->word, FL_SLOT_DONE));
}

void ring_view_set_polling(struct ring_view *view, bool polling)
{
        /* Off: Dekker pair of the agent's "request = SUBMITTED; reads polling". */
        fl_store_seq_cst(&view->shared->polling, polling);
}
