/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V IPC and POSIX message queues: the broker makes and looks up the objects, with the caller's
 * credentials, and so knows which ones are the sandbox's. What is done by id is decided by registers and done
 * by the kernel; a queue is a descriptor from then on. What remains different: the creator's process id
 * (shm_cpid) is the broker's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/enforce/ipc_objects.h"
#include "broker/enforce/operation.h"

#define GET_ATTEMPTS 64 /* of a key that others make and remove all the time */

/* Beyond the headers we build with. */
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

static enum ipc_kind kind_of(int nr)
{
        switch (nr) {
        case SYS_shmget:
        case SYS_shmat:
        case SYS_shmctl:
                return IPC_MEMORY;
        case SYS_semget:
        case SYS_semop:
        case SYS_semtimedop:
        case SYS_semctl:
                return IPC_SEMAPHORES;
        default:
                return IPC_MESSAGES;
        }
}

static int go_on(struct operation *operation, const char *why)
{
        operation->reply->kind = REPLY_CONTINUE;
        operation->reply->why = why;
        return 0;
}

/* An object of somebody else's: no rule grants it. */
static int refuse(struct operation *operation, const char *name, const char *object)
{
        struct verdict verdict = {.outcome = VERDICT_DENY, .error = EACCES};

        return operation_conclude(operation, &verdict, name, "which is not the sandbox's", object,
                                  strlen(object));
}

static long get(const struct request *request, unsigned drop, unsigned add)
{
        unsigned index = request->nr == SYS_msgget ? 1 : 2;
        uint64_t args[3] = {request->args[0], request->args[1], request->args[2]};
        long id;

        args[index] = ((unsigned)args[index] & ~drop) | add;
        id = syscall(request->nr, args[0], args[1], args[2]);
        return id < 0 ? -errno : id;
}

/* Makes a new object. Its id, or -errno. */
static long make(struct operation *operation, enum ipc_kind kind)
{
        struct ipc_objects *objects = operation->worker->operations->ipc;
        long id = get(operation->request, 0, IPC_EXCL);
        int r = id < 0 ? 0 : ipc_objects_add(objects, kind, (int)id);

        if (r < 0)
                ipc_object_destroy(kind, (int)id);
        return r < 0 ? r : id;
}

static int found(struct operation *operation, enum ipc_kind kind, long id)
{
        char key[32];
        int r = 0;

        if (!ipc_objects_has(operation->worker->operations->ipc, kind, (int)id)) {
                snprintf(key, sizeof key, "key %#x", (unsigned)operation->request->args[0]);
                r = refuse(operation, syscall_name(operation->request->nr), key);
        }
        if (r == 0)
                reply_result(operation->reply, id);
        return r;
}

int op_ipc_get(struct operation *operation)
{
        const struct request *request = operation->request;
        unsigned flags = (unsigned)request->args[request->nr == SYS_msgget ? 1 : 2];
        bool private = (key_t)request->args[0] == IPC_PRIVATE;
        enum ipc_kind kind = kind_of(request->nr);
        long id = -ENOENT;
        int r;

        if (operation->worker->operations->tiers->ipc_shared)
                return go_on(operation, "the policy grants every object");
        r = credentials_assume(operation);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < GET_ATTEMPTS && id == -ENOENT; i++) {
                if (private || (flags & IPC_CREAT)) {
                        id = make(operation, kind);
                        if (id != -EEXIST || private || (flags & IPC_EXCL)) {
                                reply_result(operation->reply, id);
                                return 0;
                        }
                }
                id = get(request, IPC_CREAT | IPC_EXCL, 0);
                if (id >= 0)
                        return found(operation, kind, id);
                if (!(flags & IPC_CREAT))
                        break;
        }
        return (int)id;
}

static int command_of(const struct request *request)
{
        switch (request->nr) {
        case SYS_shmctl:
        case SYS_msgctl:
                return (int)request->args[1];
        case SYS_semctl:
                return (int)request->args[2];
        default:
                return -1;
        }
}

/* Limits and how much of them is used; no object is named. */
static bool is_about_none(const struct request *request, int command)
{
        return command == IPC_INFO || (request->nr == SYS_shmctl && command == SHM_INFO) ||
               (request->nr == SYS_semctl && command == SEM_INFO) ||
               (request->nr == SYS_msgctl && command == MSG_INFO);
}

/* By its place in the kernel's table in place of the id: for those who list all there are. */
static bool is_by_index(const struct request *request, int command)
{
        switch (request->nr) {
        case SYS_shmctl:
                return command == SHM_STAT || command == SHM_STAT_ANY;
        case SYS_semctl:
                return command == SEM_STAT || command == SEM_STAT_ANY;
        case SYS_msgctl:
                return command == MSG_STAT || command == MSG_STAT_ANY;
        default:
                return false;
        }
}

/* By the broker, so that it knows. Shared memory stays until nobody has it any more. */
static int destroy(struct operation *operation, enum ipc_kind kind, int id)
{
        struct ipc_objects *objects = operation->worker->operations->ipc;
        int r = credentials_assume(operation);

        if (r == 0)
                r = ipc_object_destroy(kind, id);
        if (r == 0 && ipc_object_probe(kind, id) < 0)
                ipc_objects_remove(objects, kind, id);
        return r;
}

