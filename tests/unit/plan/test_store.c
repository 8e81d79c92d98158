/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/plan/plan_cache.h"
#include "broker/plan/plan_store.h"
#include "broker/plan/scanner_process.h"

#define SCANNER FLICKER_BINARY_DIR "/libexec/flicker/flicker-scan"
#define LIBC    "/lib/x86_64-linux-gnu/libc.so.6"

static char directory[64], cache[128], scanner[128], count_file[128];

static void setup(void)
{
        strcpy(directory, "/tmp/flicker-test-store-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
        snprintf(cache, sizeof cache, "%s/a/b/plans", directory);
        snprintf(scanner, sizeof scanner, "%s/scanner", directory);
        snprintf(count_file, sizeof count_file, "%s/count", directory);
}

static void teardown(void)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf %s", directory);
        cr_assert_eq(system(command), 0);
}

TestSuite(plan_store, .init = setup, .fini = teardown);

/* A scanner that counts its calls, does `what`, and then is the real one. */
static void scanner_write(const char *what)
{
        FILE *file = fopen(scanner, "we");

        cr_assert_not_null(file);
        fprintf(file, "#!/bin/sh\necho x >>%s\n%s\nexec %s\n", count_file, what, SCANNER);
        fchmod(fileno(file), 0755);
        fclose(file);
}

static unsigned scanner_calls(void)
{
        struct stat status;

        return stat(count_file, &status) == 0 ? (unsigned)status.st_size / 2 : 0;
}

static int file_open(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        cr_assert_geq(fd, 0, "%s", path);
        return fd;
}

static uint32_t sites_of(struct plan_store *store, int fd)
{
        const struct fl_plan *plan;
        uint32_t count;
        size_t size;

        cr_assert_eq(plan_store_get(store, fd, &plan, &size), 0);
        cr_assert_eq(plan_check(plan, size), 0);
        count = plan->site_count;
        plan_unref(store, plan);
        return count;
}

static struct plan_store *store_make(const char *cache_directory, const char *with_scanner)
{
        struct plan_store *store;

        cr_assert_eq(plan_store_create(cache_directory, with_scanner, &store), 0);
        return store;
}

/* The one plan file in the cache. */
static void cached_path(char *out, size_t size)
{
        DIR *stream = opendir(cache);
        struct dirent *entry;
        unsigned count = 0;

        cr_assert_not_null(stream);
        while ((entry = readdir(stream)))
                if (entry->d_name[0] != '.') {
                        snprintf(out, size, "%s/%.40s", cache, entry->d_name);
                        count++;
                }
        closedir(stream);
        cr_assert_eq(count, 1);
}

Test(plan_store, scans_once_and_remembers)
{
        struct plan_store *store;
        const struct fl_plan *first, *second;
        size_t size;
        int fd = file_open(LIBC);

        scanner_write("");
        store = store_make(NULL, scanner);
        cr_assert_eq(plan_store_peek(store, fd, &first, &size), -EAGAIN);
        cr_assert_eq(plan_store_get(store, fd, &first, &size), 0);
        cr_assert_gt(first->site_count, 400);
        cr_assert_eq(plan_store_peek(store, fd, &second, &size), 0);
        cr_assert_eq(first, second);
        cr_assert_eq(scanner_calls(), 1);
        cr_assert_eq(lseek(fd, 0, SEEK_CUR), 0, "the descriptor's offset is its owner's");
        plan_unref(store, first);
        plan_unref(store, second);
        plan_store_destroy(store);
}

static struct plan_store *shared_store;

static void *get_in_thread(void *unused)
{
        int fd = file_open(LIBC);

        (void)unused;
        for (unsigned i = 0; i < 50; i++)
                cr_assert_gt(sites_of(shared_store, fd), 400);
        close(fd);
        return NULL;
}

Test(plan_store, scans_once_for_many_threads)
{
        pthread_t threads[8];

        scanner_write("sleep 0.2");
        shared_store = store_make(cache, scanner);
        for (unsigned i = 0; i < 8; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, get_in_thread, NULL), 0);
        for (unsigned i = 0; i < 8; i++)
                pthread_join(threads[i], NULL);
        cr_assert_eq(scanner_calls(), 1);
        plan_store_destroy(shared_store);
}

