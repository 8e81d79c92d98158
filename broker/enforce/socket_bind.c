/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pathname socket keeps the name it was bound by, for everybody to see, so the caller's own words have to
 * go to the kernel; and the kernel walks them again after they were judged. A short-lived thread does it, in
 * a Landlock domain of its own in which sockets can be made beneath the judged directory and nowhere else:
 * whatever a racing program exchanges on the way, the walk ends there or fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/socket_address.h"

struct bind_job {
        int socket;
        int parent;    /* of the name, as judged */
        int directory; /* the caller's working directory, or -1: the name is absolute */
        mode_t umask;
        const struct judged_address *address;
        int result;
};

/* This thread makes sockets beneath parent only, from here on. */
static int confine(int parent)
{
        struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SOCK};
        struct landlock_path_beneath_attr beneath = {
                .allowed_access = LANDLOCK_ACCESS_FS_MAKE_SOCK,
                .parent_fd = parent,
        };
        _cleanup_close_ int ruleset = -1;

        ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
        if (ruleset < 0)
                return -errno;
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return -errno;
        return 0;
}

static int bind_confined(const struct bind_job *job)
{
        int r;

        /* Its own umask and working directory, not the worker's. */
        if (unshare(CLONE_FS) < 0)
                return -errno;
        umask(job->umask);
        if (job->directory >= 0 && fchdir(job->directory) < 0)
                return -errno;
        r = confine(job->parent);
        if (r < 0)
                return r;
        return bind(job->socket, (const struct sockaddr *)&job->address->address, job->address->size) < 0
                       ? -errno
                       : 0;
}

static void *bind_run(void *argument)
{
        struct bind_job *job = argument;

        job->result = bind_confined(job);
        return NULL;
}

int bind_pathname(struct operation *operation, const struct caller_socket *socket,
                  const struct judged_address *address)
{
        const struct sockaddr_un *name = (const struct sockaddr_un *)&address->address;
        struct bind_job job = {.socket = socket->fd, .parent = address->place.parent, .address = address};
        _cleanup_close_ int directory = -1;
        const struct caller_status *status;
        pthread_t thread;
        int r = caller_status(operation, &status);

        if (r < 0)
                return r;
        if (name->sun_path[0] != '/') {
                directory = caller_directory(operation, AT_FDCWD);
                if (directory < 0)
                        return directory;
        }
        job.directory = directory;
        job.umask = status->umask;
        /* The thread starts with the credentials of this one. */
        r = credentials_assume(operation);
        if (r < 0)
                return r;
        r = pthread_create(&thread, NULL, bind_run, &job);
        if (r != 0)
                return -r;
        pthread_join(thread, NULL);
        return job.result;
}
