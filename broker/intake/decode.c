/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/intake/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "broker/intake/decode_internal.h"
#include "broker/intake/target_memory.h"
#include "proto/call.h"

int decoding_read(struct decoding *decoding, uint64_t address, void *out, size_t size)
{
        decoding->touched = true;
        return target_read(decoding->caller->tid, address, out, size);
}

ssize_t decoding_read_path(struct decoding *decoding, uint64_t address, char out[REQUEST_PATH_MAX])
{
        const struct raw_call *call = decoding->call;

        if (call->text && address == call->text_address) {
                memcpy(out, call->text, call->text_length + 1);
                return (ssize_t)call->text_length;
        }
        decoding->touched = true;
        return target_read_string(decoding->caller->tid, address, out, REQUEST_PATH_MAX);
}

#define STRUCT_BYTES_MAX 4096u /* PAGE_SIZE is what the kernel bounds extensible structures by */

int decoding_read_struct(struct decoding *decoding, uint64_t address, uint64_t size, size_t minimum,
                         void *out, size_t out_size)
{
        char bytes[STRUCT_BYTES_MAX] = {0};
        int r;

        if (size < minimum)
                return -EINVAL;
        if (size > sizeof bytes)
                return -E2BIG;
        r = decoding_read(decoding, address, bytes, size);
        if (r < 0)
                return r;
        for (size_t i = out_size; i < size; i++)
                if (bytes[i])
                        return -E2BIG;
        memcpy(out, bytes, out_size);
        return 0;
}

static int decode_at_flags(struct decoding *decoding, const struct decoder *decoder)
{
        uint32_t given = decoder->at_flags ? arg_unsigned(decoding, decoder->at_flags - 1u) : 0;

        decoding->unknown_flags = given & ~decoder->at_allowed;
        if (decoding->unknown_flags && !(decoder->descriptor_ignores_flags && (given & AT_EMPTY_PATH)))
                return -EINVAL;
        decoding->request->at_flags |= (given & decoder->at_allowed) | decoder->at_fixed;
        return 0;
}

/* Flags that nobody knows do not matter where there is no path that they could be about. */
static int check_unknown_flags(const struct decoding *decoding)
{
        const struct request_path *path = &decoding->request->path[0];

        return decoding->unknown_flags && !(path->by_fd && path->fd >= 0) ? -EINVAL : 0;
}

/* Does a NULL pathname name the descriptor? */
static bool null_is_descriptor(const struct decoder *decoder, const struct request *request, int fd)
{
        switch (decoder->null_path) {
        case NULL_AS_EMPTY:
                return request->at_flags & AT_EMPTY_PATH;
        case NULL_BY_FD:
                return fd != AT_FDCWD;
        default:
                return false;
        }
}

static bool empty_is_descriptor(const struct decoder *decoder, const struct request *request)
{
        return decoder->empty == EMPTY_ALWAYS ||
               (decoder->empty == EMPTY_BY_FLAG && (request->at_flags & AT_EMPTY_PATH));
}

/* A path that cannot be read is an error of its own: of two paths, the kernel looks at the second when the
 * first has led somewhere, and what needs no path (utimensat(2), UTIME_OMIT) does not look at all. */
static void decode_path(struct decoding *decoding, const struct decoder *decoder, unsigned index)
{
        struct request_path *path = &decoding->request->path[index];
        uint8_t directory = decoder->paths[index].directory;
        bool first = index == 0;
        uint64_t address;
        ssize_t length;

        path->fd = directory ? arg_int(decoding, directory - 1u) : AT_FDCWD;
        if (!decoder->paths[index].path) {
                path->by_fd = true;
                return;
        }
        address = arg(decoding, decoder->paths[index].path - 1u);
        if (!address && first && null_is_descriptor(decoder, decoding->request, path->fd)) {
                path->by_fd = true;
                return;
        }
        length = decoding_read_path(decoding, address, path->text);
        if (length < 0) {
                path->text[0] = '\0';
                path->error = (int)length;
                return;
        }
        if (length == 0) {
                path->by_fd = first && empty_is_descriptor(decoder, decoding->request);
                path->error = path->by_fd ? 0 : -ENOENT;
        }
        path->length = (size_t)length;
}

static void decode_paths(struct decoding *decoding, const struct decoder *decoder)
{
        for (unsigned i = 0; i < 2; i++)
                if (decoder->paths[i].directory || decoder->paths[i].path)
                        decode_path(decoding, decoder, i);
        if (decoding->request->path[0].by_fd)
                decoding->request->fd = decoding->request->path[0].fd;
}

static void decode_registers(struct decoding *decoding, const struct decoder *decoder)
{
        struct request *request = decoding->request;

        if (decoder->mode)
                request->mode = arg_unsigned(decoding, decoder->mode - 1u) & decoder->mode_mask;
        if (decoder->out_address)
                request->out_address = arg(decoding, decoder->out_address - 1u);
        if (decoder->out_size)
                request->out_size = arg(decoding, decoder->out_size - 1u);
        if (decoder->out_size && request->out_size > decoder->out_size_max)
                request->out_size = decoder->out_size_max;
}

static int run_hook(struct decoding *decoding, unsigned number)
{
#define HOOK_ENTRY(name, symbol) [HOOK_##symbol] = decode_##name,
        static decode_hook *const hooks[HOOK_COUNT] = {DECODE_HOOKS(HOOK_ENTRY)};
#undef HOOK_ENTRY

        return hooks[number] ? hooks[number](decoding) : 0;
}

/* The order is the kernel's: what it refuses by registers, then paths, then the rest. */
static int run(struct decoding *decoding, const struct decoder *decoder)
{
        int r;

        decode_registers(decoding, decoder);
        r = run_hook(decoding, decoder->first);
        if (r == 0 && !decoder->at_flags_late)
                r = decode_at_flags(decoding, decoder);
        if (r == 0)
                r = run_hook(decoding, decoder->before);
        if (r == 0 && decoder->at_flags_late) {
                /* The flag that lets a path be empty is needed first, the rest is checked afterwards. */
                decoding->request->at_flags =
                        arg_unsigned(decoding, decoder->at_flags - 1u) & decoder->at_allowed;
                decode_paths(decoding, decoder);
                r = decoding->request->path[0].error;
                return r < 0 ? r : decode_at_flags(decoding, decoder);
        }
        if (r < 0)
                return r;
        decode_paths(decoding, decoder);
        r = check_unknown_flags(decoding);
        return r < 0 ? r : run_hook(decoding, decoder->after);
}

bool decode_knows(int nr)
{
        return nr >= 0 && (size_t)nr < decode_table_size && decode_table[nr].kind != REQUEST_NONE;
}

int decode(const struct caller *caller, const struct raw_call *call, struct request *request)
{
        struct decoding decoding = {.caller = caller, .call = call, .request = request};
        const struct decoder *decoder = decode_knows(call->nr) ? &decode_table[call->nr] : NULL;
        int r;

        request->nr = call->nr;
        memcpy(request->args, call->args, sizeof request->args);
        request->kind = decoder ? decoder->kind : REQUEST_SYSCALL;
        if (!decoder)
                return -ENOTSUP;
        r = run(&decoding, decoder);
        /* What was read may have been another's, with the caller gone and its thread id used again. */
        if (decoding.touched && caller->alive && !caller->alive(caller))
                return -ESRCH;
        return r;
}
