/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The System V IPC objects and POSIX message queues that one sandbox made, by way of its broker: the others
 * in the same IPC namespace are not its business. They go with the sandbox, since no later one could reach
 * them.
 *
 * An object is known by its id (a queue by name and inode), which the kernel gives to another object some
 * time after it has gone. To bring that about, a program would have to have the kernel run through all of
 * them, the fewest being 2^19 (ipc/util.h, ipcmni_extend); so the number of objects that a sandbox may make
 * in its life is bounded.
 */
#ifndef FLICKER_ENFORCE_IPC_OBJECTS_H
#define FLICKER_ENFORCE_IPC_OBJECTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define IPC_OBJECTS_MAX   4096       /* at the same time */
#define IPC_CREATIONS_MAX (1u << 18) /* in a sandbox's life */
#define IPC_QUEUES_MAX    256
#define IPC_QUEUE_NAME    256 /* bytes, NUL included (NAME_MAX) */

enum ipc_kind { IPC_MEMORY, IPC_SEMAPHORES, IPC_MESSAGES };

struct ipc_objects {
        pthread_mutex_t lock;
        unsigned count, created;
        unsigned sweep_at; /* objects at which to look which of them have gone */
        struct ipc_object {
                enum ipc_kind kind;
                int id;
        } objects[IPC_OBJECTS_MAX];
        unsigned queues_used; /* queues from here on were never used */
        struct ipc_queue {
                char name[IPC_QUEUE_NAME]; /* empty: free */
                ino_t inode;
        } queues[IPC_QUEUES_MAX];
};

/* In memory that others can map by *ret_fd (close-on-exec): a broker that is killed leaves them to its
 * guardian. *ret_fd is -1 where a limit on the size of files (RLIMIT_FSIZE) does not allow that. NULL, and
 * errno. */
struct ipc_objects *ipc_objects_create(int *ret_fd);
/* Those behind a descriptor. NULL, and errno. */
struct ipc_objects *ipc_objects_map(int fd);
/* Removes what is left of them. Takes no lock: whoever used them may have died with it. */
void ipc_objects_clear(struct ipc_objects *objects);

/* 0, -ENOSPC, -ENOMEM. */
int ipc_objects_add(struct ipc_objects *objects, enum ipc_kind kind, int id);
bool ipc_objects_has(struct ipc_objects *objects, enum ipc_kind kind, int id);
void ipc_objects_remove(struct ipc_objects *objects, enum ipc_kind kind, int id);

/* Is there an object of this id at all? 0, or what the kernel says (-EINVAL, -EIDRM). */
int ipc_object_probe(enum ipc_kind kind, int id);
int ipc_object_destroy(enum ipc_kind kind, int id);

int ipc_queue_add(struct ipc_objects *objects, const char *name, ino_t inode);
bool ipc_queue_has(struct ipc_objects *objects, const char *name, ino_t inode);
void ipc_queue_remove(struct ipc_objects *objects, const char *name);

#endif
