/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own doors, knocked at by the program: forged calls, and a ring full of lies. Whatever comes
 * of it for this process, no secret may come out, and the broker has to go on serving others.
 */
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "attack.h"
#include "proto/call.h"
#include "proto/ring.h"

static long call(uint64_t what, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
        return syscall(FL_CALL_NR, what, a, b, c, d, e);
}

static void forged_calls(void)
{
        static struct fl_hello hello;
        static char buffer[65536];
        uint64_t arguments[6] = {1, 2, 3, 4, 5, 6};

        call(FL_CALL_HELLO, (uint64_t)&hello, sizeof(hello), 0, 0, 0);
        call(FL_CALL_HELLO, 1, ~0ull, 0, 0, 0);
        call(FL_CALL_HELLO, (uint64_t)&hello, 0, 0, 0, 0);
        syscall(SYS_execve, in_dir("secret/program"), NULL, NULL, FL_EXEC_MARK);
        syscall(SYS_execveat, 12345, 1, 2, 3, ~0ull, FL_EXEC_MARK);
        call(FL_CALL_PLAN, (uint64_t)-1, (uint64_t)buffer, sizeof(buffer), 0, 0);
        call(FL_CALL_PLAN, 0, (uint64_t)buffer, ~0ull, ~0ull, 0);
        int fd = open("/usr/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY);
        call(FL_CALL_PLAN, (uint64_t)fd, (uint64_t)buffer, sizeof(buffer), 0, 0);
        call(FL_CALL_PLAN, (uint64_t)fd, (uint64_t)buffer, sizeof(buffer), 1ull << 63, 0);
        call(FL_CALL_PLAN, (uint64_t)fd, 1, ~0ull, 1, 0);
        close(fd);
        for (uint64_t i = 0; i < 3000; i++)
                call(FL_CALL_REPORT, i * 7919, i % 3 ? (uint64_t)arguments : i, i, 0, 0);
        uint64_t secret[6] = {(uint64_t)AT_FDCWD, (uint64_t)in_dir("secret/file"), O_RDONLY, 0, 0, 0};
        expect_no_secret("a refusal that was none",
                         (int)call(FL_CALL_REPORT, SYS_openat, (uint64_t)secret, EACCES, 0, 0));
        secret[1] = (uint64_t)setting("OUTSIDE");
        expect_no_secret("a refusal outside",
                         (int)call(FL_CALL_REPORT, SYS_openat, (uint64_t)secret, EACCES, 0, 0));
        for (uint64_t i = 6; i < 300; i++)
                call(i, i, i, i, i, i);
        call(~0ull, 0, 0, 0, 0, 0);
}

/* What the kernel remembers of the image is for an agent to tell it, before the program runs. */
static void describe(const char *who)
{
        static uint64_t here[512];
        const uint64_t at = (uint64_t)here;
        const struct prctl_mm_map map = {at, at + 1, at, at, at, at, at, at, at, at, at, NULL, 0, UINT32_MAX};

        if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0)
                escaped("%s describes itself to the kernel", who);
}

typedef long raw_syscall(long nr, ...);

/* syscall(2) that no agent patches, since it is written at run time; -errno for an error. */
static raw_syscall *unpatched(void)
{
        static const unsigned char code[] = {
                0x48, 0x89, 0xf8,             /* mov %rdi,%rax */
                0x48, 0x89, 0xf7,             /* mov %rsi,%rdi */
                0x48, 0x89, 0xd6,             /* mov %rdx,%rsi */
                0x48, 0x89, 0xca,             /* mov %rcx,%rdx */
                0x4d, 0x89, 0xc2,             /* mov %r8,%r10 */
                0x4d, 0x89, 0xc8,             /* mov %r9,%r8 */
                0x4c, 0x8b, 0x4c, 0x24, 0x08, /* mov 8(%rsp),%r9 */
                0x0f, 0x05,                   /* syscall */
                0xc3,                         /* ret */
        };
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        memcpy(page, code, sizeof code);
        mprotect(page, 4096, PROT_READ | PROT_EXEC);
        return (raw_syscall *)page;
}

