/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/differential/actor.h"

#define PAGE        4096
#define OUT_SIZE    8192
#define BAD_POINTER ((void *)16)

/* What a thread needs to do its cases: memory for the arguments, each before a page that is not there. */
struct desk {
        char *path[2];
        char *out;
        int socket; /* of this case, or -1 */
};

static __thread struct desk desk = {.socket = -1};
__thread volatile int file_size_signals; /* SIGXFSZ that this thread got */

static char *guarded(size_t size)
{
        char *memory = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED || munmap(memory + size, PAGE) < 0)
                abort();
        return memory;
}

static void desk_set_up(void)
{
        if (desk.out)
                return;
        desk.path[0] = guarded(2 * PAGE);
        desk.path[1] = guarded(2 * PAGE);
        desk.out = guarded(OUT_SIZE);
}

/* The text with the root for "%" and the thread's id for "@"; at most size bytes with its end. */
static void expand(const struct scene *scene, const char *text, char *out, size_t size)
{
        size_t used = 0;
        char number[16];

        for (; *text && used + 1 < size; text++) {
                const char *insert = *text == '%' ? scene->root : *text == '@' ? number : NULL;

                if (*text == '@')
                        snprintf(number, sizeof number, "%d", gettid());
                if (insert)
                        used += (size_t)snprintf(out + used, size - used, "%s", insert);
                else
                        out[used++] = *text;
                used = used < size ? used : size - 1;
        }
        out[used] = '\0';
}

static long place_path(const struct scene *scene, const struct path *path, char *memory)
{
        char text[2 * PAGE];
        size_t length;

        switch (path->pointer) {
        case POINTER_NULL:
                return 0;
        case POINTER_BAD:
                return (long)BAD_POINTER;
        default:
                expand(scene, path->text, text, sizeof text);
        }
        length = strlen(text) + (path->pointer == POINTER_GOOD);
        return (long)memcpy(memory + 2 * PAGE - length, text, length);
}

static long place_data(const struct thing *thing, const void *data, size_t size)
{
        if (thing->out == POINTER_NULL)
                return 0;
        if (thing->out == POINTER_BAD)
                return (long)BAD_POINTER;
        memset(desk.out, 0, OUT_SIZE);
        return (long)memcpy(desk.out, data, size);
}

/* One that is too large by an odd number has something behind what is known. */
static long structure_size(const struct thing *thing, unsigned index, size_t size)
{
        if (!thing->args[index])
                return (long)size;
        if (thing->out == POINTER_GOOD && thing->args[index] & 1)
                desk.out[size] = 1;
        return thing->args[index];
}

/* Where results go: with room, or with a byte before the memory ends, which no process id of ours fits into.
 */
static long place_out(const struct thing *thing)
{
        memset(desk.out, 0, OUT_SIZE);
        switch (thing->out) {
        case POINTER_NULL:
                return 0;
        case POINTER_BAD:
                return (long)BAD_POINTER;
        case POINTER_CUT:
                return (long)(desk.out + OUT_SIZE - 1);
        default:
                return (long)desk.out;
        }
}

/* Linux 6.13, struct xattr_args: behind the attribute's name. */
static long place_attribute(const struct thing *thing, long value, size_t size)
{
        struct {
                uint64_t value;
                uint32_t size, flags;
        } arguments = {(uint64_t)value, (uint32_t)size, 0};
        char *memory = desk.path[1] + PAGE;

        memset(memory, 0, PAGE);
        if (thing->args[5] & 1)
                memory[sizeof arguments] = 1;
        return (long)memcpy(memory, &arguments, sizeof arguments);
}

static long place_address(const struct scene *scene, const struct path *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char text[2 * PAGE];

        if (path->pointer != POINTER_GOOD)
                return path->pointer == POINTER_NULL ? 0 : (long)BAD_POINTER;
        expand(scene, path->text, text, sizeof text);
        strncpy(address.sun_path, text, sizeof address.sun_path);
        memset(desk.out, 0, OUT_SIZE);
        return (long)memcpy(desk.out, &address, sizeof address);
}

