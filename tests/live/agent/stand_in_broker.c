/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker for testing the agent alone: answers its calls, grants everything, and lets every other
 * notification go on. No policy, no ring, no security.
 *
 *   stand-in-broker [-m] [-p PLAN_PROGRAM] AGENT PROGRAM [ARG...]
 *
 * -m: every path syscall is notified (and let go on). -p: what writes the patch plan of a file (standard
 * input) to standard output; without it there are no plans.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/call.h"
#include "proto/plan.h"

#define PIDS_MAX  4194304
#define PLANS_MAX 256

struct approval {
        char path[PATH_MAX], execfn[PATH_MAX], interpreter[256], argument[256];
        unsigned script_arguments;
};

struct plan {
        dev_t device;
        ino_t inode;
        void *bytes;
        size_t size;
};

static const int mediated[] = {
        SYS_open,     SYS_openat,    SYS_stat,   SYS_lstat,    SYS_newfstatat, SYS_statx,
        SYS_access,   SYS_faccessat, SYS_mkdir,  SYS_rmdir,    SYS_unlink,     SYS_rename,
        SYS_readlink, SYS_chdir,     SYS_execve, SYS_execveat, SYS_getppid,
};

static char agent_path[PATH_MAX];
static const char *plan_program;
static bool mediate;
static struct approval *approvals[PIDS_MAX];
static struct plan plans[PLANS_MAX];
static unsigned plan_count;

static void die(const char *what)
{
        fprintf(stderr, "stand-in-broker: %s: %s\n", what, strerror(errno));
        exit(125);
}

static bool is_mediated(int nr)
{
        for (size_t i = 0; i < sizeof mediated / sizeof mediated[0]; i++) {
                if (mediated[i] == nr)
                        return true;
        }
        return false;
}

static int install_filter(void)
{
        static const unsigned always[] = {FL_CALL_NR, SYS_execve, SYS_execveat};
        struct sock_filter code[64];
        unsigned count = 0;

        code[count++] =
                (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
                code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, always[i], 0, 1);
                code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        }
        for (size_t i = 0; mediate && i < sizeof mediated / sizeof mediated[0]; i++) {
                code[count++] =
                        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)mediated[i], 0, 1);
                code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        }
        code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER | (1u << 5) /* WAIT_KILLABLE_RECV */,
                            &(struct sock_fprog){(unsigned short)count, code});
}

static pid_t process_of(pid_t tid)
{
        char path[64], line[256];
        int tgid = tid;
        FILE *status;

        snprintf(path, sizeof path, "/proc/%d/status", tid);
        status = fopen(path, "re");
        while (status && fgets(line, sizeof line, status)) {
                if (sscanf(line, "Tgid: %d", &tgid) == 1)
                        break;
        }
        if (status)
                fclose(status);
        return tgid;
}

static long read_text(pid_t tid, uint64_t address, char *out, size_t size)
{
        size_t done = 0;

        while (done < size) {
                size_t part = 4096 - (address + done) % 4096;
                struct iovec local = {out + done, part < size - done ? part : size - done};
                struct iovec remote = {(void *)(uintptr_t)(address + done), local.iov_len};
                ssize_t r = process_vm_readv(tid, &local, 1, &remote, 1, 0);

                if (r <= 0)
                        return -EFAULT;
                if (memchr(out + done, '\0', (size_t)r))
                        return 0;
                done += (size_t)r;
        }
        return -ENAMETOOLONG;
}

