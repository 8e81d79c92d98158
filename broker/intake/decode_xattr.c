/* SPDX-License-Identifier: Apache-2.0 */
/* Names and values of extended attributes, as fs/xattr.c takes them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "broker/intake/decode_internal.h"
#include "broker/intake/target_memory.h"

static int read_name(struct decoding *decoding, uint64_t address)
{
        struct request *request = decoding->request;
        ssize_t length;

        decoding->touched = true;
        length = target_read_string(decoding->caller->tid, address, request->xattr_name,
                                    sizeof request->xattr_name);
        if (length > 0)
                return 0;
        request->xattr_name[0] = '\0';
        return length == 0 || length == -ENAMETOOLONG ? -ERANGE : (int)length;
}

static int read_value(struct decoding *decoding, uint64_t address, uint64_t size)
{
        struct request *request = decoding->request;
        int r;

        if (size == 0)
                return 0;
        if (size > REQUEST_XATTR_MAX)
                return -E2BIG;
        request->data = malloc(size);
        if (!request->data)
                return -ENOMEM;
        r = decoding_read(decoding, address, request->data, size);
        if (r == 0)
                request->data_size = size;
        return r;
}

static int set_attribute(struct decoding *decoding, uint64_t name,
                         const struct attribute_arguments *arguments, uint64_t size)
{
        int r;

        if (arguments->flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
                return -EINVAL;
        decoding->request->xattr_flags = (int)arguments->flags;
        r = read_name(decoding, name);
        return r < 0 ? r : read_value(decoding, arguments->value, size);
}

int decode_xattr_name(struct decoding *decoding)
{
        return read_name(decoding, arg(decoding, 1));
}

int decode_xattr_name_at(struct decoding *decoding)
{
        return read_name(decoding, arg(decoding, 3));
}

int decode_xattr_set(struct decoding *decoding)
{
        struct attribute_arguments arguments = {.value = arg(decoding, 2),
                                                .flags = arg_unsigned(decoding, 4)};

        return set_attribute(decoding, arg(decoding, 1), &arguments, arg(decoding, 3));
}

int decode_xattr_arguments(struct decoding *decoding)
{
        return decoding_read_struct(decoding, arg(decoding, 4), arg(decoding, 5), sizeof decoding->attribute,
                                    &decoding->attribute, sizeof decoding->attribute);
}

int decode_setxattrat(struct decoding *decoding)
{
        return set_attribute(decoding, arg(decoding, 3), &decoding->attribute, decoding->attribute.size);
}

int decode_getxattrat(struct decoding *decoding)
{
        const struct attribute_arguments *arguments = &decoding->attribute;
        struct request *request = decoding->request;

        if (arguments->flags)
                return -EINVAL;
        request->out_address = arguments->value;
        request->out_size = arguments->size < REQUEST_XATTR_MAX ? arguments->size : REQUEST_XATTR_MAX;
        return read_name(decoding, arg(decoding, 3));
}
