/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding of any syscall with any arguments and any memory. Input: a number (2 bytes), six arguments (8
 * bytes each), then the target's memory, which lies at MEMORY with nothing mapped around it. Arguments whose
 * top bytes say so are pointers into it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/intake/decode.h"
#include "proto/call.h"

#define MEMORY       0x10000000ul
#define MEMORY_SIZE  (16ul << 12)
#define POINTER_MARK 0xf00du /* in the top 16 bits of an argument: the rest is an offset */
#define HEAD         (2 + 6 * 8)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
        if (!condition)
                abort();
}

static uint8_t *memory(void)
{
        static uint8_t *bytes;

        if (!bytes) {
                bytes = mmap((void *)MEMORY, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
                require(bytes == (void *)MEMORY);
        }
        return bytes;
}

static void check_path(const struct request_path *path)
{
        require(path->length < REQUEST_PATH_MAX);
        require(strnlen(path->text, REQUEST_PATH_MAX) == path->length);
}

static void check_message(const struct request_message *message)
{
        require(message->data_size <= REQUEST_DATA_MAX && message->control_size <= REQUEST_CONTROL_MAX);
        require(message->address_size <= sizeof message->address);
        require(!message->data_size || message->data);
        for (size_t i = 0; i < message->data_size; i += 100)
                (void)*(volatile uint8_t *)&message->data[i];
}

static void check(const struct request *request, int r)
{
        require(r <= 0 && r > -4096);
        require(request->kind != REQUEST_NONE);
        require(memchr(request->xattr_name, '\0', sizeof request->xattr_name) != NULL);
        require(memchr(request->text, '\0', sizeof request->text) != NULL);
        require(request->message_count <= REQUEST_MESSAGES_MAX);
        for (unsigned i = 0; i < request->message_count; i++)
                check_message(&request->messages[i]);
        if (r < 0)
                return;
        check_path(&request->path[0]);
        check_path(&request->path[1]);
        require(request->address_size <= sizeof request->address);
        require(request->data_size <= REQUEST_XATTR_MAX);
        require(request->out_size <= REQUEST_DATA_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct request request;
        struct caller caller = {.tid = gettid(), .pidfd = -1};
        struct raw_call call = {0};
        uint16_t nr;

        if (size < HEAD || size - HEAD > MEMORY_SIZE)
                return 0;
        memcpy(&nr, data, sizeof nr);
        call.nr = nr % 600 == 599 ? FL_CALL_NR : nr % 600;
        memcpy(call.args, data + sizeof nr, sizeof call.args);
        for (unsigned i = 0; i < 6; i++)
                if (call.args[i] >> 48 == POINTER_MARK)
                        call.args[i] = MEMORY + (call.args[i] & 0x1ffff);
        memset(memory(), 0, MEMORY_SIZE);
        memcpy(memory(), data + HEAD, size - HEAD);
        request_init(&request);
        check(&request, decode(&caller, &call, &request));
        request_finish(&request);
        return 0;
}
