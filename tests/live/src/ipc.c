/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc use KEY: what programs do with System V IPC and message queues among themselves; prints what came of
 * it. ipc make KEY, ipc remove KEY: objects of somebody else, outside the sandbox. make prints their ids. ipc
 * attack KEY SHM SEM MSG: tries to reach those; prints "ESCAPED" where it did. ipc join KEY: uses them, and
 * says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static key_t key;
static char queue_name[64];

static const char *outcome(long result)
{
        static char text[64];

        if (result >= 0)
                return "fine";
        snprintf(text, sizeof text, "%s", strerrorname_np(errno));
        return text;
}

static long attachments(int id)
{
        struct shmid_ds status;

        return shmctl(id, IPC_STAT, &status) < 0 ? -1 : (long)status.shm_nattch;
}

static void use_memory(void)
{
        int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600), again;
        struct shmid_ds status;
        char *memory = shmat(id, NULL, 0);

        strcpy(memory, "nothing");
        if (fork() == 0) {
                strcpy(memory, "from the child");
                printf("in the child: %ld attached\n", attachments(id));
                fflush(stdout);
                _exit(0);
        }
        wait(NULL);
        printf("private: %s, %ld attached\n", memory, attachments(id));
        printf("removed: %s\n", outcome(shmctl(id, IPC_RMID, NULL)));
        printf("still there: %s, %ld attached\n", memory, attachments(id));
        printf("a second attachment: %s\n",
               shmat(id, NULL, 0) == (void *)-1 ? strerrorname_np(errno) : "fine");
        shmdt(memory);
        id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0640);
        printf("keyed: %s\n", outcome(id));
        again = shmget(key, 0, 0);
        printf("looked up: %s, the same: %d\n", outcome(again), id == again);
        printf("made again: %s\n", outcome(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0640)));
        printf("made anyway: %s\n", outcome(shmget(key, 4096, IPC_CREAT | 0640)));
        printf("too large: %s\n", outcome(shmget(key, 1 << 20, IPC_CREAT | 0640)));
        shmctl(id, IPC_STAT, &status);
        printf("owner %d %d, mode %o, size %zu\n", status.shm_perm.uid == geteuid(),
               status.shm_perm.gid == getegid(), status.shm_perm.mode, status.shm_segsz);
        status.shm_perm.mode = 0600;
        printf("changed: %s\n", outcome(shmctl(id, IPC_SET, &status)));
        printf("removed: %s\n", outcome(shmctl(id, IPC_RMID, NULL)));
        printf("gone: %s\n", outcome(shmctl(id, IPC_STAT, &status)));
        printf("attached: %s\n", shmat(id, NULL, 0) == (void *)-1 ? strerrorname_np(errno) : "fine");
        printf("absent: %s\n", outcome(shmget(key, 4096, 0)));
        printf("no such id: %s\n", outcome(shmctl(-1, IPC_STAT, &status)));
        printf("limits: %s\n", outcome(shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&(struct shminfo){0})));
}

static void use_semaphores(void)
{
        struct sembuf down = {0, -1, SEM_UNDO}, up = {0, 1, 0};
        int id = semget(key, 3, IPC_CREAT | 0600);
        struct timespec soon = {0, 1000000};
        int status;

        printf("semaphores: %s\n", outcome(id));
        if (fork() == 0)
                _exit(semop(id, &down, 1) == 0 ? 3 : 1);
        printf("up: %s\n", outcome(semop(id, &up, 1)));
        wait(&status);
        printf("woken: %d\n", WEXITSTATUS(status));
        printf("value %d\n", semctl(id, 0, GETVAL));
        printf("set: %s\n", outcome(semctl(id, 1, SETVAL, 7)));
        printf("value %d\n", semctl(id, 1, GETVAL));
        down.sem_num = 2;
        printf("in vain: %s\n", outcome(semtimedop(id, &down, 1, &soon)));
        printf("removed: %s\n", outcome(semctl(id, 0, IPC_RMID)));
        printf("gone: %s\n", outcome(semop(id, &up, 1)));
}

