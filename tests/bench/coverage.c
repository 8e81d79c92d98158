/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coverage AGENT BPF_OBJECT COMMAND...: runs COMMAND, which starts programs under Flicker, and counts by a
 * BPF program what share of their syscalls comes from sites that the agent has, or could have if the policy
 * gave it a part in that number; the rest is listed by cause. Root only. See tests/bench/coverage.bpf.c.
 *
 * Syscalls that the ring answers never reach the kernel and are missing here: the true share is higher.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "broker/plan/scan/file_reader.h"
#include "broker/plan/scan/scan.h"
#include "proto/call.h"
#include "tests/bench/coverage.h"

#define CAUSES_MAX 4096u
#define FILES_MAX  256u

/* A file that syscalls came from, and its plan. */
struct code_file {
        unsigned long long inode;
        char path[COVERAGE_PATH_DEPTH * COVERAGE_PATH_NAME + 1];
        struct scan_result result;
};

/* Syscalls of one kind that were not the agent's. */
struct cause {
        char text[256];
        unsigned long long count;
};

static struct code_file files[FILES_MAX];
static unsigned file_count;
static struct cause causes[CAUSES_MAX];
static unsigned cause_count;
static unsigned long long agents, unwanted, left;

static void die(const char *what)
{
        fprintf(stderr, "coverage: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void path_join(const struct coverage_path *names, char *ret_path, size_t size)
{
        ret_path[0] = '\0';
        for (int i = COVERAGE_PATH_DEPTH - 1; i >= 0; i--) {
                size_t used = strlen(ret_path);

                if (names->name[i][0])
                        snprintf(ret_path + used, size - used, "/%.*s", COVERAGE_PATH_NAME, names->name[i]);
        }
}

static void file_scan(struct code_file *file)
{
        int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat status;
        void *data;

        if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == file->inode && status.st_size > 0) {
                data = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                            -1, 0);
                if (data != MAP_FAILED && file_read(fd, data, (size_t)status.st_size) == 0)
                        scan_elf(data, (size_t)status.st_size, &file->result);
                if (data != MAP_FAILED)
                        munmap(data, (size_t)status.st_size);
        }
        if (fd >= 0)
                close(fd);
}

static const struct code_file *file_of(int paths_fd, unsigned long long inode)
{
        struct coverage_path names = {0};
        struct code_file *file;

        for (unsigned i = 0; i < file_count; i++)
                if (files[i].inode == inode)
                        return &files[i];
        if (file_count == FILES_MAX || bpf_map_lookup_elem(paths_fd, &inode, &names) < 0)
                return NULL;
        file = &files[file_count++];
        file->inode = inode;
        path_join(&names, file->path, sizeof file->path);
        file_scan(file);
        return file;
}

/* Why the agent has no part in a site of a file; NULL: it could have. */
static const char *refusal_of(const struct code_file *file, unsigned long long offset)
{
        const struct fl_plan *plan = file ? file->result.plan : NULL;
        const struct fl_site *sites = (const struct fl_site *)(plan + 1);

        if (!plan)
                return "no plan";
        for (uint32_t i = 0; i < plan->site_count; i++) {
                if (sites[i].start + sites[i].syscall_at != offset)
                        continue;
                if (sites[i].tactic != FL_TACTIC_NONE)
                        return NULL;
                return file->result.refusals ? window_refusal_text(file->result.refusals[i]) : "not patched";
        }
        return "not found by the scanner";
}

static void cause_add(const char *why, const char *where, const struct coverage_site *site,
                      unsigned long long count)
{
        char text[sizeof causes->text];

        snprintf(text, sizeof text, "%s  %.160s+%#llx  nr %u", why, where, site->offset, site->nr);
        for (unsigned i = 0; i < cause_count; i++)
                if (strcmp(causes[i].text, text) == 0) {
                        causes[i].count += count;
                        return;
                }
        if (cause_count == CAUSES_MAX)
                return;
        snprintf(causes[cause_count].text, sizeof causes->text, "%s", text);
        causes[cause_count++].count = count;
}