Test(plan_store, keeps_plans_on_disk)
{
        struct plan_store *store = store_make(cache, SCANNER);
        int fd = file_open(LIBC);
        uint32_t sites = sites_of(store, fd);
        const struct fl_plan *plan;
        struct stat status;
        char path[256];
        size_t size;

        plan_store_destroy(store);
        cached_path(path, sizeof path);
        cr_assert_eq(stat(path, &status), 0);
        cr_assert_eq(status.st_mode & 0777, 0600);
        cr_assert_eq(stat(cache, &status), 0);
        cr_assert_eq(status.st_mode & 0777, 0700);

        store = store_make(cache, "/nonexistent");
        cr_assert_eq(plan_store_peek(store, fd, &plan, &size), 0, "a hit on disk is no scan");
        cr_assert_eq(plan->site_count, sites);
        plan_unref(store, plan);
        plan_store_destroy(store);
}

/* Spoils the cached plan of libc with a shell command on it ($P), and expects it rebuilt. */
/* Builds that differ in the version of their plans share the directory. */
Test(plan_store, leaves_the_plans_of_other_builds)
{
        struct plan_store *store = store_make(cache, SCANNER);
        int fd = file_open(LIBC);
        uint32_t sites = sites_of(store, fd);
        char path[256], other[256], version[32];
        char *found;

        plan_store_destroy(store);
        cached_path(path, sizeof path);
        snprintf(version, sizeof version, ".%u.", FL_PLAN_VERSION);
        found = strstr(path, version);
        cr_assert_not_null(found, "%s", path);
        snprintf(other, sizeof other, "%.*s.%u.plan", (int)(found - path), path, FL_PLAN_VERSION + 1);
        cr_assert_eq(symlink("theirs", other), 0);

        store = store_make(cache, SCANNER);
        cr_expect_eq(sites_of(store, fd), sites);
        plan_store_destroy(store);
        cr_expect_eq(access(path, F_OK), 0);
        cr_expect_eq(unlink(other), 0);
        close(fd);
}

static void spoil(const char *command)
{
        struct plan_store *store = store_make(cache, SCANNER);
        int fd = file_open(LIBC);
        uint32_t sites = sites_of(store, fd);
        char path[256], line[1024];
        struct stat status;

        plan_store_destroy(store);
        cached_path(path, sizeof path);
        snprintf(line, sizeof line, "P=%s; %s", path, command);
        cr_assert_eq(system(line), 0);

        store = store_make(cache, "/nonexistent");
        cr_expect_eq(sites_of(store, fd), 0, "believed after: %s", command);
        plan_store_destroy(store);
        store = store_make(cache, SCANNER);
        cr_expect_eq(sites_of(store, fd), sites);
        plan_store_destroy(store);
        cr_assert_eq(lstat(path, &status), 0);
        cr_expect(S_ISREG(status.st_mode), "not rebuilt after: %s", command);
        store = store_make(cache, "/nonexistent");
        cr_expect_eq(sites_of(store, fd), sites, "not rebuilt after: %s", command);
        plan_store_destroy(store);
        close(fd);
}

Test(plan_store, rebuilds_what_was_spoilt, .timeout = 60)
{
        spoil("truncate -s -1 $P");
        spoil("truncate -s 0 $P");
        spoil("truncate -s +8 $P");
        spoil("truncate -s 1G $P");
        spoil("printf x | dd of=$P bs=1 seek=2000 conv=notrunc 2>/dev/null");     /* a site or code */
        spoil("printf '\\001' | dd of=$P bs=1 seek=8 conv=notrunc 2>/dev/null");  /* the version */
        spoil("printf '\\377' | dd of=$P bs=1 seek=32 conv=notrunc 2>/dev/null"); /* the inode */
        spoil("printf '\\377' | dd of=$P bs=1 seek=48 conv=notrunc 2>/dev/null"); /* the change time */
        spoil("mv $P ${P%/plans/*}/x; ln -s ${P%/plans/*}/x $P");
        spoil("chmod 0666 $P");
        spoil("rm $P; mkfifo $P");
}

