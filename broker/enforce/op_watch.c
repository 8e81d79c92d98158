/* SPDX-License-Identifier: Apache-2.0 */
/* inotify_add_watch, on a duplicate of the caller's inotify descriptor. Watching is reading, and tells the
 * names of what is in a directory: one in which something may be hidden cannot be watched. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/resolve.h"

/* Is it an inotify descriptor? The kernel looks at that before it looks for the path, which is none. */
static int check_watcher(int fd, uint32_t mask)
{
        if (inotify_add_watch(fd, "", IN_OPEN) < 0 && errno != ENOENT)
                return -errno;
        return (mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE) ? -EINVAL : 0;
}

static int judge(struct operation *operation, const struct place *place)
{
        static const char name[] = "watch";
        const struct policy *policy = operation->worker->operations->policy;
        struct verdict verdict;
        int r;

        if ((operation->request->mask & IN_ONLYDIR) && !S_ISDIR(place->status.st_mode)) {
                r = place_check_hidden(operation, place, name, NULL);
                return r < 0 ? r : -ENOTDIR;
        }
        r = place_judge(operation, place, PATH_READ, name, NULL);
        if (r < 0 || place->anonymous || !S_ISDIR(place->status.st_mode))
                return r;
        policy_check_listing(policy, place->path, place->length, &verdict);
        if (verdict.outcome == VERDICT_ALLOW)
                return 0;
        verdict.baseline = false;
        return operation_conclude(operation, &verdict, name, "where names are hidden", place->path,
                                  place->length);
}

int op_watch(struct operation *operation)
{
        const struct request *request = operation->request;
        _cleanup_close_ int watcher = request->fd < 0 ? -EBADF : caller_descriptor(operation, request->fd);
        char link[PLACE_LINK_MAX];
        struct place place;
        int r;

        if (watcher < 0)
                return watcher;
        r = check_watcher(watcher, request->mask);
        if (r == 0)
                r = resolve_object(operation, &request->path[0],
                                   request->at_flags & AT_SYMLINK_NOFOLLOW ? 0 : RESOLVE_FOLLOW, 0, &place);
        if (r < 0)
                return r;
        r = judge(operation, &place);
        if (r == 0) {
                int watch;

                place_assume_rights(operation, &place);
                watch = inotify_add_watch(watcher, place_link(place.fd, link),
                                          request->mask & ~(uint32_t)IN_DONT_FOLLOW);

                r = watch < 0 ? -errno : 0;
                reply_result(operation->reply, watch);
        }
        place_finish(&place);
        return r;
}
