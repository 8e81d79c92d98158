/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of POSIX message queues. Source: ipc/mqueue.c. */
#include <errno.h>

#include "broker/intake/decode_internal.h"

int decode_queue_name(struct decoding *decoding)
{
        ssize_t length = decoding_read_path(decoding, arg(decoding, 0), decoding->request->text);

        if (length < 0)
                return (int)length;
        return length == 0 ? -ENOENT : 0;
}

int decode_queue_open(struct decoding *decoding)
{
        struct request *request = decoding->request;
        uint64_t attributes = arg(decoding, 3);

        request->open.flags = arg_unsigned(decoding, 1);
        request->mode = arg_unsigned(decoding, 2) & 07777u;
        request->queue_set = attributes != 0;
        if (attributes) {
                int r = decoding_read(decoding, attributes, &request->queue, sizeof request->queue);

                if (r < 0)
                        return r;
        }
        return decode_queue_name(decoding);
}