Test(plan_store, does_without_a_usable_directory)
{
        const char *const commands[] = {
                "mkdir -m 0755 -p %1$s",             /* others may enter */
                "mkdir -p %1$s; chmod 0770 %1$s",    /* others may write */
                "mkdir -p $(dirname %1$s); : >%1$s", /* not a directory */
                "mkdir -p %1$s.real; chmod 0700 %1$s.real; ln -s %1$s.real %1$s",
        };
        char line[1024], clean[256];
        struct plan_store *store;
        int fd = file_open(LIBC);

        snprintf(clean, sizeof clean, "rm -rf %s/a", directory);
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                snprintf(line, sizeof line, commands[i], cache);
#pragma GCC diagnostic pop
                cr_assert_eq(system(line), 0);
                cr_assert_eq(plan_cache_open(cache), -1, "%s", line);
                store = store_make(cache, SCANNER);
                cr_assert_gt(sites_of(store, fd), 400);
                plan_store_destroy(store);
                cr_assert_eq(system(clean), 0);
        }
        store = store_make("/proc/nowhere", SCANNER);
        cr_assert_gt(sites_of(store, fd), 400);
        plan_store_destroy(store);
}

/* Full, or a file-size limit: both end a write early. No signal, no half-written plan. */
Test(plan_store, does_without_room_on_disk)
{
        struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
        struct plan_store *store;
        int fd = file_open(LIBC);
        char command[256];

        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        store = store_make(cache, SCANNER);
        cr_assert_gt(sites_of(store, fd), 400);
        plan_store_destroy(store);
        snprintf(command, sizeof command, "test -z \"$(ls -A %s)\"", cache);
        cr_assert_eq(system(command), 0, "something was left behind");
}

Test(plan_store, trims_the_directory)
{
        char path[512];
        const char *names[] = {"0000000000000001.plan", "0000000000000002.plan", "0000000000000003.plan",
                               ".new-1-1", "foreign"};
        struct plan_store *store = store_make(cache, SCANNER);
        struct fl_plan plan = {.magic = FL_PLAN_MAGIC, .version = FL_PLAN_VERSION, .inode = 9};
        struct timespec times[2] = {0};
        int fd, directory_fd;

        plan_store_destroy(store);
        for (size_t i = 0; i < 5; i++) {
                snprintf(path, sizeof path, "%s/%s", cache, names[i]);
                fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
                cr_assert_geq(fd, 0);
                cr_assert_eq(ftruncate(fd, 1000), 0);
                times[0].tv_sec = times[1].tv_sec = 1000 + (time_t)i;
                futimens(fd, times);
                close(fd);
        }
        plan.checksum = plan_checksum(&plan, sizeof plan);
        directory_fd = plan_cache_open(cache);
        plan_cache_save(directory_fd, &plan, sizeof plan, 2000);
        cr_expect_eq(faccessat(directory_fd, names[0], F_OK, 0), -1);
        cr_expect_eq(faccessat(directory_fd, names[1], F_OK, 0), -1);
        cr_expect_eq(faccessat(directory_fd, names[2], F_OK, 0), 0);
        cr_expect_eq(faccessat(directory_fd, names[3], F_OK, 0), -1, "a forgotten temporary file");
        cr_expect_eq(faccessat(directory_fd, names[4], F_OK, 0), 0, "not ours to remove");
        close(directory_fd);
}

static void file_write(const char *path, const void *data, size_t size)
{
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, data, size), (ssize_t)size);
        close(fd);
}

Test(plan_store, knows_files_by_identity)
{
        struct plan_store *store;
        char path[128];
        int fd;

        snprintf(path, sizeof path, "%s/prog", directory);
        scanner_write("");
        store = store_make(NULL, scanner);
        file_write(path, "\177ELFxxxx", 8);
        fd = file_open(path);
        cr_assert_eq(sites_of(store, fd), 0);
        cr_assert_eq(sites_of(store, fd), 0);
        cr_assert_eq(scanner_calls(), 1);
        file_write(path, "\177ELFxxxxx", 9);
        cr_assert_eq(sites_of(store, fd), 0);
        cr_assert_eq(scanner_calls(), 2);
        plan_store_destroy(store);
}