static void left_add(const char *why, const char *where, const struct coverage_site *site,
                     unsigned long long count)
{
        left += count;
        cause_add(why, where, site, count);
}

static void file_site_count(int paths_fd, const struct coverage_site *site, unsigned long long count)
{
        const struct code_file *file = file_of(paths_fd, site->inode);
        const char *why = refusal_of(file, site->offset);

        if (why)
                left_add(why, file ? file->path : "?", site, count);
        else
                unwanted += count;
}

static void site_count(int paths_fd, const struct coverage_site *site, unsigned long long count)
{
        switch (site->place) {
        case COVERAGE_AGENT:
                if (site->nr == FL_CALL_NR)
                        break; /* the agent's own business */
                __attribute__((fallthrough));
        case COVERAGE_PATCHED:
        case COVERAGE_TRAMPOLINE:
                agents += count;
                break;
        case COVERAGE_FILE:
                file_site_count(paths_fd, site, count);
                break;
        case COVERAGE_VDSO:
                left_add("the kernel's code", "vdso", site, count);
                break;
        case COVERAGE_ANONYMOUS:
                left_add("anonymous code", "", site, count);
                break;
        default:
                left_add("not looked up", "", site, count);
        }
}

static int compare_causes(const void *a, const void *b)
{
        const struct cause *x = a, *y = b;

        return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void report(struct bpf_object *object)
{
        int counts_fd = bpf_object__find_map_fd_by_name(object, "counts");
        int paths_fd = bpf_object__find_map_fd_by_name(object, "paths");
        struct coverage_site site, *previous = NULL;
        unsigned long long count, all;

        while (bpf_map_get_next_key(counts_fd, previous, &site) == 0) {
                if (bpf_map_lookup_elem(counts_fd, &site, &count) == 0)
                        site_count(paths_fd, &site, count);
                previous = &site;
        }
        all = agents + unwanted + left;
        printf("%llu syscalls: %llu by the agent, %llu at sites of which the policy gives it none, %llu left "
               "(%.3f %%)\n",
               all, agents, unwanted, left, all ? 100.0 * (double)left / (double)all : 0.0);
        qsort(causes, cause_count, sizeof *causes, compare_causes);
        for (unsigned i = 0; i < cause_count; i++)
                printf("%10llu  %s\n", causes[i].count, causes[i].text);
}

/* Loads and attaches; ends by itself when this process does. */
static struct bpf_object *watch(const char *path, unsigned long long agent_inode)
{
        struct bpf_object *object = bpf_object__open_file(path, NULL);
        struct bpf_map *constants;
        struct bpf_program *program;

        if (!object)
                die(path);
        constants = bpf_object__find_map_by_name(object, ".rodata");
        if (!constants || bpf_map__set_initial_value(constants, &agent_inode, sizeof agent_inode) < 0)
                die(".rodata");
        if (bpf_object__load(object) < 0)
                die("loading");
        program = bpf_object__find_program_by_name(object, "on_syscall");
        if (!program || !bpf_program__attach(program))
                die("attaching");
        return object;
}

int main(int argc, char **argv)
{
        struct bpf_object *object;
        struct stat agent;
        int status;
        pid_t pid;

        if (argc < 4) {
                fprintf(stderr, "Usage: coverage AGENT BPF_OBJECT COMMAND...\n");
                return 2;
        }
        if (stat(argv[1], &agent) < 0)
                die(argv[1]);
        object = watch(argv[2], agent.st_ino);
        pid = fork();
        if (pid < 0)
                die("fork");
        if (pid == 0) {
                dup2(STDERR_FILENO, STDOUT_FILENO);
                execvp(argv[3], argv + 3);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) != pid)
                die("waitpid");
        report(object);
        if (status)
                fprintf(stderr, "coverage: %s ended with status %#x\n", argv[3], status);
        return status != 0;
}
