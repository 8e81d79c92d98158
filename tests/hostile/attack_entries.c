/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other entries: syscall instructions that are made at run time, in every kind of memory that can hold code,
 * in the middle of others and across pages; 32-bit code; programs that are executed by way of something else.
 */
#include <signal.h>
#include <sys/mman.h>

#include "attack.h"

typedef long gate(long number, long a, long b, long c);

/* mov rax, rdi; mov rdi, rsi; mov rsi, rdx; mov rdx, rcx; xor r10d, r10d; syscall; ret */
static const unsigned char code[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6,
                                     0x48, 0x89, 0xca, 0x45, 0x31, 0xd2, 0x0f, 0x05, 0xc3};

static void through(const char *what, void *address)
{
        gate *enter = (gate *)address;
        long fd = enter(SYS_openat, AT_FDCWD, (long)in_dir("secret/file"), O_RDONLY);

        expect_no_secret(what, (int)fd);
        expect_no_secret(what, (int)enter(SYS_open, (long)in_dir("hidden/file"), O_RDONLY, 0));
        if (enter(SYS_unlink, (long)in_dir("secret/file"), 0, 0) == 0)
                escaped("%s: unlinks", what);
        if (enter(SYS_ptrace, 0, 0, 0) == 0 || enter(SYS_io_uring_setup, 4, (long)in_dir("x"), 0) >= 0)
                escaped("%s: gets what the baseline refuses", what);
}

static void made_code(void)
{
        char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (page == MAP_FAILED)
                return;
        memcpy(page, code, sizeof(code));
        through("code in memory that is writable, too", page);
        /* 0f at the end of one page, 05 at the start of the next. */
        memcpy(page + 4096 - 16, code, sizeof(code));
        through("an instruction across two pages", page + 4096 - 16);
        mprotect(page, 8192, PROT_READ | PROT_EXEC);
        through("code made executable afterwards", page);
        char *moved = mremap(page, 8192, 16384, MREMAP_MAYMOVE);
        if (moved != MAP_FAILED)
                through("code that was moved", moved);
        page = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                    -1, 0);
        if (page == MAP_FAILED)
                return;
        memcpy(page, code, sizeof(code));
        mprotect(page, 4096, PROT_EXEC);
        through("code that can only be executed", page);
}

static void two_views(void)
{
        int fd = memfd_create("code", 0);

        if (fd < 0 || ftruncate(fd, 4096) < 0)
                return;
        char *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        char *executable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
        if (writable == MAP_FAILED || executable == MAP_FAILED)
                return;
        memcpy(writable, code, sizeof(code));
        through("code written through another mapping", executable);
        int file = open(in_dir("public/code"), O_CREAT | O_RDWR, 0700);
        (void)!write(file, code, sizeof(code));
        char *mapped = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
        if (mapped != MAP_FAILED)
                through("code out of a file", mapped);
        close(file);
        close(fd);
}