Test(plan_store, distrusts_a_file_that_changes_under_the_scanner)
{
        struct plan_store *store;
        char path[128], command[256];
        int fd;

        snprintf(path, sizeof path, "%s/prog", directory);
        snprintf(command, sizeof command, "cp " LIBC " %s", path);
        cr_assert_eq(system(command), 0);
        snprintf(command, sizeof command, "touch %s", path);
        scanner_write(command);
        store = store_make(cache, scanner);
        fd = file_open(path);
        cr_assert_eq(sites_of(store, fd), 0);
        snprintf(command, sizeof command, "test -z \"$(ls -A %s)\"", cache);
        cr_assert_eq(system(command), 0, "it was cached");
        plan_store_destroy(store);
}

Test(plan_store, takes_nothing_else_for_a_plan, .timeout = 60)
{
        const char *const what[] = {
                "exit 1",
                "kill -9 $$",
                "exec echo nonsense >&4",
                "exec cat /dev/zero >&4",
                "exec head -c 72 /dev/zero >&4",
                "exec 4>&-; exit 0",
        };
        int fd = file_open(LIBC);

        for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
                struct plan_store *store;

                scanner_write(what[i]);
                store = store_make(cache, scanner);
                cr_expect_eq(sites_of(store, fd), 0, "%s", what[i]);
                plan_store_destroy(store);
        }
}

Test(plan_store, refuses_what_is_not_a_file)
{
        struct plan_store *store = store_make(NULL, SCANNER);
        const struct fl_plan *plan;
        size_t size;
        int fd;

        cr_assert_eq(plan_store_get(store, -1, &plan, &size), -EBADF);
        cr_assert_eq(plan_store_get(store, file_open("/tmp"), &plan, &size), -EINVAL);
        cr_assert_eq(plan_store_get(store, file_open("/dev/null"), &plan, &size), -EINVAL);
        fd = open(LIBC, O_PATH | O_CLOEXEC);
        cr_assert_eq(sites_of(store, fd), 0, "it cannot be read");
        cr_assert_eq(sites_of(store, file_open("/etc/passwd")), 0);
        plan_store_destroy(store);
}

static void ignore(int signal_number)
{
        (void)signal_number;
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
}

Test(plan_store, copes_with_children_reaped_elsewhere)
{
        struct plan_store *store = store_make(NULL, SCANNER);
        int fd = file_open(LIBC);

        signal(SIGCHLD, ignore);
        cr_assert_gt(sites_of(store, fd), 400);
        signal(SIGCHLD, SIG_IGN);
        cr_assert_gt(sites_of(store, file_open("/lib64/ld-linux-x86-64.so.2")), 40);
        signal(SIGCHLD, SIG_DFL);
        plan_store_destroy(store);
}

/* The file, the pipe, and what the shell has open for itself; nothing of ours. */
Test(plan_store, gives_the_scanner_a_file_and_a_pipe)
{
        struct plan_store *store;
        char what[512], list[128], line[256], libc[PATH_MAX];
        unsigned files = 0, pipes = 0;
        int inherited = open(directory, O_RDONLY); /* as a careless library leaves one */
        FILE *stream;

        cr_assert(inherited >= 0 && dup2(inherited, 77) == 77 && realpath(LIBC, libc));
        snprintf(list, sizeof list, "%s/list", directory);
        snprintf(what, sizeof what, "for fd in /proc/$$/fd/*; do readlink $fd; done >%s", list);
        scanner_write(what);
        store = store_make(NULL, scanner);
        cr_assert_gt(sites_of(store, file_open(LIBC)), 400);
        plan_store_destroy(store);
        stream = fopen(list, "re");
        cr_assert_not_null(stream);
        while (fgets(line, sizeof line, stream)) {
                line[strcspn(line, "\n")] = '\0';
                if (strcmp(line, libc) == 0)
                        files++;
                else if (strncmp(line, "pipe:", 5) == 0)
                        pipes++;
                else
                        cr_expect(strcmp(line, scanner) == 0 || strcmp(line, list) == 0, "has %s", line);
        }
        cr_expect_eq(files, 1);
        cr_expect_eq(pipes, 1);
        fclose(stream);
}

