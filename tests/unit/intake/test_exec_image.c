/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts and ELF files, well formed and crafted; what is refused is compared with what execve(2) says. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/intake/exec_image.h"

static struct exec_image image;
static char path[64];

static void setup(void)
{
        strcpy(path, "/tmp/flicker-exec-XXXXXX");
        close(mkstemp(path));
        chmod(path, 0755);
}

static void teardown(void)
{
        unlink(path);
}

TestSuite(exec_image, .init = setup, .fini = teardown);

static int inspect(const void *bytes, size_t size)
{
        int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC), r;

        cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
        r = exec_image_inspect(fd, &image);
        close(fd);
        return r;
}

#define SCRIPT(text) inspect("" text, sizeof(text) - 1)

/* What execve() of the file says; 0: it ran. */
static int kernels_answer(void)
{
        int *error = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), result;
        pid_t child = fork();

        if (child == 0) {
                int null = open("/dev/null", O_RDWR);

                dup2(null, 0), dup2(null, 1), dup2(null, 2);
                execve(path, (char *[]){path, NULL}, (char *[]){NULL});
                *error = errno;
                _exit(0);
        }
        waitpid(child, NULL, 0);
        result = -*error;
        munmap(error, 4096);
        return result;
}

static void same_error(int line, const void *bytes, size_t size)
{
        int mine = inspect(bytes, size), kernels = kernels_answer();

        cr_assert_eq(mine, kernels, "line %d: %d, the kernel says %d", line, mine, kernels);
        cr_assert_lt(mine, 0, "line %d: no error", line);
}
#define SAME_ERROR(bytes, size) same_error(__LINE__, bytes, size)
#define SAME_ERROR_TEXT(text)   SAME_ERROR("" text, sizeof(text) - 1)

static void expect_script(const char *interpreter, const char *argument)
{
        cr_assert_eq(image.kind, EXEC_IMAGE_SCRIPT);
        cr_assert_str_eq(image.interpreter, interpreter);
        cr_assert_eq(image.has_argument, argument != NULL);
        if (argument)
                cr_assert_str_eq(image.argument, argument);
}

Test(exec_image, scripts)
{
        cr_assert_eq(SCRIPT("#!/bin/sh\necho"), 0);
        expect_script("/bin/sh", NULL);
        cr_assert_eq(SCRIPT("#! \t /bin/sh  \t\n"), 0);
        expect_script("/bin/sh", NULL);
        cr_assert_eq(SCRIPT("#!/usr/bin/env  python3 -u \t\n"), 0);
        expect_script("/usr/bin/env", "python3 -u");
        cr_assert_eq(SCRIPT("#!sh"), 0);
        expect_script("sh", NULL);
        cr_assert_eq(SCRIPT("#!/bin/sh\r\n"), 0);
        expect_script("/bin/sh\r", NULL);
        /* without a newline, a blank behind the name is an empty argument */
        cr_assert_eq(SCRIPT("#!/bin/sh "), 0);
        expect_script("/bin/sh", "");
        cr_assert_eq(SCRIPT("#!/bin/echo x y\0z\n"), 0);
        expect_script("/bin/echo", "x y");
}

Test(exec_image, scripts_that_are_none)
{
        SAME_ERROR_TEXT("");
        SAME_ERROR_TEXT("#");
        SAME_ERROR_TEXT("# !/bin/sh\n");
        SAME_ERROR_TEXT("#!");
        SAME_ERROR_TEXT("#!\n/bin/sh\n");
        SAME_ERROR_TEXT("#! \t \n");
        SAME_ERROR_TEXT("#!\0/bin/sh\n");
        SAME_ERROR_TEXT("echo hello\n");
}

Test(exec_image, script_lines_longer_than_the_head)
{
        char text[400];

        memset(text, 'a', sizeof text);
        memcpy(text, "#!/", 3);
        SAME_ERROR(text, sizeof text);
        SAME_ERROR(text, 256);
        text[255] = ' ';
        cr_assert_eq(inspect(text, sizeof text), 0);
        cr_assert_eq(strlen(image.interpreter), 253);
        cr_assert(!image.has_argument);
        text[254] = '\n';
        cr_assert_eq(inspect(text, sizeof text), 0);
        cr_assert_eq(strlen(image.interpreter), 252);
        /* a cut argument is taken as it is */
        text[254] = text[255] = 'b';
        text[10] = ' ';
        cr_assert_eq(inspect(text, sizeof text), 0);
        cr_assert_eq(strlen(image.interpreter), 8);
        cr_assert_eq(strlen(image.argument), 255 - 11);
        memset(text + 2, ' ', sizeof text - 2);
        SAME_ERROR(text, sizeof text);
        text[255] = 'x';
        SAME_ERROR(text, sizeof text);
}