static void on_the_stack(void)
{
        char space[8192] __attribute__((aligned(4096)));

        if (mprotect((void *)((unsigned long)space & ~4095ul), 8192, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
                return;
        memcpy(space, code, sizeof(code));
        through("code on the stack", space);
}

static void in_the_middle(void)
{
        expect_no_secret("an instruction inside another",
                         (int)hidden_syscall(SYS_open, (long)in_dir("secret/file"), O_RDONLY, 0, 0, 0, 0));
}

/*
 * Code and stack below 4 GiB, a far return to the 32-bit code segment, one of its ways into the kernel, and
 * back. ecx has the address of a path; the result of open(2) is stored.
 */
static void thirty_two_bits(const unsigned char *entry, size_t entry_size, const char *what)
{
        unsigned char *page = mmap((void *)0x20000000, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        static const unsigned char load[] = {
                0xb8, 5,    0,    0,    0,    /* mov eax, 5: open of i386 */
                0xbb, 0x00, 0x80, 0x00, 0x20, /* mov ebx, 0x20008000 */
                0x31, 0xc9,                   /* xor ecx, ecx */
                0x31, 0xd2,                   /* xor edx, edx */
                0xbd, 0x00, 0x40, 0x00, 0x20, /* mov ebp, 0x20004000: of sysenter */
        };
        static const unsigned char leave[] = {
                0xa3, 0x00, 0xc0, 0x00, 0x20,          /* mov [0x2000c000], eax */
                0xea, 0x00, 0x10, 0x00, 0x20, 0x33, 0, /* ljmp 0x33:0x20001000 */
        };
        /* mov rsp, rdi (the stack of before, from [0x2000c008]); ret */
        static const unsigned char back[] = {0x48, 0x8b, 0x24, 0x25, 0x08, 0xc0, 0x00, 0x20, 0xc3};
        size_t at = 0;

        if (page == MAP_FAILED)
                return;
        memcpy(page, load, sizeof(load));
        at += sizeof(load);
        memcpy(page + at, entry, entry_size);
        at += entry_size;
        memcpy(page + at, leave, sizeof(leave));
        memcpy(page + 0x1000, back, sizeof(back));
        snprintf((char *)page + 0x8000, 4096, "%s", in_dir("secret/file"));
        *(volatile int *)(page + 0xc000) = -ENOSYS;
        __asm__ volatile("pushq %%rbx\n\tpushq %%rbp\n\t"
                         "leaq 1f(%%rip), %%rax\n\tpushq %%rax\n\t"
                         "movq %%rsp, 0x2000c008\n\t"
                         "movl $0x2b, %%eax\n\tmovl %%eax, %%ds\n\tmovl $0x20007000, %%esp\n\t"
                         "pushq $0x23\n\tpushq $0x20000000\n\tlretq\n\t"
                         "1: popq %%rbp\n\tpopq %%rbx"
                         :
                         :
                         : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
        expect_no_secret(what, *(volatile int *)(page + 0xc000));
        if (*(volatile int *)(page + 0xc000) >= 0)
                escaped("%s reaches the kernel", what);
}

static void by_int80(void)
{
        thirty_two_bits((const unsigned char[]){0xcd, 0x80}, 2, "int 0x80 in 32-bit code");
}

static void by_sysenter(void)
{
        thirty_two_bits((const unsigned char[]){0x0f, 0x34}, 2, "sysenter in 32-bit code");
}

static void by_compatible_syscall(void)
{
        thirty_two_bits((const unsigned char[]){0x0f, 0x05}, 2, "syscall in 32-bit code");
}

static int copy(int from, int to)
{
        char buffer[65536];
        ssize_t n;

        lseek(from, 0, SEEK_SET);
        while ((n = read(from, buffer, sizeof(buffer))) > 0)
                if (write(to, buffer, (size_t)n) != n)
                        return -1;
        return n < 0 ? -1 : 0;
}

/* Executes in a child; did it run? */
static bool runs(int base, const char *path, int flags, char *const arguments[])
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY);
                dup2(null, 1);
                dup2(null, 2);
                execveat(base, path, arguments, environ, flags);
                hidden_syscall(SYS_execveat, base, (long)path, (long)arguments, (long)environ, flags, 0);
                _exit(99);
        }
        waitpid(pid, &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void by_memory(void)
{
        char *arguments[] = {"true", NULL}, magic[64];
        int in = open("/bin/true", O_RDONLY), memory = memfd_create("program", 0);

        if (in < 0 || memory < 0 || copy(in, memory) < 0)
                return;
        close(in);
        snprintf(magic, sizeof(magic), "/proc/self/fd/%d", memory);
        if (runs(memory, "", AT_EMPTY_PATH, arguments))
                escaped("executes memory by its descriptor");
        if (runs(AT_FDCWD, magic, 0, arguments))
                escaped("executes memory by /proc/self/fd");
        snprintf(magic, sizeof(magic), "/dev/fd/%d", memory);
        if (runs(AT_FDCWD, magic, 0, arguments))
                escaped("executes memory by /dev/fd");
        char *by_loader[] = {"ld.so", magic, NULL};
        if (runs(AT_FDCWD, "/lib64/ld-linux-x86-64.so.2", 0, by_loader))
                printf("the loader reads memory that is the program's own\n");
        close(memory);
        int file = open(in_dir("public"), O_TMPFILE | O_RDWR, 0700);
        in = open(in_dir("secret/program"), O_RDONLY);
        if (in >= 0)
                escaped("reads a refused program");
        close(file);
}

static void by_other_programs(void)
{
        const char *program = in_dir("secret/program"), *image = in_dir("secret/attack_entries");
        char *plain[] = {"x", NULL}, *loader[] = {"ld.so", (char *)image, "image", NULL};
        char *shell[] = {"sh", (char *)program, NULL}, line[4200];
        int fd;

        if (runs(AT_FDCWD, program, 0, plain))
                escaped("executes a refused script");
        if (runs(AT_FDCWD, image, 0, loader + 1))
                escaped("executes a refused program");
        if (runs(AT_FDCWD, "/lib64/ld-linux-x86-64.so.2", 0, loader))
                escaped("has the loader load a refused program");
        if (runs(AT_FDCWD, "/bin/sh", 0, shell))
                escaped("has the shell read a refused script");
        fd = open(in_dir("public/script"), O_CREAT | O_WRONLY | O_TRUNC, 0700);
        dprintf(fd, "#!%s image\n", image);
        close(fd);
        if (runs(AT_FDCWD, in_dir("public/script"), 0, plain))
                escaped("names a refused program in a script");
        fd = open(in_dir("public/second"), O_CREAT | O_WRONLY | O_TRUNC, 0700);
        dprintf(fd, "#!%s\n", in_dir("public/script"));
        close(fd);
        if (runs(AT_FDCWD, in_dir("public/second"), 0, plain))
                escaped("names a refused program in a script's script");
        (void)!symlink(image, in_dir("public/innocent"));
        if (runs(AT_FDCWD, in_dir("public/innocent"), 0, loader + 1))
                escaped("executes a refused program by a link");
        snprintf(line, sizeof(line), "/proc/self/root%s", image);
        if (runs(AT_FDCWD, line, 0, loader + 1))
                escaped("executes a refused program by /proc/self/root");
        fd = open(image, O_PATH);
        if (fd >= 0 && runs(fd, "", AT_EMPTY_PATH, loader + 1))
                escaped("executes a refused program by its path's descriptor");
        close(fd);
        fd = open(in_dir("secret"), O_PATH);
        if (fd >= 0 && runs(fd, "attack_entries", 0, loader + 1))
                escaped("executes a refused program beneath a descriptor");
        close(fd);
}

int main(int argc, char **argv)
{
        if (argc > 1 && !strcmp(argv[1], "image"))
                return 0;
        try_in_child("made code", made_code);
        try_in_child("two views", two_views);
        try_in_child("on the stack", on_the_stack);
        try_in_child("in the middle", in_the_middle);
        try_in_child("by int80", by_int80);
        try_in_child("by sysenter", by_sysenter);
        try_in_child("by compatible syscall", by_compatible_syscall);
        try_in_child("by memory", by_memory);
        try_in_child("by other programs", by_other_programs);
        still_confined();
        return finished();
}