/* A scanner that leaves a file behind while it runs, and says when it sees more of them than there may be. */
static void scanner_write_crowded(void)
{
        char what[2048];

        snprintf(what, sizeof what,
                 "running=%s/running.$$; : >$running; sleep 0.1; set -- %s/running.*; "
                 "[ $# -le %u ] || : >%s/crowded; rm $running",
                 directory, directory, PLAN_STORE_SCANS_MAX, directory);
        scanner_write(what);
}

#define MANY_FILES 8

static void *scan_one(void *path)
{
        int fd = file_open(path);

        sites_of(shared_store, fd);
        close(fd);
        return NULL;
}

Test(plan_store, scans_few_files_at_once, .timeout = 60)
{
        static char paths[MANY_FILES][128];
        pthread_t threads[MANY_FILES];
        char command[2048], crowded[128];

        scanner_write_crowded();
        shared_store = store_make(NULL, scanner);
        for (unsigned i = 0; i < MANY_FILES; i++) {
                snprintf(paths[i], sizeof paths[i], "%s/program%u", directory, i);
                snprintf(command, sizeof command, "cp /bin/true %s", paths[i]);
                cr_assert_eq(system(command), 0);
                cr_assert_eq(pthread_create(&threads[i], NULL, scan_one, paths[i]), 0);
        }
        for (unsigned i = 0; i < MANY_FILES; i++)
                pthread_join(threads[i], NULL);
        cr_assert_eq(scanner_calls(), MANY_FILES);
        snprintf(crowded, sizeof crowded, "%s/crowded", directory);
        cr_assert(access(crowded, F_OK) < 0, "more than %u scanners ran at once", PLAN_STORE_SCANS_MAX);
        plan_store_destroy(shared_store);
}

Test(plan_store, scans_nothing_once_stopped)
{
        struct plan_store *store = store_make(NULL, SCANNER);
        const struct fl_plan *plan;
        int fd = file_open(LIBC);
        size_t size;

        plan_store_stop(store);
        cr_assert_eq(plan_store_get(store, fd, &plan, &size), -ECANCELED);
        cr_assert_eq(plan_store_get(store, fd, &plan, &size), -ECANCELED);
        plan_store_destroy(store);
}

/* The file and the pipe may get any numbers, the scanner's own ones too. */
Test(plan_store, runs_with_few_descriptors)
{
        struct rlimit limit = {.rlim_cur = 16, .rlim_max = 16};
        struct plan_store *store = store_make(cache, SCANNER);
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                close_range(0, 6, 0);
                setrlimit(RLIMIT_NOFILE, &limit);
                for (unsigned i = 0; i < 4; i++)
                        if (sites_of(store_make(NULL, SCANNER), open(LIBC, O_RDONLY)) < 400)
                                _exit(1);
                _exit(0);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0);
        plan_store_destroy(store);
}

Test(plan_store, forgets_the_oldest)
{
        struct plan_store *store = store_make(NULL, "/nonexistent");
        const struct fl_plan *first, *plan;
        char path[128];
        size_t size;
        int first_fd = -1, fd;

        for (unsigned i = 0; i < PLAN_STORE_ENTRIES_MAX + 100; i++) {
                snprintf(path, sizeof path, "%s/%u", directory, i);
                file_write(path, "x", 1);
                fd = file_open(path);
                if (i == 0) {
                        first_fd = fd;
                        cr_assert_eq(plan_store_get(store, fd, &first, &size), 0);
                        continue;
                }
                cr_assert_eq(sites_of(store, fd), 0);
                close(fd);
        }
        cr_assert_eq(plan_store_peek(store, first_fd, &plan, &size), -EAGAIN);
        cr_assert_eq(first->magic, FL_PLAN_MAGIC, "what is in use stays");
        plan_unref(store, first);
        plan_store_destroy(store);
}
