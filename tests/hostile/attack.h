/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attack programs share. Each one runs inside the sandbox with everything it could wish for, and tries
 * to get out: ends with 0 where nothing worked, prints "ESCAPED" and ends with 1 where something did.
 *
 * From the environment (see run.sh): DIR, a directory where all is granted except DIR/secret (deny, a file
 * "file" in it says "SECRET") and DIR/hidden; OUTSIDE, a file that nothing grants; PORT, where something
 * listens on 127.0.0.1 (granted) and 127.0.0.3 (refused); SOCKET, a listening Unix socket that nothing
 * grants (the same is DIR/giver, DIR/plain/socket and DIR/granted/never); LISTENER, the process that listens.
 */
#ifndef FLICKER_TESTS_HOSTILE_ATTACK_H
#define FLICKER_TESTS_HOSTILE_ATTACK_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int attack_escapes;

__attribute__((format(printf, 1, 2))) static inline void escaped(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        printf("ESCAPED: ");
        vprintf(format, arguments);
        printf("\n");
        fflush(stdout);
        va_end(arguments);
        attack_escapes++;
}

static inline const char *setting(const char *name)
{
        const char *value = getenv(name);

        if (!value) {
                fprintf(stderr, "attack: %s is not set\n", name);
                exit(2);
        }
        return value;
}

static inline const char *in_dir(const char *path)
{
        static _Thread_local char buffers[8][4096];
        static _Thread_local int next;
        char *buffer = buffers[next++ % 8];

        snprintf(buffer, sizeof(buffers[0]), "%s/%s", setting("DIR"), path);
        return buffer;
}

/* Does fd read as the secret? Closes it. */
static inline bool is_secret(int fd)
{
        char text[7] = "";
        bool secret;

        if (fd < 0)
                return false;
        secret = pread(fd, text, 6, 0) == 6 && !memcmp(text, "SECRET", 6);
        close(fd);
        return secret;
}

static inline void expect_no_secret(const char *what, int fd)
{
        if (is_secret(fd))
                escaped("%s", what);
}

/* Ends the threads that race with others. */
static volatile bool attack_stop __attribute__((unused));

/* "secret" and "public" differ in six bytes at the same place of the path. */
static inline void *flip_to_secret(void *place)
{
        while (!attack_stop) {
                memcpy(place, "public", 6);
                for (volatile int i = 0; i < 50; i++)
                        ;
                memcpy(place, "secret", 6);
        }
        return NULL;
}

/* The sandbox still works, and still refuses: an attack that breaks it for itself only has not won. */
static inline void still_confined(void)
{
        expect_no_secret("open after the attack", open(in_dir("secret/file"), O_RDONLY));
        expect_no_secret("open outside after the attack", open(setting("OUTSIDE"), O_RDONLY));
}

/* An attempt that may cost the process its life: whoever dies of it has got nowhere, who hangs is not served.
 */
static inline void try_in_child(const char *what, void (*attempt)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                alarm(20);
                attempt();
                still_confined();
                fflush(stdout);
                _exit(attack_escapes ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status))
                escaped("%s", what);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
                escaped("%s: hangs", what);
}

/* The broker: the parent of the guardian, which is the topmost ancestor that shares our session of processes.
 */
static inline pid_t parent_of(pid_t pid)
{
        char path[64], line[256];
        pid_t parent = -1;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "PPid: %d", &parent) == 1)
                        break;
        if (file)
                fclose(file);
        return parent;
}

/* Linux 6.13: newer than many headers. */
enum { ATTACK_SETXATTRAT = 463, ATTACK_GETXATTRAT, ATTACK_LISTXATTRAT, ATTACK_REMOVEXATTRAT };
struct attack_xattr {
        uint64_t value;
        uint32_t size, flags;
};

/*
 * A syscall instruction that no disassembly shows: it lies inside the immediate of another instruction, so
 * that the agent has not redirected it. Whatever the program can do itself it can do by this one.
 */
__asm__(".pushsection .text\n"
        "attack_hidden_gate:\n"
        "\tmovl $0x90c3050f, %eax\n" /* 0f 05 syscall, c3 ret */
        "\tret\n"
        ".popsection\n");

static inline long hidden_syscall(long number, long a, long b, long c, long d, long e, long f)
{
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        register long r9 __asm__("r9") = f;
        long result;

        /* Below the red zone: the call pushes. */
        __asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"
                         "call attack_hidden_gate+1\n\t"
                         "leaq 128(%%rsp), %%rsp"
                         : "=a"(result)
                         : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory", "cc");
        return result;
}

/* Does a program that is executed now read path? */
static inline bool is_read_by_another(const char *path)
{
        int status = 1;
        pid_t pid = fork();

        if (pid == 0) {
                int null = open("/dev/null", O_WRONLY);

                dup2(null, 1);
                dup2(null, 2);
                execl("/usr/bin/cat", "cat", path, NULL);
                _exit(1);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* At the end: the broker has to serve others as before. */
static inline int finished(void)
{
        if (!is_read_by_another(in_dir("bystander/file")))
                escaped("another program is not served after the attack");
        if (is_read_by_another(in_dir("secret/file")))
                escaped("another program reads the secret after the attack");
        return attack_escapes ? 1 : 0;
}

#endif