/* An exec that is approved for an agent and does not happen; then the old image says hello in its stead.
 * Without an agent it happens. */
static void greet_and_describe(void)
{
        static struct fl_hello hello;
        char *const arguments[] = {"ls", "-d", "/", NULL};
        long r, fd = -1;

        describe("a program");
        r = unpatched()(SYS_execve, "/bin/ls", arguments, arguments + 3, FL_EXEC_MARK, 0l, 0l);
        if (r == -FL_EXEC_BY_AGENT)
                fd = call(FL_CALL_HELLO, (uint64_t)&hello, sizeof hello, 0, 0, 0);
        printf("an old image is%s welcome\n", fd < 0 ? " not" : "");
        describe("an old image");
}

static void *exec_again(void *unused)
{
        (void)unused;
        execl(in_dir("attack_calls"), "attack_calls", "later", NULL);
        return NULL;
}

/* The same for an image that comes later, with an approval that is left from the one before. */
static void leave_an_approval(void)
{
        char *const arguments[] = {"ls", "-d", "/", NULL};
        pthread_t thread;

        unpatched()(SYS_execve, "/bin/ls", arguments, arguments + 3, FL_EXEC_MARK, 0l, 0l);
        if (pthread_create(&thread, NULL, exec_again, NULL) == 0)
                pthread_join(thread, NULL);
}

static int be_later_image(void)
{
        static struct fl_hello hello;
        long fd = call(FL_CALL_HELLO, (uint64_t)&hello, sizeof hello, 0, 0, 0);

        printf("a later image is%s welcome\n", fd < 0 ? " not" : "");
        describe("a later image");
        return attack_escapes ? 1 : 0;
}

static void submit(struct fl_ring *ring, unsigned slot, uint32_t generation, uint32_t nr,
                   const uint64_t args[6])
{
        struct fl_slot *s = &ring->slots[slot];

        s->tid = (uint32_t)getpid();
        s->nr = nr;
        memcpy(s->args, args, sizeof(s->args));
        fl_store_release(&s->request, FL_SLOT_WORD(generation, FL_SLOT_SUBMITTED));
        fl_fetch_or_64(&ring->used, 1ull << slot);
}

/* Well-formed requests for what is refused: the answer is an error, or "natively", which is refused too. */
static void ask_nicely(struct fl_ring *ring)
{
        const char *secret = in_dir("secret/file");
        uint64_t args[6] = {(uint64_t)AT_FDCWD, (uint64_t)secret, O_RDONLY, 0, 0, 0};

        for (uint32_t generation = 1; generation < 200; generation++) {
                struct fl_slot *s = &ring->slots[generation % FL_RING_SLOTS];
                submit(ring, generation % FL_RING_SLOTS, generation, SYS_openat, args);
                for (int spins = 0; spins < 1000; spins++)
                        if (fl_load_acquire(&s->reply_state) == FL_SLOT_WORD(generation, FL_SLOT_DONE)) {
                                if (s->answer == FL_ANSWER_RESULT && s->result >= 0)
                                        expect_no_secret("open over the ring", (int)s->result);
                                break;
                        }
        }
}

static void noise(struct fl_ring *ring, size_t size, double seconds)
{
        struct timespec start, now;
        unsigned char random[512];

        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
                (void)!getrandom(random, sizeof(random), 0);
                for (size_t i = 0; i + 8 <= sizeof(random); i += 8) {
                        uint64_t value;
                        uint32_t place;
                        memcpy(&value, random + i, 8);
                        memcpy(&place, random + (i * 7 + 3) % (sizeof(random) - 4), 4);
                        if (place % 3 == 0)
                                value = FL_SLOT_WORD(value >> 32, value % 8);
                        if (place % 5 == 0)
                                value = (uint64_t)in_dir("secret/file");
                        *(volatile uint32_t *)((char *)ring + (place % (size / 4)) * 4) = (uint32_t)value;
                }
                close(open(in_dir("public/file"), O_RDONLY));
                ring->used = ~0ull;
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
}

