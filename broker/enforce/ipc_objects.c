/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/ipc_objects.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/files.h"

#define SWEEP_FIRST_AT 16 /* a power of two, and IPC_OBJECTS_MAX is one */

struct ipc_objects *ipc_objects_map(int fd)
{
        struct ipc_objects *objects = mmap(NULL, sizeof *objects, PROT_READ | PROT_WRITE,
                                           MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

        return objects == MAP_FAILED ? NULL : objects;
}

/* A descriptor, or -1. */
static int make_memory(void)
{
        int fd = files_size_allowed(sizeof(struct ipc_objects)) ? memfd_create("flicker-ipc", MFD_CLOEXEC)
                                                                : -1;

        if (fd < 0 || ftruncate(fd, sizeof(struct ipc_objects)) == 0)
                return fd;
        close(fd);
        return -1;
}

struct ipc_objects *ipc_objects_create(int *ret_fd)
{
        struct ipc_objects *objects;

        *ret_fd = make_memory();
        objects = ipc_objects_map(*ret_fd);
        if (!objects)
                return NULL;
        pthread_mutex_init(&objects->lock, NULL);
        objects->sweep_at = SWEEP_FIRST_AT;
        return objects;
}

int ipc_object_probe(enum ipc_kind kind, int id)
{
        struct shmid_ds memory;
        struct semid_ds semaphores;
        struct msqid_ds messages;
        int r = 0;

        switch (kind) {
        case IPC_MEMORY:
                r = shmctl(id, IPC_STAT, &memory);
                break;
        case IPC_SEMAPHORES:
                r = semctl(id, 0, IPC_STAT, &semaphores);
                break;
        case IPC_MESSAGES:
                r = msgctl(id, IPC_STAT, &messages);
                break;
        }
        return r < 0 && (errno == EINVAL || errno == EIDRM) ? -errno : 0;
}

int ipc_object_destroy(enum ipc_kind kind, int id)
{
        int r = 0;

        switch (kind) {
        case IPC_MEMORY:
                r = shmctl(id, IPC_RMID, NULL);
                break;
        case IPC_SEMAPHORES:
                r = semctl(id, 0, IPC_RMID);
                break;
        case IPC_MESSAGES:
                r = msgctl(id, IPC_RMID, NULL);
                break;
        }
        return r < 0 ? -errno : 0;
}

/* With the lock held. */
static unsigned find(const struct ipc_objects *objects, enum ipc_kind kind, int id)
{
        unsigned i = 0;

        while (i < objects->count && (objects->objects[i].kind != kind || objects->objects[i].id != id))
                i++;
        return i;
}

/* With the lock held: forgets what has gone, shared memory at its last detachment for instance. */
static void sweep(struct ipc_objects *objects)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < objects->count; i++)
                if (ipc_object_probe(objects->objects[i].kind, objects->objects[i].id) == 0)
                        objects->objects[kept++] = objects->objects[i];
        objects->count = kept;
}

/* With the lock held: room for one more. */
static int make_room(struct ipc_objects *objects)
{
        if (objects->created >= IPC_CREATIONS_MAX)
                return -ENOSPC;
        if (objects->count < objects->sweep_at)
                return 0;
        sweep(objects);
        if (objects->count == objects->sweep_at && objects->sweep_at < IPC_OBJECTS_MAX)
                objects->sweep_at *= 2;
        return objects->count < objects->sweep_at ? 0 : -ENOSPC;
}

int ipc_objects_add(struct ipc_objects *objects, enum ipc_kind kind, int id)
{
        int r;

        pthread_mutex_lock(&objects->lock);
        r = make_room(objects);
        if (r == 0) {
                objects->objects[objects->count] = (struct ipc_object){kind, id};
                /* Whole, before it counts: the guardian may have to take over at any point. */
                __atomic_store_n(&objects->count, objects->count + 1, __ATOMIC_RELEASE);
                objects->created++;
        }
        pthread_mutex_unlock(&objects->lock);
        return r;
}

bool ipc_objects_has(struct ipc_objects *objects, enum ipc_kind kind, int id)
{
        bool found;

        pthread_mutex_lock(&objects->lock);
        found = find(objects, kind, id) < objects->count;
        pthread_mutex_unlock(&objects->lock);
        return found;
}

void ipc_objects_remove(struct ipc_objects *objects, enum ipc_kind kind, int id)
{
        unsigned i;

        pthread_mutex_lock(&objects->lock);
        i = find(objects, kind, id);
        if (i < objects->count)
                objects->objects[i] = objects->objects[--objects->count];
        pthread_mutex_unlock(&objects->lock);
}

/* With the lock held. */
static struct ipc_queue *find_queue(struct ipc_objects *objects, const char *name)
{
        for (unsigned i = 0; i < objects->queues_used; i++)
                if (strcmp(objects->queues[i].name, name) == 0)
                        return &objects->queues[i];
        return NULL;
}

/* With the lock held: one that is free, or NULL. */
static struct ipc_queue *take_queue(struct ipc_objects *objects)
{
        struct ipc_queue *queue = find_queue(objects, "");

        if (queue || objects->queues_used == IPC_QUEUES_MAX)
                return queue;
        return &objects->queues[objects->queues_used++];
}

int ipc_queue_add(struct ipc_objects *objects, const char *name, ino_t inode)
{
        struct ipc_queue *queue;
        int r = -ENOSPC;

        if (strlen(name) >= IPC_QUEUE_NAME)
                return -ENAMETOOLONG;
        pthread_mutex_lock(&objects->lock);
        queue = find_queue(objects, name); /* one that others removed */
        if (!queue)
                queue = take_queue(objects);
        if (queue && objects->created < IPC_CREATIONS_MAX) {
                queue->inode = inode;
                strcpy(queue->name, name);
                objects->created++;
                r = 0;
        }
        pthread_mutex_unlock(&objects->lock);
        return r;
}

bool ipc_queue_has(struct ipc_objects *objects, const char *name, ino_t inode)
{
        const struct ipc_queue *queue;
        bool found;

        pthread_mutex_lock(&objects->lock);
        queue = find_queue(objects, name);
        found = queue && queue->name[0] && queue->inode == inode;
        pthread_mutex_unlock(&objects->lock);
        return found;
}

void ipc_queue_remove(struct ipc_objects *objects, const char *name)
{
        struct ipc_queue *queue;

        pthread_mutex_lock(&objects->lock);
        queue = find_queue(objects, name);
        if (queue)
                queue->name[0] = '\0';
        pthread_mutex_unlock(&objects->lock);
}

/* One that somebody else has put in its place stays. */
static void destroy_queue(const struct ipc_queue *queue)
{
        int fd = (int)syscall(SYS_mq_open, queue->name, O_RDONLY | O_CLOEXEC, 0, NULL);
        struct stat status;

        if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == queue->inode)
                syscall(SYS_mq_unlink, queue->name);
        if (fd >= 0)
                close(fd);
}

void ipc_objects_clear(struct ipc_objects *objects)
{
        for (unsigned i = 0; i < objects->count && i < IPC_OBJECTS_MAX; i++)
                ipc_object_destroy(objects->objects[i].kind, objects->objects[i].id);
        for (unsigned i = 0; i < objects->queues_used && i < IPC_QUEUES_MAX; i++)
                if (objects->queues[i].name[0])
                        destroy_queue(&objects->queues[i]);
}
