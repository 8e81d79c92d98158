/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that gave up its credentials is served with what it has now. Needs root; natively, too, each
 * of these opens fails.
 */
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attack.h"

static int for_root = -1, for_all = -1; /* datagram sockets, which ask who sends */

static int listen_for(const char *name, mode_t mode)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;

        snprintf(address.sun_path, sizeof address.sun_path, "%s", in_dir(name));
        unlink(address.sun_path);
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(address.sun_path, mode) < 0)
                printf("%s: %s\n", name, strerror(errno));
        return fd;
}

static ssize_t send_to(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct iovec piece = {(void *)"x", 1};
        struct msghdr message = {
                .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &piece, .msg_iovlen = 1};
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        ssize_t sent;

        snprintf(address.sun_path, sizeof address.sun_path, "%s", in_dir(name));
        sent = sendmsg(fd, &message, 0);
        close(fd);
        return sent;
}

/* Who sent what waits at the socket: its user, or -1. */
static int user_of_message(int fd)
{
        char data[8], control[CMSG_SPACE(sizeof(struct ucred))];
        struct iovec piece = {data, sizeof data};
        struct msghdr message = {
                .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct ucred who;

        if (recvmsg(fd, &message, 0) < 0 || !CMSG_FIRSTHDR(&message))
                return -1;
        memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof who);
        return (int)who.uid;
}

/* A broker with root's rights sends, but not by them, and not in root's name. */
static void messages_refused(const char *what)
{
        if (send_to("shared/for-root") >= 0)
                escaped("%s: a message to a socket of root's", what);
        if (getuid() != 0 && send_to("shared/for-all") >= 0 && user_of_message(for_all) == 0)
                escaped("%s: a message in root's name", what);
}

static void refused(const char *what)
{
        struct stat st;

        expect_no_secret(what, open(in_dir("for-root/file"), O_RDONLY));
        if (stat(in_dir("for-root/file"), &st) == 0 || errno != EACCES)
                escaped("%s: stat", what);
        if (unlink(in_dir("for-root/file")) == 0 || truncate(in_dir("for-root/file"), 0) == 0 ||
            mkdir(in_dir("for-root/new"), 0755) == 0)
                escaped("%s: changes", what);
        int fd = open(in_dir("shared/mine"), O_CREAT | O_WRONLY | O_EXCL, 0600);
        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0)
                escaped("%s: makes a file of root's", what);
        if (fd < 0)
                printf("%s: cannot create in a shared directory: %s\n", what, strerror(errno));
        close(fd);
        unlink(in_dir("shared/mine"));
        if (mkdir(in_dir("shared/directory"), 0700) == 0 && stat(in_dir("shared/directory"), &st) == 0 &&
            st.st_uid == 0)
                escaped("%s: makes a directory of root's", what);
        rmdir(in_dir("shared/directory"));
        messages_refused(what);
}

static void by_setuid(void)
{
        if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
                printf("cannot change credentials: %s\n", strerror(errno));
        else
                refused("setuid");
}

static void by_setresuid(void)
{
        if (!setresgid(-1, 65534, -1) && !setresuid(-1, 65534, -1)) {
                refused("setresuid, effective only");
                if (!seteuid(0) && !setegid(0)) {
                        int fd = open(in_dir("for-root/file"), O_RDONLY);
                        if (fd < 0)
                                printf("credentials are not taken back: %s\n", strerror(errno));
                        close(fd);
                }
        }
}

static void by_fsuid(void)
{
        setfsuid(65534);
        setfsgid(65534);
        refused("setfsuid");
}

static void *one_thread(void *unused)
{
        (void)unused;
        syscall(SYS_setresgid, 65534, 65534, 65534);
        syscall(SYS_setresuid, 65534, 65534, 65534);
        refused("a thread with credentials of its own");
        return NULL;
}

static void by_thread(void)
{
        pthread_t thread;

        pthread_create(&thread, NULL, one_thread, NULL);
        pthread_join(thread, NULL);
        int fd = open(in_dir("for-root/file"), O_RDONLY);
        if (fd < 0)
                printf("the other thread lost its credentials: %s\n", strerror(errno));
        close(fd);
}

static void by_capabilities(void)
{
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2] = {{0}};

        if (syscall(SYS_capset, &header, data))
                return;
        expect_no_secret("root without capabilities", open(in_dir("for-nobody/file"), O_RDONLY));
        if (chown(in_dir("public/file"), 1, 1) == 0)
                escaped("root without capabilities: chown");
        if (mknod(in_dir("shared/device"), S_IFCHR | 0600, 0x0103) == 0)
                escaped("root without capabilities: mknod");
}

/* Root that is nothing special any more loses its capabilities by executing a program. */
static void by_securebits(void)
{
        if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0) == 0)
                execl("/proc/self/exe", "attack", "executed", NULL);
}

static void by_bounding_set(void)
{
        for (int capability = 0; capability <= 63; capability++)
                prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
        execl("/proc/self/exe", "attack", "executed", NULL);
}

static int after_exec(void)
{
        expect_no_secret("root without capabilities after an exec",
                         open(in_dir("for-nobody/file"), O_RDONLY));
        if (chown(in_dir("public/file"), 1, 1) == 0)
                escaped("root without capabilities after an exec: chown");
        return finished();
}

static void in_child(void (*attempt)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                attempt();
                fflush(stdout);
                _exit(attack_escapes ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status))
                attack_escapes++;
}

int main(int argc, char **argv)
{
        if (geteuid())
                return 77;
        if (argc > 1 && !strcmp(argv[1], "executed"))
                return after_exec();
        for_root = listen_for("shared/for-root", 0600);
        for_all = listen_for("shared/for-all", 0666);
        if (send_to("shared/for-root") < 0 || user_of_message(for_root) != 0)
                escaped("nothing is tried: root cannot send to its own socket: %s", strerror(errno));
        in_child(by_setuid);
        in_child(by_setresuid);
        in_child(by_fsuid);
        in_child(by_thread);
        in_child(by_capabilities);
        in_child(by_securebits);
        in_child(by_bounding_set);
        still_confined();
        return finished();
}
