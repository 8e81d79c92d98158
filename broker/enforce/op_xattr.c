/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes (xattr(7)). Names in "trusted." and "security." are as free as the caller's
 * capabilities make them, which are assumed by then. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/resolve.h"

static int prepare(struct operation *operation, enum path_access access, const char *name,
                   struct place *place)
{
        const struct request *request = operation->request;
        unsigned mode = (request->at_flags & AT_SYMLINK_NOFOLLOW ? 0 : RESOLVE_FOLLOW) |
                        (request->at_flags & AT_EMPTY_PATH ? RESOLVE_EMPTY : 0);
        int r = resolve_object(operation, &request->path[0], mode, 0, place);

        if (r >= 0 && !(place->duplicate && access == PATH_META))
                r = place_judge(operation, place, access, name, NULL);
        if (r < 0)
                place_finish(place);
        return r;
}

/* What was read goes to the caller; a size of 0 asked for the length only. */
static void answer(struct operation *operation, ssize_t n, char **data)
{
        reply_result(operation->reply, n);
        if (operation->request->out_size)
                reply_add_output(operation->reply, operation->request->out_address, *data, (size_t)n);
        else
                free(*data);
        *data = NULL;
}

static size_t buffer_size(const struct request *request)
{
        return request->out_size < REQUEST_XATTR_MAX ? request->out_size : REQUEST_XATTR_MAX;
}

/* Since Linux 6.13, to get and to set take AT_FDCWD without a path for a path, to list and to remove do not.
 */
static bool is_on_descriptor(const struct request *request)
{
        bool any = request->kind == REQUEST_XATTR_LIST || request->kind == REQUEST_XATTR_REMOVE;

        return request->path[0].by_fd && (any || request->fd != AT_FDCWD);
}

static int read_attribute(struct operation *operation, bool list)
{
        const struct request *request = operation->request;
        size_t size = buffer_size(request);
        _cleanup_free_ char *data = malloc(size ? size : 1);
        char link[PLACE_LINK_MAX];
        struct place place;
        ssize_t n;
        int r;

        if (!data)
                return -ENOMEM;
        r = prepare(operation, PATH_META, list ? "listxattr" : "getxattr", &place);
        if (r < 0)
                return r;
        place_link(place.fd, link);
        if (is_on_descriptor(request))
                n = list ? flistxattr(place.fd, data, size)
                         : fgetxattr(place.fd, request->xattr_name, data, size);
        else
                n = list ? listxattr(link, data, size) : getxattr(link, request->xattr_name, data, size);
        if (n < 0)
                r = place_error(&place, EOPNOTSUPP);
        else
                answer(operation, n, &data);
        place_finish(&place);
        return r;
}

int op_xattr_get(struct operation *operation)
{
        return read_attribute(operation, false);
}

int op_xattr_list(struct operation *operation)
{
        return read_attribute(operation, true);
}

int op_xattr_set(struct operation *operation)
{
        const struct request *request = operation->request;
        char link[PLACE_LINK_MAX];
        struct place place;
        int r = prepare(operation, PATH_WRITE, "setxattr", &place);

        if (r < 0)
                return r;
        if (is_on_descriptor(request))
                r = fsetxattr(place.fd, request->xattr_name, request->data, request->data_size,
                              request->xattr_flags);
        else
                r = setxattr(place_link(place.fd, link), request->xattr_name, request->data,
                             request->data_size, request->xattr_flags);
        r = r < 0 ? place_error(&place, EOPNOTSUPP) : 0;
        place_finish(&place);
        return r;
}

int op_xattr_remove(struct operation *operation)
{
        const struct request *request = operation->request;
        char link[PLACE_LINK_MAX];
        struct place place;
        int r = prepare(operation, PATH_WRITE, "removexattr", &place);

        if (r < 0)
                return r;
        if (is_on_descriptor(request))
                r = fremovexattr(place.fd, request->xattr_name);
        else
                r = removexattr(place_link(place.fd, link), request->xattr_name);
        r = r < 0 ? place_error(&place, EOPNOTSUPP) : 0;
        place_finish(&place);
        return r;
}