/* A program of one PT_INTERP and one PT_LOAD, to be spoiled. */
struct program {
        Elf64_Ehdr header;
        Elf64_Phdr headers[2];
        char interpreter[64];
        char rest[4096];
};

static struct program make_program(const char *interpreter)
{
        struct program program = {
                .header =
                        {
                                .e_ident = ELFMAG "\2\1\1",
                                .e_type = ET_DYN,
                                .e_machine = EM_X86_64,
                                .e_version = 1,
                                .e_phoff = sizeof(Elf64_Ehdr),
                                .e_ehsize = sizeof(Elf64_Ehdr),
                                .e_phentsize = sizeof(Elf64_Phdr),
                                .e_phnum = 2,
                        },
                .headers =
                        {
                                {.p_type = PT_INTERP,
                                 .p_offset = offsetof(struct program, interpreter),
                                 .p_filesz = strlen(interpreter) + 1},
                                {.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 4096, .p_memsz = 4096},
                        },
        };

        strcpy(program.interpreter, interpreter);
        return program;
}

Test(exec_image, programs)
{
        struct program program = make_program("/lib64/ld-linux-x86-64.so.2");
        int fd = open("/proc/self/exe", O_RDONLY);

        cr_assert_eq(inspect(&program, sizeof program), 0);
        cr_assert_eq(image.kind, EXEC_IMAGE_ELF);
        cr_assert_str_eq(image.interpreter, "/lib64/ld-linux-x86-64.so.2");
        program.headers[0].p_type = PT_NOTE;
        cr_assert_eq(inspect(&program, sizeof program), 0);
        cr_assert_str_eq(image.interpreter, "");
        cr_assert_eq(exec_image_inspect(fd, &image), 0);
        cr_assert_str_eq(image.interpreter, "/lib64/ld-linux-x86-64.so.2");
        cr_assert_eq(exec_image_check_interpreter(fd), 0);
        close(fd);
        fd = open("/lib64/ld-linux-x86-64.so.2", O_RDONLY);
        cr_assert_eq(exec_image_check_interpreter(fd), 0);
        close(fd);
}

/* Spoils one field of a program and expects the kernel's error. */
#define SPOILED(field, value)                                                                                \
        do {                                                                                                 \
                struct program spoiled = make_program("/lib64/ld-linux-x86-64.so.2");                        \
                                                                                                             \
                spoiled.field = (value);                                                                     \
                SAME_ERROR(&spoiled, sizeof spoiled);                                                        \
        } while (0)

Test(exec_image, programs_that_are_none)
{
        SPOILED(header.e_type, ET_REL);
        SPOILED(header.e_type, ET_CORE);
        SPOILED(header.e_machine, EM_AARCH64);
        SPOILED(header.e_ident[1], 'e');
        SPOILED(header.e_phentsize, 32);
        SPOILED(header.e_phnum, 0);
        SPOILED(header.e_phnum, 1171);
        SPOILED(header.e_phoff, 1 << 20);
        SPOILED(header.e_phoff, UINT64_MAX);
        SPOILED(headers[0].p_filesz, 1);
        SPOILED(headers[0].p_filesz, 4097);
        SPOILED(headers[0].p_filesz, 5);
        SPOILED(headers[0].p_offset, 1 << 20);
        SPOILED(headers[0].p_offset, UINT64_MAX - 10);
        SPOILED(interpreter[0], '\0');
}

Test(exec_image, truncated_programs)
{
        struct program program = make_program("/lib64/ld-linux-x86-64.so.2");

        SAME_ERROR(&program, 4);
        SAME_ERROR(&program, 63);
        SAME_ERROR(&program, 64);
        SAME_ERROR(&program, sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr));
        SAME_ERROR(&program, offsetof(struct program, interpreter) + 3);
}

Test(exec_image, interpreters_that_are_none)
{
        struct program program = make_program("x");
        int fd = open(path, O_RDWR);

        cr_assert_eq(exec_image_check_interpreter(fd), -EIO);
        program.header.e_machine = EM_386;
        cr_assert_eq(write(fd, &program, sizeof program), (ssize_t)sizeof program);
        cr_assert_eq(exec_image_check_interpreter(fd), -ELIBBAD);
        program.header.e_machine = EM_X86_64;
        program.header.e_phnum = 0;
        cr_assert_eq(pwrite(fd, &program, sizeof program, 0), (ssize_t)sizeof program);
        cr_assert_eq(exec_image_check_interpreter(fd), -ELIBBAD);
        close(fd);
}