static long address_size(long kind)
{
        const struct sockaddr_un *address = (const struct sockaddr_un *)desk.out;
        size_t length =
                offsetof(struct sockaddr_un, sun_path) + strnlen(address->sun_path, sizeof address->sun_path);

        switch (kind) {
        case ADDRESS_EXACT:
                return (long)length + (length < sizeof *address);
        case ADDRESS_WITHOUT_END:
                return (long)length;
        case ADDRESS_WHOLE:
                return sizeof *address;
        case ADDRESS_FAMILY:
                return sizeof address->sun_family;
        default: /* -1, 0, 1, ...; too large ones */
                return kind < ADDRESS_ODD + 3 ? kind - ADDRESS_ODD - 1 : (kind - ADDRESS_ODD) * 37;
        }
}

static long place_socket(long type)
{
        desk.socket = socket(AF_UNIX, (int)type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        return desk.socket;
}

static long place(const struct scene *scene, const struct thing *thing, unsigned index, unsigned *paths)
{
        switch (thing->shape->arguments[index]) {
        case ARG_PATH:
        case ARG_NEW:
        case ARG_TEXT:
                (*paths)++;
                return place_path(scene, &thing->path[*paths - 1], desk.path[*paths - 1]);
        case ARG_HOW:
                return place_data(thing, &thing->how, sizeof thing->how);
        case ARG_HOW_SIZE:
                return thing->shape->nr == SYS_openat2
                               ? structure_size(thing, index, sizeof thing->how)
                               : (thing->args[index] > PAGE ? 65537 : (long)strlen(thing->value));
        case ARG_XSET:
                return place_attribute(thing, place_data(thing, thing->value, sizeof thing->value),
                                       strlen(thing->value));
        case ARG_XGET:
                return place_attribute(thing, place_out(thing), (size_t)thing->args[index]);
        case ARG_SOCKET:
                return place_socket(thing->args[index]);
        case ARG_ADDRESS:
                (*paths)++;
                return place_address(scene, &thing->path[*paths - 1]);
        case ARG_ADDRESS_SIZE:
                return address_size(thing->args[index]);
        case ARG_MESSAGE:
                return (long)"x";
        case ARG_ONE:
                return 1;
        case ARG_SEND:
                return MSG_DONTWAIT | MSG_NOSIGNAL;
        case ARG_TIMESPEC:
                return place_data(thing, thing->times, sizeof thing->times);
        case ARG_TIMEVAL:
                return place_data(thing, thing->timevals, sizeof thing->timevals);
        case ARG_UTIMBUF:
                return place_data(thing, &thing->utimbuf, sizeof thing->utimbuf);
        case ARG_XVALUE:
                return place_data(thing, thing->value, sizeof thing->value);
        case ARG_XNAME:
                return (long)strcpy(desk.path[1], thing->value);
        case ARG_OUT:
                return place_out(thing);
        default:
                return thing->args[index];
        }
}

static bool is_number(const char *digits, size_t length, pid_t number)
{
        char text[16];

        return (size_t)snprintf(text, sizeof text, "%d", number) == length && !memcmp(text, digits, length);
}

/* A number in a text: the caller's own ids are told apart from others, which differ between two runs. */
static size_t print_digits(FILE *out, const char *text, size_t left, bool first, bool bracketed)
{
        size_t length = strspn(text, "0123456789");
        char own[16];

        if (length > left)
                length = left;
        snprintf(own, sizeof own, "%d", getpid());
        if (is_number(text, length, getpid()))
                fputs("@PID", out);
        else if (is_number(text, length, gettid()))
                fputs("@TID", out);
        else if (bracketed ||
                 (length == left && first && !strncmp(text, own, length))) /* an inode; a cut id */
                fputs("@", out);
        else
                fprintf(out, "%.*s", (int)length, text);
        return length;
}

void print_text(const struct scene *scene, FILE *out, const char *text, size_t length)
{
        size_t root = strlen(scene->root);

        for (size_t i = 0; i < length;) {
                if (length - i >= root && !memcmp(text + i, scene->root, root)) {
                        i += root;
                        fputc('%', out);
                } else if (text[i] >= '0' && text[i] <= '9') {
                        i += print_digits(out, text + i, length - i, !i, i && text[i - 1] == '[');
                } else if (text[i] > ' ' && text[i] <= '~' && text[i] != '\\') {
                        fputc(text[i++], out);
                } else {
                        fprintf(out, "\\%03o", (unsigned char)text[i++]);
                }
        }
}

static void print_stat(const struct scene *scene, const struct stat *status)
{
        bool here = status->st_dev == scene->device;

        fprintf(scene->log, " %06o %u:%u rdev %lx", status->st_mode, status->st_uid, status->st_gid,
                status->st_rdev);
        if (here) /* procfs and others have numbers that change by themselves */
                fprintf(scene->log, " nlink %lu size %ld mtime %ld.%ld", status->st_nlink,
                        S_ISDIR(status->st_mode) ? 0 : status->st_size,
                        status->st_mtim.tv_sec < 100000 ? status->st_mtim.tv_sec : 0,
                        status->st_mtim.tv_sec < 100000 ? status->st_mtim.tv_nsec : 0);
        else
                fputs(" elsewhere", scene->log);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in what getdents64(2) gave, sorted. */
static void print_list(const struct scene *scene, char *data, size_t size)
{
        const char *names[256];
        size_t count = 0;

        for (size_t at = 0; at + 19 < size && count < 256;) {
                names[count++] = data + at + 18; /* behind the type, which the name is told with */
                at += *(unsigned short *)(data + at + 16);
        }
        for (size_t i = 0; i < count; i++)
                for (size_t k = i; k > 0 && strcmp(names[k - 1] + 1, names[k] + 1) > 0; k--) {
                        const char *name = names[k];

                        names[k] = names[k - 1], names[k - 1] = name;
                }
        for (size_t i = 0; i < count; i++) {
                fprintf(scene->log, " %d:", names[i][0]);
                print_text(scene, scene->log, names[i] + 1, strlen(names[i] + 1));
        }
}

static void print_names(const struct scene *scene, const char *data, size_t size)
{
        const char *names[64];
        size_t count = 0;

        for (size_t at = 0; at < size && count < 64; at += strlen(data + at) + 1)
                names[count++] = data + at;
        qsort(names, count, sizeof *names, compare_names);
        for (size_t i = 0; i < count; i++)
                fprintf(scene->log, " %s", names[i]);
}

static void print_content(const struct scene *scene, int fd, const struct stat *status)
{
        static const char failed[] = " unreadable";
        char data[OUT_SIZE];
        ssize_t n;

        if (S_ISREG(status->st_mode) && status->st_dev == scene->device) {
                n = pread(fd, data, 40, 0);
                fputs(n < 0 ? failed : " content ", scene->log);
                print_text(scene, scene->log, data, n > 0 ? (size_t)n : 0);
        } else if (S_ISDIR(status->st_mode) && status->st_dev == scene->device) {
                n = syscall(SYS_getdents64, fd, data, sizeof data);
                fputs(n < 0 ? failed : " list", scene->log);
                print_list(scene, data, n > 0 ? (size_t)n : 0);
        }
}

void describe_opened(const struct scene *scene, int fd)
{
        char path[32], text[PATH_MAX];
        struct stat status;
        ssize_t n;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (fstat(fd, &status) < 0)
                abort();
        /* Where the broker opens what is there, O_NOFOLLOW has been obeyed, but is not shown (README.md,
         * "Limits"). */
        fprintf(scene->log, " fl %o fd %d", (unsigned)fcntl(fd, F_GETFL) & ~O_NOFOLLOW, fcntl(fd, F_GETFD));
        print_stat(scene, &status);
        n = readlink(path, text, sizeof text);
        if (status.st_dev == scene->device) {
                fputs(" at ", scene->log);
                /* A file without a name has its number for one. */
                if (n > 2 && text[0] == '/' && memmem(text, (size_t)n, "/#", 2))
                        fputs("#", scene->log);
                else
                        print_text(scene, scene->log, text, n > 0 ? (size_t)n : 0);
        }
        print_content(scene, fd, &status);
}

static void finish_open(const struct scene *scene, const struct thing *thing, int fd)
{
        describe_opened(scene, fd);
        if (thing->keep)
                dup2(fd, (int)thing->keep);
        close(fd);
}

/* The name of this case's socket, or of its peer. One that the kernel chose is another each time. */
static void print_socket(const struct scene *scene, bool peer)
{
        struct sockaddr_un address = {0};
        socklen_t size = sizeof address;
        int r = peer ? getpeername(desk.socket, (struct sockaddr *)&address, &size)
                     : getsockname(desk.socket, (struct sockaddr *)&address, &size);

        fprintf(scene->log, " %s %u ", r < 0 ? strerrorname_np(errno) : "name", size);
        if (r == 0 && size > offsetof(struct sockaddr_un, sun_path) && address.sun_path[0])
                print_text(scene, scene->log, address.sun_path,
                           size - offsetof(struct sockaddr_un, sun_path));
}

static void print_result(const struct scene *scene, const struct thing *thing, long result)
{
        const struct statx *statx = (const struct statx *)desk.out;
        const struct statfs *statfs = (const struct statfs *)desk.out;

        switch (thing->shape->result) {
        case RESULT_NONE:
                fprintf(scene->log, "%ld", result);
                break;
        case RESULT_OPEN:
                fputs("opened", scene->log);
                finish_open(scene, thing, (int)result);
                break;
        case RESULT_STAT:
                print_stat(scene, (const struct stat *)desk.out);
                break;
        case RESULT_STATX:
                fprintf(scene->log, "mask %x mode %o %u:%u attributes %llx of %llx", statx->stx_mask,
                        statx->stx_mode, statx->stx_uid, statx->stx_gid, statx->stx_attributes,
                        statx->stx_attributes_mask);
                break;
        case RESULT_STATFS:
                fprintf(scene->log, "type %lx flags %lx", statfs->f_type, statfs->f_flags);
                break;
        case RESULT_TEXT:
                if (!strpbrk(desk.out, "123456789")) /* the length of others' numbers is no matter */
                        fprintf(scene->log, "%ld ", result);
                print_text(scene, scene->log, desk.out, (size_t)result);
                break;
        case RESULT_PATH:
                if (strncmp(desk.out, "/proc/", 6) != 0)
                        fprintf(scene->log, "%ld ", result);
                print_text(scene, scene->log, desk.out, strlen(desk.out));
                break;
        case RESULT_NAMES:
                fprintf(scene->log, "%ld", result);
                print_names(scene, desk.out, (size_t)result);
                break;
        case RESULT_LIST:
                fprintf(scene->log, "%ld", result);
                print_list(scene, desk.out, (size_t)result);
                break;
        case RESULT_BOUND:
        case RESULT_CONNECTED:
                fprintf(scene->log, "%ld", result);
                print_socket(scene, thing->shape->result == RESULT_CONNECTED);
                break;
        }
}

/* A result that was asked for without room, or that is longer than the room, is a number only. */
static bool has_room(const struct thing *thing)
{
        for (unsigned i = 0; thing->shape->arguments[i]; i++)
                if (strchr("cy", thing->shape->arguments[i]) && thing->args[i] == 0)
                        return false;
        return thing->out == POINTER_GOOD;
}

void thing_do(const struct scene *scene, unsigned index)
{
        const struct thing *thing = &scene->round->things[index];
        unsigned paths = 0;
        long args[6] = {0}, result;

        desk_set_up();
        fprintf(scene->log, "%lu.%02u %u%c ", scene->round->number, index, thing->actor,
                thing->patched ? 'p' : 'u');
        thing_print(thing, scene->log);
        for (unsigned i = 0; thing->shape->arguments[i]; i++)
                args[i] = place(scene, thing, i, &paths);
        if (thing->shape->nr == SYS_getdents64)
                lseek((int)args[0], 0, SEEK_SET);
        file_size_signals = 0;
        result = thing->patched ? raw_patched(thing->shape->nr, args) : raw_unpatched(thing->shape->nr, args);
        fputs(" = ", scene->log);
        if (result < 0 && result >= -4095)
                fputs(strerrorname_np((int)-result), scene->log);
        else if (thing->shape->result <= RESULT_OPEN || has_room(thing))
                print_result(scene, thing, result);
        else
                fprintf(scene->log, "%ld", result);
        close(desk.socket);
        desk.socket = -1;
        if (file_size_signals)
                fprintf(scene->log, " SIGXFSZ %d", file_size_signals);
        fputc('\n', scene->log);
}
