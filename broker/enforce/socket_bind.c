/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pathname socket keeps the name it was bound by, for everybody to see, so the caller's own words have to
 * go to the kernel; and the kernel walks them again after they were judged. So while no other request can
 * change where paths lead, it is made sure that the words still lead to the judged directory, without magic
 * links, which the sandbox turns by itself; where they do not, the last component alone is bound, in that
 * directory. A short-lived thread binds, in a Landlock domain of its own in which sockets can be made beneath
 * the judged directory and nowhere else: whatever others exchange on the way, the walk ends there or fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
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
        const struct sockaddr *address;
        socklen_t size;
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
        return bind(job->socket, job->address, job->size) < 0 ? -errno : 0;
}

static void *bind_run(void *argument)
{
        struct bind_job *job = argument;

        job->result = bind_confined(job);
        return NULL;
}

/* Takes the last component and the slashes around it off a path. */
static void cut_name(char *path)
{
        size_t length = strlen(path);

        while (length > 0 && path[length - 1] == '/')
                length--;
        while (length > 0 && path[length - 1] != '/')
                length--;
        strcpy(path + length, length ? "" : ".");
}

static bool leads_to_parent(const struct bind_job *job, const struct sockaddr_un *name)
{
        struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
        char path[sizeof name->sun_path + 2] = "";
        _cleanup_close_ int fd = -1;
        struct stat found, judged;

        memcpy(path, name->sun_path, strnlen(name->sun_path, sizeof name->sun_path));
        cut_name(path);
        fd = (int)syscall(SYS_openat2, job->directory >= 0 ? job->directory : AT_FDCWD, path, &how,
                          sizeof how);
        return fd >= 0 && fstat(fd, &found) == 0 && fstat(job->parent, &judged) == 0 &&
               found.st_dev == judged.st_dev && found.st_ino == judged.st_ino;
}

static int run_thread(struct bind_job *job)
{
        pthread_t thread;
        int r = pthread_create(&thread, NULL, bind_run, job);

        if (r != 0)
                return -r;
        pthread_join(thread, NULL);
        return job->result;
}

/* Binds by the caller's words, or by the last of them. */
static int bind_held(struct bind_job *job, const struct judged_address *judged)
{
        const struct sockaddr_un *words = (const struct sockaddr_un *)&judged->address;
        struct sockaddr_un last = {.sun_family = AF_UNIX};

        job->address = (const struct sockaddr *)words;
        job->size = judged->size;
        if (!leads_to_parent(job, words)) {
                if (strlen(judged->place.name) >= sizeof last.sun_path)
                        return -ENAMETOOLONG;
                strcpy(last.sun_path, judged->place.name);
                job->directory = job->parent;
                job->address = (const struct sockaddr *)&last;
                job->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(last.sun_path) + 1);
        }
        return run_thread(job);
}

/* Nothing can be made there, and the caller alone may look. */
static int error_of_own_fds(struct operation *operation, const struct place *place)
{
        struct stat status;
        char name[NAME_MAX + 2];

        place_assume_rights(operation, place);
        strcpy(name, place->name);
        name[strcspn(name, "/")] = '\0';
        return fstatat(place->parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : -EADDRINUSE;
}

int bind_pathname(struct operation *operation, const struct caller_socket *socket,
                  const struct judged_address *address)
{
        const struct sockaddr_un *name = (const struct sockaddr_un *)&address->address;
        struct bind_job job = {.socket = socket->fd, .parent = address->place.parent};
        _cleanup_close_ int directory = -1;
        const struct caller_status *status;
        int r = caller_status(operation, &status);

        if (r < 0)
                return r;
        if (place_is_own_fds(&address->place))
                return error_of_own_fds(operation, &address->place);
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
        tree_hold();
        r = bind_held(&job, address);
        tree_release();
        return r;
}
