/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that comes from everywhere: mappings LIBRARY. Maps the library of stub.c in every way in which code
 * gets into a process, and calls it there. What a call answers and how the address space looks must be as
 * natively.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int cycles = 300;

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
        fflush(stdout);
}

typedef long (*call)(const char *path, long argument);

/* Where the library's code is in its file, and functions in that. */
static struct {
        const char *path;
        uint64_t offset, size, access, straddle;
} library;

static int segment_find(struct dl_phdr_info *info, size_t size, void *address)
{
        (void)size;
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
                uint64_t start = info->dlpi_addr + segment->p_vaddr;

                if (segment->p_type != PT_LOAD || (uint64_t)address - start >= segment->p_memsz)
                        continue;
                library.offset = segment->p_offset;
                library.size = (segment->p_filesz + 4095) & ~4095ull;
                library.access = (uint64_t)address - start;
                return 1;
        }
        return 0;
}

static void library_measure(void)
{
        void *handle = dlopen(library.path, RTLD_NOW | RTLD_LOCAL);

        if (!handle || !dl_iterate_phdr(segment_find, dlsym(handle, "stub_access")))
                exit(3);
        library.straddle = library.access + (uint64_t)dlsym(handle, "stub_straddle") -
                           (uint64_t)dlsym(handle, "stub_access");
        dlclose(handle);
}

static long ask(void *code)
{
        char *bytes = code;
        long good = ((call)(bytes + library.access))("/", F_OK),
             bad = ((call)(bytes + library.access))("/absent", F_OK);

        return good * 1000 + bad * 10 + ((call)(bytes + library.straddle))("/absent", F_OK);
}

static int open_library(void)
{
        return open(library.path, O_RDONLY | O_CLOEXEC);
}

static void *map(int protection, int flags, int fd, void *at)
{
        void *code = mmap(at, library.size, protection, flags, fd, (off_t)library.offset);

        if (code == MAP_FAILED)
                say("mmap %d %d: errno %d", protection, flags, errno);
        return code;
}

static unsigned mappings_count(void)
{
        FILE *file = fopen("/proc/self/maps", "r");
        unsigned count = 0;

        for (int c; file && (c = getc(file)) != EOF;)
                count += c == '\n';
        if (file)
                fclose(file);
        return count;
}

static void load_and_unload(void)
{
        unsigned before = 0;

        for (int i = 0; i < cycles; i++) {
                void *handle = i % 10 ? dlopen(library.path, RTLD_NOW)
                                      : dlmopen(LM_ID_NEWLM, library.path, RTLD_NOW);

                if (!handle || ((call)dlsym(handle, "stub_access"))("/absent", F_OK) != -ENOENT ||
                    ((call)dlsym(handle, "stub_crowded"))("/absent", F_OK) != -ENOENT ||
                    ((call)dlsym(handle, "stub_inside"))("", 0) != 0)
                        say("cycle %d went wrong", i);
                if (handle)
                        dlclose(handle);
                if (i == 20)
                        before = mappings_count();
        }
        say("%d cycles, %d mappings more", cycles, (int)(mappings_count() - before));
}

static void map_twice(int fd)
{
        void *one = map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, NULL);
        void *two = map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, NULL);
        void *three = map(PROT_READ | PROT_EXEC, MAP_SHARED, fd, NULL);

        say("twice: %ld %ld, shared: %ld", ask(one), ask(two), ask(three));
        munmap(one, library.size);
        say("the other stays: %ld", ask(two));
        munmap(two, library.size);
        munmap(three, library.size);
}