static void use_messages(void)
{
        struct {
                long type;
                char text[16];
        } message = {5, "a message"};
        int id = msgget(IPC_PRIVATE, 0600);

        printf("messages: %s\n", outcome(id));
        printf("sent: %s\n", outcome(msgsnd(id, &message, sizeof message.text, 0)));
        memset(message.text, 0, sizeof message.text);
        printf("received: %s", outcome(msgrcv(id, &message, sizeof message.text, 5, 0)));
        printf(" %s\n", message.text);
        printf("none: %s\n", outcome(msgrcv(id, &message, sizeof message.text, 5, IPC_NOWAIT)));
        printf("removed: %s\n", outcome(msgctl(id, IPC_RMID, NULL)));
        printf("gone: %s\n", outcome(msgsnd(id, &message, sizeof message.text, 0)));
}

static void use_queue(void)
{
        struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 32}, got = {0};
        char text[32] = "";
        struct stat status;
        mqd_t queue, second;

        umask(077);
        queue = mq_open(queue_name, O_RDWR | O_CREAT | O_EXCL, 0666, &attributes);
        printf("queue: %s\n", outcome(queue));
        printf("again: %s\n", outcome(mq_open(queue_name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL)));
        second = mq_open(queue_name, O_WRONLY | O_CREAT | O_NONBLOCK, 0600, NULL);
        printf("second: %s\n", outcome(second));
        printf("close-on-exec: %d\n", fcntl(second, F_GETFD));
        fstat(queue, &status);
        printf("owner %d, mode %o\n", status.st_uid == geteuid(), status.st_mode & 0777);
        mq_getattr(queue, &got);
        printf("%ld messages of %ld\n", got.mq_maxmsg, got.mq_msgsize);
        for (int i = 0; i < 5; i++)
                printf("sent: %s\n", outcome(mq_send(second, "hello", 6, (unsigned)i)));
        printf("received: %s", outcome(mq_receive(queue, text, sizeof text, NULL)));
        printf(" %s\n", text);
        printf("unlinked: %s\n", outcome(mq_unlink(queue_name)));
        printf("absent: %s\n", outcome(mq_open(queue_name, O_RDONLY)));
        printf("unlinked again: %s\n", outcome(mq_unlink(queue_name)));
        printf("no name: %s\n", outcome(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL)));
        attributes.mq_maxmsg = -1;
        printf("no attributes: %s\n", outcome(mq_open(queue_name, O_RDWR | O_CREAT, 0600, &attributes)));
}

static int make(void)
{
        struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 32};
        int shm = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666),
            sem = semget(key, 1, IPC_CREAT | IPC_EXCL | 0666);
        int msg = msgget(key, IPC_CREAT | IPC_EXCL | 0666);
        mqd_t queue;

        umask(0);
        queue = mq_open(queue_name, O_RDWR | O_CREAT | O_EXCL, 0666, &attributes);
        printf("%d %d %d\n", shm, sem, msg);
        return shm < 0 || sem < 0 || msg < 0 || queue < 0;
}

static int remove_all(void)
{
        return shmctl(shmget(key, 0, 0), IPC_RMID, NULL) | semctl(semget(key, 0, 0), 0, IPC_RMID) |
               msgctl(msgget(key, 0), IPC_RMID, NULL) | mq_unlink(queue_name);
}

static int escapes;

static void refused(const char *what, long result)
{
        if (result >= 0) {
                printf("ESCAPED: %s\n", what);
                escapes++;
        } else if (errno != EACCES) {
                printf("%s: %s\n", what, strerrorname_np(errno));
                escapes++;
        }
}