static long write_bytes(pid_t tid, uint64_t address, const void *bytes, size_t size)
{
        struct iovec local = {(void *)(uintptr_t)bytes, size}, remote = {(void *)(uintptr_t)address, size};

        return process_vm_writev(tid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

static long follow_script(struct approval *approval)
{
        char line[256] = "", *name, *rest;
        int fd = open(approval->path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (access(approval->path, X_OK) < 0) {
                close(fd);
                return -EACCES;
        }
        if (read(fd, line, sizeof line - 1) < 4) {
                close(fd);
                return -ENOEXEC;
        }
        close(fd);
        if (memcmp(line, "\177ELF", 4) == 0)
                return 0;
        if (memcmp(line, "#!", 2) != 0)
                return -ENOEXEC;
        line[strcspn(line, "\n")] = '\0';
        name = line + 2 + strspn(line + 2, " \t");
        rest = name + strcspn(name, " \t");
        if (*rest)
                *rest++ = '\0';
        rest += strspn(rest, " \t");
        snprintf(approval->interpreter, sizeof approval->interpreter, "%s", name);
        snprintf(approval->argument, sizeof approval->argument, "%s", rest);
        snprintf(approval->path, sizeof approval->path, "%s", name);
        approval->script_arguments = *rest ? 2 : 1;
        return 0;
}

static pid_t parent_of(pid_t pid)
{
        char path[64], line[512];
        int parent = 0;
        FILE *stat;

        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        stat = fopen(path, "re");
        if (stat && fgets(line, sizeof line, stat) && strrchr(line, ')'))
                sscanf(strrchr(line, ')'), ") %*c %d", &parent);
        if (stat)
                fclose(stat);
        return parent;
}

/* What process pid runs: it, or the ancestor that it was forked from, was approved with it. */
static const char *program_of(pid_t pid)
{
        for (; pid > 1; pid = parent_of(pid)) {
                if (approvals[pid])
                        return approvals[pid]->path;
        }
        return "/proc/self/exe";
}

static long approve(pid_t tid, int directory, const char *path)
{
        struct approval *approval = calloc(1, sizeof *approval);
        pid_t pid = process_of(tid);
        char real[PATH_MAX];
        long r;

        snprintf(approval->execfn, sizeof approval->execfn, "%s", path);
        if (strcmp(path, "/proc/self/exe") == 0)
                snprintf(approval->path, sizeof approval->path, "%s", program_of(pid));
        else if (path[0] == '/')
                snprintf(approval->path, sizeof approval->path, "%s", path);
        else if (directory == AT_FDCWD)
                snprintf(approval->path, sizeof approval->path, "/proc/%d/cwd/%.4000s", tid, path);
        else if (path[0])
                snprintf(approval->path, sizeof approval->path, "/proc/%d/fd/%d/%.4000s", tid, directory,
                         path);
        else
                snprintf(approval->path, sizeof approval->path, "/proc/%d/fd/%d", tid, directory);
        /* The descriptor may be gone when the new image asks. */
        if (!realpath(approval->path, real)) {
                r = -errno;
                free(approval);
                return r;
        }
        strcpy(approval->path, real);
        r = follow_script(approval);
        if (r < 0) {
                free(approval);
                return r;
        }
        free(approvals[pid]);
        approvals[pid] = approval;
        return 0;
}

static long give(int listener, const struct seccomp_notif *notification, int fd)
{
        struct seccomp_notif_addfd add = {
                .id = notification->id, .srcfd = (unsigned)fd, .newfd_flags = O_CLOEXEC};
        int r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

        r = r < 0 ? -errno : r;
        close(fd);
        return r;
}

static long answer_hello(int listener, const struct seccomp_notif *notification)
{
        struct approval *approval = approvals[process_of((pid_t)notification->pid)];
        static struct fl_hello hello;
        int fd;

        if (!approval)
                return -EPERM;
        memset(&hello, 0, sizeof hello);
        hello.version = FL_PROTO_VERSION;
        hello.flags = mediate ? 0 : FL_HELLO_SUBSTITUTE_EXE;
        for (int nr = 0; nr < (int)FL_SYSCALL_LIMIT; nr++) {
                if (is_mediated(nr))
                        hello.mediated[nr / 64] |= 1ull << (nr % 64);
        }
        if (!mediate) {
                memset(hello.mediated, 0, sizeof hello.mediated);
                hello.reported[SYS_openat / 64] |= 1ull << (SYS_openat % 64);
        }
        hello.script_arguments = approval->script_arguments;
        approval->script_arguments = 0; /* the agent executes itself with the interpreter's arguments */
        snprintf(hello.comm, sizeof hello.comm, "%.15s",
                 strrchr(approval->execfn, '/') ? strrchr(approval->execfn, '/') + 1 : approval->execfn);
        snprintf(hello.execfn, sizeof hello.execfn, "%s", approval->execfn);
        snprintf(hello.script_interpreter, sizeof hello.script_interpreter, "%s", approval->interpreter);
        snprintf(hello.script_argument, sizeof hello.script_argument, "%s", approval->argument);
        snprintf(hello.agent_path, sizeof hello.agent_path, "%s", agent_path);
        if (!realpath(approval->path, hello.exe_path))
                return -errno;
        fd = open(approval->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (write_bytes((pid_t)notification->pid, notification->data.args[1], &hello, sizeof hello) < 0)
                return -EFAULT;
        return give(listener, notification, fd);
}

static void make_plan(const char *path, struct plan *plan)
{
        FILE *pipe;
        char command[PATH_MAX + 512];
        size_t room = 0;

        snprintf(command, sizeof command, "exec %s 3< %s 4>&1", plan_program, path);
        pipe = popen(command, "re");
        if (!pipe)
                return;
        for (;;) {
                if (plan->size == room) {
                        room = room ? room * 2 : 65536;
                        plan->bytes = realloc(plan->bytes, room);
                        if (!plan->bytes)
                                die("memory");
                }
                size_t r = fread((char *)plan->bytes + plan->size, 1, room - plan->size, pipe);

                if (r == 0)
                        break;
                plan->size += r;
        }
        if (pclose(pipe) != 0)
                plan->size = 0;
}

static long answer_plan(const struct seccomp_notif *notification)
{
        const uint64_t *args = (const uint64_t *)notification->data.args;
        char path[64];
        struct stat status;
        unsigned i;
        size_t size;

        if (!plan_program)
                return 0;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", notification->pid, (int)args[1]);
        if (stat(path, &status) < 0)
                return -errno;
        for (i = 0; i < plan_count; i++) {
                if (plans[i].device == status.st_dev && plans[i].inode == status.st_ino)
                        break;
        }
        if (i == plan_count) {
                if (plan_count == PLANS_MAX)
                        return 0;
                plans[plan_count++] = (struct plan){.device = status.st_dev, .inode = status.st_ino};
                make_plan(path, &plans[i]);
        }
        if (args[4] > plans[i].size)
                return -EINVAL;
        size = plans[i].size - args[4] < args[3] ? plans[i].size - args[4] : args[3];
        if (size &&
            write_bytes((pid_t)notification->pid, args[2], (char *)plans[i].bytes + args[4], size) < 0)
                return -EFAULT;
        return (long)plans[i].size;
}

/* An exec that an agent asks about. */
static bool is_marked(const struct seccomp_data *data)
{
        return (data->nr == SYS_execve && data->args[3] == FL_EXEC_MARK) ||
               (data->nr == SYS_execveat && data->args[5] == FL_EXEC_MARK);
}

static long answer_exec(const struct seccomp_notif *notification)
{
        const uint64_t *args = (const uint64_t *)notification->data.args;
        bool at = notification->data.nr == SYS_execveat;
        char path[PATH_MAX];
        long r = read_text((pid_t)notification->pid, args[at], path, sizeof path);

        if (r == 0 && !path[0] && !(at && args[4] & AT_EMPTY_PATH))
                r = -ENOENT;
        if (r == 0)
                r = approve((pid_t)notification->pid, at ? (int)args[0] : AT_FDCWD, path);
        return r < 0 ? r : -FL_EXEC_BY_AGENT;
}

static long answer_call(int listener, const struct seccomp_notif *notification)
{
        switch (notification->data.args[0]) {
        case FL_CALL_HELLO:
                return answer_hello(listener, notification);
        case FL_CALL_PLAN:
                return answer_plan(notification);
        case FL_CALL_REPORT:
                return 0;
        default:
                return -ENOSYS;
        }
}

static void serve(int listener)
{
        for (;;) {
                struct seccomp_notif notification = {0};
                struct seccomp_notif_resp response = {0};

                if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0) {
                        if (errno == EINTR || errno == ENOENT)
                                continue;
                        return;
                }
                response.id = notification.id;
                if (notification.data.nr == FL_CALL_NR || is_marked(&notification.data)) {
                        long r = is_marked(&notification.data) ? answer_exec(&notification)
                                                               : answer_call(listener, &notification);

                        if (r < 0)
                                response.error = (int)r;
                        else
                                response.val = r;
                } else {
                        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
                }
                ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        }
}

static void send_fd(int socket, int fd)
{
        char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
        struct iovec part = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
        sendmsg(socket, &message, 0);
}

static int receive_fd(int socket)
{
        char byte, control[CMSG_SPACE(sizeof(int))];
        struct iovec part = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        int fd = -1;

        if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
                memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        return fd;
}

/* The filter is in force from here on, so the broker has to have the listener before anything is notified. */
static void child(int socket, char **argv)
{
        int listener = install_filter();
        char byte;

        if (listener < 0)
                die("seccomp");
        send_fd(socket, listener);
        close(listener);
        if (read(socket, &byte, 1) != 1)
                _exit(125);
        close(socket);
        execv(agent_path, argv);
        _exit(125);
}

int main(int argc, char **argv)
{
        int option, sockets[2], listener, status;
        pid_t pid, server;

        while ((option = getopt(argc, argv, "+mp:")) != -1) {
                if (option == 'm')
                        mediate = true;
                else if (option == 'p')
                        plan_program = optarg;
                else
                        return 125;
        }
        if (argc - optind < 2 || !realpath(argv[optind], agent_path))
                die("usage: [-m] [-p PLAN_PROGRAM] AGENT PROGRAM [ARG...]");
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
                die("socketpair");
        pid = fork();
        if (pid == 0)
                child(sockets[1], argv + optind + 1);
        close(sockets[1]);
        listener = receive_fd(sockets[0]);
        if (listener < 0)
                die("no listener");
        if (approve(pid, AT_FDCWD, argv[optind + 1]) < 0)
                die(argv[optind + 1]);
        server = fork(); /* serves; this process waits */
        if (server == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(sockets[0]);
                serve(listener);
                _exit(0);
        }
        close(listener);
        if (write(sockets[0], "", 1) != 1)
                die("socket");
        while (waitpid(pid, &status, 0) < 0)
                continue;
        if (WIFSIGNALED(status)) {
                return 128 + WTERMSIG(status);
        }
        return WEXITSTATUS(status);
}