/* Pages taken out under the broker while it looks at them; the file cut off by its other names; sealed. */
static void punch(int fd, struct fl_ring *ring)
{
        static const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE,
                                    FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
        struct stat before = {0}, after = {0};
        char magic[64];

        (void)fstat(fd, &before);
        snprintf(magic, sizeof(magic), "/proc/self/fd/%d", fd);
        for (int i = 0; i < 300; i++) {
                (void)fallocate(fd, modes[i % 3], 0, (off_t)FL_RING_SIZE_BYTES);
                (void)fallocate(fd, modes[i % 3], 4096l * (i % 16), 4096);
                (void)madvise(ring, FL_RING_SIZE_BYTES, MADV_REMOVE);
                (void)madvise(ring, FL_RING_SIZE_BYTES, MADV_DONTNEED);
                ring->used = ~0ull;
                close(open(in_dir("public/file"), O_RDONLY));
        }
        close(open(magic, O_RDWR | O_TRUNC));
        (void)truncate(magic, 0);
        for (int seal = 1; seal <= 32; seal *= 2)
                (void)fcntl(fd, F_ADD_SEALS, seal);
        (void)fstat(fd, &after);
        if (after.st_size != before.st_size)
                escaped("changes the size of the ring");
}

static void hollow_out(void)
{
        int fd = (int)call(FL_CALL_RING, 0, 0, 0, 0, 0);
        struct fl_ring *ring = mmap(NULL, FL_RING_SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (fd < 0 || ring == MAP_FAILED)
                return;
        ask_nicely(ring);
        punch(fd, ring);
        ask_nicely(ring);
}

static void lie(void)
{
        int fd = (int)call(FL_CALL_RING, 0, 0, 0, 0, 0);

        if (fd < 0)
                return;
        struct fl_ring *ring = mmap(NULL, FL_RING_SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (ftruncate(fd, 0) == 0)
                escaped("cuts the ring off under the broker");
        if (ftruncate(fd, 1 << 30) == 0)
                escaped("makes the ring grow");
        if (ring == MAP_FAILED)
                return;
        ask_nicely(ring);
        noise(ring, sizeof(*ring), 1);
        ask_nicely(ring);
        noise(ring, FL_RING_SIZE_BYTES, 0.2);
}

/* The ring that the agent has mapped already: find it by its magic number and spoil that one. */
static void spoil_mapped_ring(void)
{
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512], permissions[8];
        unsigned long start, end;

        while (maps && fgets(line, sizeof(line), maps))
                if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) == 3 && permissions[0] == 'r' &&
                    permissions[1] == 'w' && permissions[3] == 's' && *(uint64_t *)start == FL_RING_MAGIC) {
                        ask_nicely((struct fl_ring *)start);
                        noise((struct fl_ring *)start, sizeof(struct fl_ring), 0.5);
                        (void)madvise((void *)start, end - start, MADV_REMOVE);
                        close(open(in_dir("public/file"), O_RDONLY));
                }
        if (maps)
                fclose(maps);
}

int main(int argc, char **argv)
{
        if (argc > 1 && strcmp(argv[1], "later") == 0)
                return be_later_image();
        try_in_child("greet and describe", greet_and_describe);
        try_in_child("leave an approval", leave_an_approval);
        try_in_child("forged calls", forged_calls);
        try_in_child("hollow out", hollow_out);
        printf("hollowed out\n");
        fflush(stdout);
        try_in_child("lie", lie);
        try_in_child("spoil mapped ring", spoil_mapped_ring);
        /* This process has done nothing wrong. */
        int fd = open(in_dir("public/file"), O_RDONLY);
        if (fd < 0) {
                printf("a bystander is not served: %s\n", strerror(errno));
                return 1;
        }
        close(fd);
        still_confined();
        return finished();
}