static void attack_ids(int shm, int sem, int msg)
{
        struct sembuf up = {0, 1, 0};
        struct {
                long type;
                char text[8];
        } message = {1, "x"};
        struct shmid_ds shared = {0};
        struct semid_ds semaphores = {0};
        struct msqid_ds messages = {0};

        refused("shmat", shmat(shm, NULL, 0) == (void *)-1 ? -1 : 0);
        refused("shmat to read", shmat(shm, NULL, SHM_RDONLY) == (void *)-1 ? -1 : 0);
        refused("shmctl IPC_STAT", shmctl(shm, IPC_STAT, &shared));
        refused("shmctl IPC_SET", shmctl(shm, IPC_SET, &shared));
        refused("shmctl IPC_RMID", shmctl(shm, IPC_RMID, NULL));
        refused("shmctl SHM_STAT", shmctl(0, SHM_STAT, &shared));
        refused("shmctl SHM_STAT_ANY", shmctl(0, 15, &shared));
        refused("semop", semop(sem, &up, 1));
        refused("semctl GETVAL", semctl(sem, 0, GETVAL));
        refused("semctl SETVAL", semctl(sem, 0, SETVAL, 3));
        refused("semctl IPC_STAT", semctl(sem, 0, IPC_STAT, &semaphores));
        refused("semctl IPC_RMID", semctl(sem, 0, IPC_RMID));
        refused("semctl SEM_STAT", semctl(0, 0, SEM_STAT, &semaphores));
        refused("msgsnd", msgsnd(msg, &message, sizeof message.text, IPC_NOWAIT));
        refused("msgrcv", msgrcv(msg, &message, sizeof message.text, 0, IPC_NOWAIT));
        refused("msgctl IPC_STAT", msgctl(msg, IPC_STAT, &messages));
        refused("msgctl IPC_RMID", msgctl(msg, IPC_RMID, NULL));
        refused("msgctl MSG_STAT", msgctl(0, MSG_STAT, &messages));
}

/* An id is an int to the kernel: what is above does not make it another one. */
static void attack_upper_half(int shm)
{
        long address = syscall(30, shm | 0x500000000l, NULL, 0); /* shmat */

        refused("shmat with dirt in the register", address);
        refused("shmctl with dirt in the register",
                syscall(31, shm | 0x500000000l, 0x700000000l | IPC_RMID, NULL));
}

static void attack_names(void)
{
        refused("shmget", shmget(key, 0, 0));
        refused("shmget to create", shmget(key, 4096, IPC_CREAT | 0666));
        refused("semget", semget(key, 0, 0));
        refused("semget to create", semget(key, 1, IPC_CREAT | 0666));
        refused("msgget", msgget(key, 0));
        refused("msgget to create", msgget(key, IPC_CREAT | 0666));
        refused("mq_open", mq_open(queue_name, O_RDONLY));
        refused("mq_open to write", mq_open(queue_name, O_WRONLY));
        refused("mq_open to create", mq_open(queue_name, O_RDWR | O_CREAT, 0666, NULL));
        refused("mq_unlink", mq_unlink(queue_name));
}

/* The sandbox's own objects come and go; no number of them leads to one of the others. */
static void attack_by_numbers(int shm)
{
        for (int i = 0; i < 300; i++) {
                int id = shmget(IPC_PRIVATE, 1, 0600);

                if (id < 0) {
                        printf("shmget: %s\n", strerrorname_np(errno));
                        escapes++;
                        return;
                }
                if (id == shm || shmctl(id, IPC_RMID, NULL) < 0)
                        refused("the id of an object that is there", 0);
        }
}

static int join(int shm)
{
        char *memory = shmat(shm, NULL, 0);

        printf("%d %s %s\n", shmget(key, 0, 0) == shm,
               memory == (void *)-1 ? strerrorname_np(errno) : "attached",
               outcome(mq_open(queue_name, O_RDONLY)));
        return 0;
}

int main(int argc, char **argv)
{
        key = argc > 2 ? atoi(argv[2]) : 1;
        snprintf(queue_name, sizeof queue_name, "/flicker-test-%d", key);
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 2 && !strcmp(argv[1], "make"))
                return make();
        if (argc > 2 && !strcmp(argv[1], "remove"))
                return remove_all();
        if (argc > 3 && !strcmp(argv[1], "join"))
                return join(atoi(argv[3]));
        if (argc > 5 && !strcmp(argv[1], "attack")) {
                attack_ids(atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
                attack_upper_half(atoi(argv[3]));
                attack_names();
                attack_by_numbers(atoi(argv[3]));
                return escapes > 0;
        }
        use_memory();
        use_semaphores();
        use_messages();
        if (argc > 1 && strcmp(argv[1], "use-no-queue") != 0)
                use_queue();
        return 0;
}
