/* SPDX-License-Identifier: Apache-2.0 */
/* What administers the machine or widens what the kernel exposes: none of it may succeed, whoever asks. */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "attack.h"

/* docs/SYSCALLS.md's table, from the same source. */
enum treatment {
        TREAT_ALLOW,
        TREAT_GUARDED,
        TREAT_SCALAR,
        TREAT_OPEN,
        TREAT_META,
        TREAT_BROKER,
        TREAT_CREDENTIALS,
        TREAT_REFUSE,
        TREAT_NOSYS
};
#define SYSCALL(number, name, treatment, why)          {number, #name, TREAT_##treatment},
#define GRANTABLE(number, name, treatment, grant, why) {number, #name, TREAT_##treatment},
static const struct {
        long number;
        const char *name;
        enum treatment treatment;
} table[] = {
#include "broker/policy/syscalls.def"
};

static void refused(const char *what, long result)
{
        if (result >= 0)
                escaped("%s gave %ld", what, result);
}

static void mounts(void)
{
        refused("mount", mount("none", in_dir("mnt"), "tmpfs", 0, NULL));
        refused("bind mount", mount("/", in_dir("mnt"), NULL, MS_BIND, NULL));
        refused("fsopen", syscall(430, "tmpfs", 0));
        refused("open_tree", syscall(428, AT_FDCWD, "/", 1));
        refused("move_mount", syscall(429, AT_FDCWD, "/", AT_FDCWD, in_dir("mnt"), 0));
        refused("mount_setattr", syscall(442, AT_FDCWD, "/", 0, NULL, 0));
        refused("umount", umount2("/proc/sys/fs/binfmt_misc", MNT_DETACH));
        refused("chroot", chroot(in_dir("")));
        refused("pivot_root", syscall(SYS_pivot_root, in_dir("mnt"), in_dir("mnt")));
        refused("swapon", syscall(SYS_swapon, in_dir("file"), 0));
}

static int nothing(void *unused)
{
        (void)unused;
        return 0;
}

static void namespaces(void)
{
        static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,
                                    CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP, 0x00000080};
        static char stack[65536];
        struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
                refused("unshare", unshare(flags[i]));
                refused("unshare with high bits",
                        syscall(SYS_unshare, 0xffff000000000000ul | (unsigned)flags[i]));
                if (flags[i] != 0x80)
                        refused("clone", clone(nothing, stack + sizeof(stack), flags[i] | SIGCHLD, NULL));
        }
        pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
        if (pid == 0)
                _exit(0);
        refused("clone3", pid);
        refused("setns", setns(open("/proc/1/ns/net", O_RDONLY), 0));
        refused("setns to our own", setns(open("/proc/self/ns/mnt", O_RDONLY), 0));
}

static void kernel_surface(void)
{
        char buffer[256] = {0};

        refused("bpf", syscall(SYS_bpf, 0, buffer, 64));
        refused("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
        refused("io_uring_setup", syscall(425, 4, buffer));
        refused("userfaultfd", syscall(SYS_userfaultfd, 1));
        refused("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
        refused("keyctl", syscall(SYS_keyctl, 0, -3, 0));
        refused("request_key", syscall(SYS_request_key, "user", "x", NULL, 0));
        refused("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
        refused("init_module", syscall(SYS_init_module, buffer, 0, ""));
        refused("finit_module", syscall(SYS_finit_module, -1, "", 0));
        refused("delete_module", syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
        refused("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
        refused("iopl", syscall(SYS_iopl, 0));
        refused("ioperm", syscall(SYS_ioperm, 0x80, 1, 0));
        refused("acct", syscall(SYS_acct, in_dir("file")));
        refused("syslog", syscall(SYS_syslog, 10, NULL, 0));
        refused("clock_settime", syscall(SYS_clock_settime, 0, (long[2]){1, 0}));
        refused("settimeofday", syscall(SYS_settimeofday, (long[2]){1, 0}, NULL));
        refused("sethostname", syscall(SYS_sethostname, "flicker", 7));
        refused("vhangup", syscall(SYS_vhangup));
        refused("name_to_handle_at and open_by_handle_at",
                syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, O_RDONLY));
        refused("lookup_dcookie", syscall(SYS_lookup_dcookie, 0, buffer, 64));
        refused("nfsservctl", syscall(SYS_nfsservctl, 0, 0, 0));
        refused("quotactl", syscall(SYS_quotactl, 0x800002 << 8, NULL, 0, buffer));
}

/* Every syscall that the table refuses, with arguments that ask for nothing, by both kinds of instruction. */
static void whole_table(void)
{
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                int wanted = table[i].treatment == TREAT_REFUSE ? EPERM : ENOSYS;

                if (table[i].treatment != TREAT_REFUSE && table[i].treatment != TREAT_NOSYS)
                        continue;
                if (syscall(table[i].number, 0, 0, 0, 0, 0, 0) != -1 || errno != wanted)
                        escaped("%s: %s", table[i].name, strerror(errno));
                if (hidden_syscall(table[i].number, 0, 0, 0, 0, 0, 0) != -wanted)
                        escaped("%s by a hidden instruction", table[i].name);
                if (table[i].treatment == TREAT_REFUSE)
                        printf("AUDIT syscall %s\n", table[i].name);
        }
}

/* Memory, and the first disk, under a name that is granted. */
static void devices(void)
{
        static const dev_t numbers[] = {0x101, 0x102, 0x103, 0x800, 0xfe00};

        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                refused("a character device", mknod(in_dir("device"), S_IFCHR | 0600, numbers[i]));
                refused("a block device", mknodat(AT_FDCWD, in_dir("device"), S_IFBLK | 0600, numbers[i]));
                refused("a device by a hidden instruction",
                        hidden_syscall(SYS_mknod, (long)in_dir("device"), S_IFBLK | 0600, (long)numbers[i], 0,
                                       0, 0));
                /* A whiteout is none; another number under its name would be. */
                refused("a device with dirt in the register",
                        syscall(SYS_mknod, in_dir("device"), 0x100000000l | S_IFCHR | 0600, numbers[i]));
        }
        printf("AUDIT mknod %s\n", in_dir("device"));
}

static void terminals(void)
{
        int controller = posix_openpt(O_RDWR | O_NOCTTY);
        char name[64], byte = 'x';

        if (controller < 0 || grantpt(controller) || unlockpt(controller) ||
            ptsname_r(controller, name, sizeof(name)))
                return;
        if (fork() == 0) {
                setsid();
                int terminal = open(name, O_RDWR);
                if (terminal >= 0 && ioctl(terminal, TIOCSTI, &byte) == 0)
                        _exit(1);
                if (terminal >= 0 && syscall(SYS_ioctl, terminal, 0xffffffff00000000ul | TIOCSTI, &byte) == 0)
                        _exit(2);
                if (terminal >= 0 && ioctl(terminal, TIOCVHANGUP) == 0)
                        _exit(3);
                for (int i = 0; terminal >= 0 && i < 3; i++)
                        if (syscall(SYS_ioctl, terminal, ((unsigned long)i << 32) | TIOCLINUX, &byte) == 0 ||
                            errno != EPERM)
                                _exit(4);
                _exit(0);
        }
        int status = 0;
        wait(&status);
        if (status)
                escaped("the terminal is not ours alone (%#x)", status);
}

int main(void)
{
        (void)!mkdirat(AT_FDCWD, in_dir("mnt"), 0755);
        mounts();
        namespaces();
        kernel_surface();
        whole_table();
        devices();
        terminals();
        still_confined();
        return finished();
}
