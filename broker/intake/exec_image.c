/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: fs/binfmt_script.c and fs/binfmt_elf.c for what is taken and which error the rest gets; elf(5). */
#include "broker/intake/exec_image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/cleanup.h"

#define HEAD_BYTES              256   /* BINPRM_BUF_SIZE */
#define PROGRAM_HEADERS_BYTES   65536 /* of all program headers together */
#define PROGRAM_INTERPRETER_MIN 2     /* a character and a NUL */

/* For an empty name the kernel opens the working directory, which is no regular file. */
#define NO_NAME (-EACCES)

/* Exactly size bytes at offset, by as many reads as it takes. 0, -EIO where the file is shorter, -errno. */
static int read_exactly(int fd, void *out, size_t size, uint64_t offset)
{
        size_t have = 0;

        while (have < size) {
                ssize_t n = pread(fd, (char *)out + have, size - have, (off_t)(offset + have));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                have += (size_t)n;
        }
        return 0;
}

/* The file's first bytes, zeroes where it is shorter. 0 or -errno. */
static int read_head(int fd, unsigned char head[HEAD_BYTES])
{
        ssize_t n;

        memset(head, 0, HEAD_BYTES);
        do
                n = pread(fd, head, HEAD_BYTES, 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

/* "#!" lines. A line is the bytes [2, end) of the head; at most the last of them is cut off. */

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *line, size_t at, size_t end)
{
        while (at < end && is_blank(line[at]))
                at++;
        return at;
}

static size_t skip_word(const char *line, size_t at, size_t end)
{
        while (at < end && line[at] && !is_blank(line[at]))
                at++;
        return at;
}

/* Where the line ends: at its newline, or, for a line longer than the head, at the head's last byte, provided
 * that the interpreter's name is not what is cut. 0: not a line to execute. */
static size_t script_line_end(const char *head)
{
        size_t text = strnlen(head, HEAD_BYTES), name;
        const char *newline = memchr(head, '\n', text);

        if (newline)
                return (size_t)(newline - head);
        name = skip_blanks(head, 2, HEAD_BYTES);
        if (name == HEAD_BYTES || skip_word(head, name, HEAD_BYTES) == HEAD_BYTES)
                return 0;
        return HEAD_BYTES - 1;
}

static int inspect_script(const char *head, struct exec_image *image)
{
        size_t end = script_line_end(head), name, name_end, argument;

        if (end == 0)
                return -ENOEXEC;
        while (is_blank(head[end - 1]))
                end--;
        name = skip_blanks(head, 2, end);
        if (name >= end)
                return -ENOEXEC;
        name_end = skip_word(head, name, end);
        if (name_end == name)
                return NO_NAME;
        /* A NUL ends the name (a file without a newline), and then there is no argument. */
        if (name_end < end && head[name_end]) {
                argument = skip_blanks(head, name_end, end);
                image->has_argument = true;
                memcpy(image->argument, head + argument, strnlen(head + argument, end - argument));
        }
        memcpy(image->interpreter, head + name, name_end - name);
        image->kind = EXEC_IMAGE_SCRIPT;
        return 0;
}

static bool is_elf(const Elf64_Ehdr *header)
{
        return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

/* The program headers, allocated; NULL where the kernel would not take them. */
static Elf64_Phdr *read_program_headers(int fd, const Elf64_Ehdr *header)
{
        size_t size = (size_t)header->e_phnum * sizeof(Elf64_Phdr);
        Elf64_Phdr *headers;

        if (header->e_phentsize != sizeof(Elf64_Phdr) || size == 0 || size > PROGRAM_HEADERS_BYTES)
                return NULL;
        headers = malloc(size);
        if (headers && read_exactly(fd, headers, size, header->e_phoff) < 0) {
                free(headers);
                headers = NULL;
        }
        return headers;
}

static int read_interpreter(int fd, const Elf64_Phdr *header, struct exec_image *image)
{
        int r;

        if (header->p_filesz < PROGRAM_INTERPRETER_MIN || header->p_filesz > sizeof image->interpreter)
                return -ENOEXEC;
        r = read_exactly(fd, image->interpreter, header->p_filesz, header->p_offset);
        if (r < 0)
                return r;
        if (image->interpreter[header->p_filesz - 1] != '\0')
                return -ENOEXEC;
        return image->interpreter[0] ? 0 : NO_NAME;
}

static int inspect_elf(int fd, const Elf64_Ehdr *header, struct exec_image *image)
{
        _cleanup_free_ Elf64_Phdr *headers = NULL;

        if ((header->e_type != ET_EXEC && header->e_type != ET_DYN) || header->e_machine != EM_X86_64)
                return -ENOEXEC;
        headers = read_program_headers(fd, header);
        if (!headers)
                return -ENOEXEC;
        image->kind = EXEC_IMAGE_ELF;
        for (unsigned i = 0; i < header->e_phnum; i++)
                if (headers[i].p_type == PT_INTERP)
                        return read_interpreter(fd, &headers[i], image);
        return 0;
}

int exec_image_inspect(int fd, struct exec_image *ret_image)
{
        _cleanup_free_ struct exec_image *image = calloc(1, sizeof *image);
        unsigned char head[HEAD_BYTES];
        Elf64_Ehdr header;
        int r;

        if (!image)
                return -ENOMEM;
        r = read_head(fd, head);
        if (r < 0)
                return r;
        memcpy(&header, head, sizeof header);
        if (head[0] == '#' && head[1] == '!')
                r = inspect_script((const char *)head, image);
        else if (is_elf(&header))
                r = inspect_elf(fd, &header, image);
        else
                r = -ENOEXEC;
        if (r == 0)
                *ret_image = *image;
        return r;
}

int exec_image_check_interpreter(int fd)
{
        _cleanup_free_ Elf64_Phdr *headers = NULL;
        Elf64_Ehdr header;
        int r = read_exactly(fd, &header, sizeof header, 0);

        if (r < 0)
                return r;
        if (!is_elf(&header) || header.e_machine != EM_X86_64)
                return -ELIBBAD;
        headers = read_program_headers(fd, &header);
        return headers ? 0 : -ELIBBAD;
}