/* Where refusals are only reported, the kernel goes on. */
static int refuse_or_go_on(struct operation *operation, const char *object)
{
        int r = refuse(operation, syscall_name(operation->request->nr), object);

        return r < 0 ? r : go_on(operation, "refusals are only reported");
}

int op_ipc_use(struct operation *operation)
{
        const struct request *request = operation->request;
        const struct operations *operations = operation->worker->operations;
        enum ipc_kind kind = kind_of(request->nr);
        int id = (int)request->args[0], command = command_of(request), r;
        char object[32];

        if (operations->tiers->ipc_shared)
                return go_on(operation, "the policy grants every object");
        if (is_about_none(request, command))
                return go_on(operation, "names no object");
        snprintf(object, sizeof object, "%s %d", is_by_index(request, command) ? "entry" : "id", id);
        if (is_by_index(request, command))
                return refuse_or_go_on(operation, object);
        if (ipc_objects_has(operations->ipc, kind, id))
                return command == IPC_RMID
                               ? destroy(operation, kind, id)
                               : go_on(operation, "by its number, an object of the sandbox's own");
        r = ipc_object_probe(kind, id);
        return r < 0 ? r : refuse_or_go_on(operation, object);
}

/* Opens the queue with the caller's credentials and umask. Its descriptor, or -errno. */
static int queue_open(struct operation *operation, unsigned flags)
{
        const struct request *request = operation->request;
        int r = caller_umask(operation);

        if (r == 0)
                r = credentials_assume(operation);
        if (r == 0)
                r = (int)syscall(SYS_mq_open, request->text, flags | O_CLOEXEC, request->mode,
                                 request->queue_set ? &request->queue : NULL);
        else
                return r;
        return r < 0 ? -errno : r;
}

static int queue_inode(int fd, ino_t *ret_inode)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return -errno;
        *ret_inode = status.st_ino;
        return 0;
}

static int queue_remember(struct operation *operation, int fd)
{
        ino_t inode;
        int r = queue_inode(fd, &inode);

        if (r == 0)
                r = ipc_queue_add(operation->worker->operations->ipc, operation->request->text, inode);
        if (r < 0)
                syscall(SYS_mq_unlink, operation->request->text);
        return r;
}

static int queue_check(struct operation *operation, int fd, const char *name)
{
        ino_t inode;
        int r = queue_inode(fd, &inode);

        if (r == 0 && !ipc_queue_has(operation->worker->operations->ipc, operation->request->text, inode))
                r = refuse(operation, name, operation->request->text);
        return r;
}

static int queue_give(struct operation *operation, int *fd)
{
        operation->reply->kind = REPLY_DESCRIPTOR;
        operation->reply->fd = fd_take(fd);
        operation->reply->fd_cloexec = true;
        return 0;
}

/* Any queue. The kernel does not go on here, since Landlock keeps the program from opening files by itself.
 */
static int queue_open_shared(struct operation *operation)
{
        int fd = queue_open(operation, (unsigned)operation->request->open.flags);

        return fd < 0 ? fd : queue_give(operation, &fd);
}

/* One of the sandbox's own. */
static int queue_open_own(struct operation *operation)
{
        unsigned flags = (unsigned)operation->request->open.flags;
        _cleanup_close_ int fd = -1;
        int r;

        for (unsigned i = 0; i < GET_ATTEMPTS && fd < 0; i++) {
                if (flags & O_CREAT) {
                        fd = queue_open(operation, flags | O_EXCL);
                        r = fd < 0 ? fd : queue_remember(operation, fd);
                        if (r >= 0)
                                return queue_give(operation, &fd);
                        if (r != -EEXIST || (flags & O_EXCL))
                                return r;
                }
                fd = queue_open(operation, flags & ~(unsigned)O_CREAT);
                if (fd < 0 && (fd != -ENOENT || !(flags & O_CREAT)))
                        return fd;
        }
        if (fd < 0)
                return fd;
        r = queue_check(operation, fd, "mq_open");
        return r < 0 ? r : queue_give(operation, &fd);
}

int op_queue_open(struct operation *operation)
{
        return operation->worker->operations->tiers->ipc_shared ? queue_open_shared(operation)
                                                                : queue_open_own(operation);
}

int op_queue_unlink(struct operation *operation)
{
        const struct request *request = operation->request;
        const struct operations *operations = operation->worker->operations;
        _cleanup_close_ int fd = -1;
        int r = 0;

        credentials_restore(operation->worker);
        if (!operations->tiers->ipc_shared) {
                fd = (int)syscall(SYS_mq_open, request->text, O_RDONLY | O_CLOEXEC, 0, NULL);
                if (fd < 0)
                        return -errno;
                r = queue_check(operation, fd, "mq_unlink");
        }
        if (r == 0)
                r = credentials_assume(operation);
        if (r == 0 && syscall(SYS_mq_unlink, request->text) < 0)
                r = -errno;
        if (r == 0)
                ipc_queue_remove(operations->ipc, request->text);
        return r;
}
