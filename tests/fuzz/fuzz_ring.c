/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's side of the ring against an agent that writes what it likes between any two of its steps.
 * Input: a sequence of steps, 4 bytes each: what, which slot, and a value.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/intake/ring_view.h"

#define STEP_BYTES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

struct broker {
        struct ring_view *view;
        unsigned cursor;
        struct ring_request waiting[FL_RING_SLOTS];
        unsigned waiting_count;
};

static void take(struct broker *broker)
{
        struct ring_request request;
        int r = ring_view_take(broker->view, &broker->cursor, &request);

        require(r == 0 || r == 1 || r == -EPROTO);
        if (r != 1)
                return;
        require(request.slot < FL_RING_SLOTS && request.call.nr >= -1);
        require((request.word & FL_SLOT_STATE_MASK) == FL_SLOT_SUBMITTED);
        require(broker->view->taken[request.slot] == request.word);
        require(!request.call.text ||
                (request.call.text == request.text &&
                 strnlen(request.text, sizeof request.text) == request.call.text_length &&
                 request.call.text_length < FL_SLOT_TEXT_MAX));
        if (broker->waiting_count < FL_RING_SLOTS)
                broker->waiting[broker->waiting_count++] = request;
}

static void answer(struct broker *broker, uint32_t value)
{
        const struct ring_request *request;

        if (!broker->waiting_count)
                return;
        request = &broker->waiting[--broker->waiting_count];
        if (request->takes_out)
                ring_view_output(broker->view, request, value, broker, value % FL_SLOT_OUT_MAX + 1);
        ring_view_answer(broker->view, request, value & 3, (int64_t)value);
        require(broker->view->shared->slots[request->slot].reply_state ==
                FL_SLOT_WORD(request->word >> FL_SLOT_STATE_BITS, FL_SLOT_DONE));
}

/* Any 32-bit word of the whole mapping. */
static void scribble(struct broker *broker, uint32_t where, uint32_t value)
{
        uint32_t *words = (uint32_t *)broker->view->shared;

        words[where % (FL_RING_SIZE_BYTES / sizeof *words)] = value;
}

static void step(struct broker *broker, const uint8_t *bytes)
{
        struct fl_slot *slot = &broker->view->shared->slots[bytes[1] % FL_RING_SLOTS];
        uint32_t value = bytes[2] | (uint32_t)bytes[3] << 8;

        switch (bytes[0] % 7) {
        case 0:
                take(broker);
                break;
        case 1:
                answer(broker, value);
                break;
        case 2:
                slot->request = value;
                break;
        case 3:
                slot->request = FL_SLOT_WORD(value, FL_SLOT_SUBMITTED);
                break;
        case 4:
                broker->view->shared->used = value * 0x0101010101010101ull;
                break;
        case 5:
                scribble(broker, value, bytes[1] * 0x01010101u);
                break;
        case 6:
                ring_view_set_polling(broker->view, value & 1);
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct broker broker;

        if (!broker.view)
                require(ring_view_create(getpid(), &broker.view) == 0);
        memset(broker.view->shared, 0, FL_RING_SIZE_BYTES);
        memset(broker.view->taken, 0, sizeof broker.view->taken);
        broker.waiting_count = 0;
        broker.cursor = 0;
        for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES)
                step(&broker, data);
        return 0;
}