static void protect_later(int fd)
{
        void *read_only = map(PROT_READ, MAP_PRIVATE, fd, NULL);
        void *writable = map(PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, NULL);
        void *anonymous =
                mmap(NULL, library.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (pread(fd, anonymous, library.size, (off_t)library.offset) < 0)
                say("pread: errno %d", errno);
        mprotect(read_only, library.size, PROT_READ | PROT_EXEC);
        mprotect(writable, library.size, PROT_READ | PROT_EXEC);
        mprotect(anonymous, library.size, PROT_READ | PROT_EXEC);
        say("made executable: %ld %ld %ld", ask(read_only), ask(writable), ask(anonymous));
        munmap(read_only, library.size);
        munmap(writable, library.size);
        munmap(anonymous, library.size);
}

/* Turns access(path, 0) into open(path, O_RDONLY) by its number, and back. */
static void number_set(void *code, uint32_t nr)
{
        /* endbr64; mov $nr, %eax */
        memcpy((char *)code + library.access + 5, &nr, sizeof nr);
}

/* Code that is written while it can be executed. */
static void write_and_execute(int fd)
{
        char *code = map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, fd, NULL);
        long before = ask(code), changed;

        number_set(code, 39);
        changed = ((call)(code + library.access))("/", F_OK);
        number_set(code, 21);
        say("written: %ld %d %ld", before, changed == getpid(), ask(code));
        munmap(code, library.size);
}

/* Written in one view, executed in another. */
static void two_views(int fd, int flags)
{
        int memory = memfd_create("views", MFD_CLOEXEC);
        void *writable, *executable;
        long before, changed;

        if (ftruncate(memory, (off_t)library.size) < 0)
                say("ftruncate: errno %d", errno);
        writable = mmap(NULL, library.size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        if (pread(fd, writable, library.size, (off_t)library.offset) < 0)
                say("pread: errno %d", errno);
        executable = mmap(NULL, library.size, PROT_READ | PROT_EXEC, flags, memory, 0);
        before = ask(executable);
        number_set(writable, 39);
        changed = ((call)((char *)executable + library.access))("/", F_OK);
        number_set(writable, 21);
        say("two views, flags %d: %ld %d %ld", flags, before, changed == getpid(), ask(executable));
        munmap(writable, library.size);
        munmap(executable, library.size);
        close(memory);
}

static void from_memory(int fd)
{
        int memory = memfd_create("library", MFD_CLOEXEC);
        char path[64], buffer[65536];
        void *handle;
        ssize_t n;

        lseek(fd, 0, SEEK_SET);
        while ((n = read(fd, buffer, sizeof buffer)) > 0)
                if (write(memory, buffer, (size_t)n) != n)
                        say("write: errno %d", errno);
        snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
        handle = dlopen(path, RTLD_NOW);
        say("from memory: %ld", handle ? ((call)dlsym(handle, "stub_access"))("/absent", F_OK) : 0);
        if (handle)
                dlclose(handle);
        close(memory);
}

static void move(int fd)
{
        char *space = mmap(NULL, 4 * library.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *code,
             *moved;

        code = map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, NULL);
        moved = mremap(code, library.size, library.size, MREMAP_MAYMOVE | MREMAP_FIXED, space + library.size);
        say("moved: %ld", ask(moved));
        moved = mremap(moved, library.size, 2 * library.size, MREMAP_MAYMOVE);
        say("grown: %ld", ask(moved));
        moved = mremap(moved, 2 * library.size, library.size, 0);
        say("shrunk: %ld", ask(moved));
        munmap(moved, library.size);
        munmap(space, 4 * library.size);
}

/* As programs do that want their code on large pages: aside, anonymous memory in its place, back. */
static void replace(int fd)
{
        void *code = map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, NULL), *again;
        void *copy = malloc(library.size);

        memcpy(copy, code, library.size);
        again = mmap(code, library.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                     0);
        memcpy(again, copy, library.size);
        mprotect(again, library.size, PROT_READ | PROT_EXEC);
        say("replaced: %ld", ask(again));
        again = map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, code);
        say("mapped over: %ld", ask(again));
        munmap(again, library.size);
        free(copy);
}

int main(int argc, char **argv)
{
        int fd;

        if (argc < 2)
                return 2;
        library.path = argv[1];
        if (argc > 2)
                cycles = atoi(argv[2]);
        library_measure();
        fd = open_library();
        load_and_unload();
        map_twice(fd);
        protect_later(fd);
        write_and_execute(fd);
        two_views(fd, MAP_SHARED);
        two_views(fd, MAP_PRIVATE);
        from_memory(fd);
        move(fd);
        replace(fd);
        return 0;
}
