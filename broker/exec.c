/* SPDX-License-Identifier: Apache-2.0 */
/* The order of steps is that of do_execveat_common() and exec_binprm() of fs/exec.c. */
#include "broker/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/base/cleanup.h"
#include "broker/intake/exec_image.h"

/* What one approval works on. */
struct approval {
        struct worker *worker;
        const struct caller *caller;
        const struct request *request;
        struct reply *reply;
        bool by_agent;
        struct exec_program *program;
        struct exec_image image; /* of the file last opened */
        size_t words_size;       /* of program->script_argument */
};

void exec_program_init(struct exec_program *program)
{
        memset(program, 0, sizeof *program);
        program->fd = -1;
}

void exec_program_finish(struct exec_program *program)
{
        if (program->fd >= 0)
                close(program->fd);
        program->fd = -1;
}

/* Keeps the first verdict, or the first that is a refusal. */
static void record_verdict(struct reply *reply, const struct verdict *verdict)
{
        if (!verdict->operation)
                return;
        if (reply->judged && (reply->verdict.outcome != VERDICT_ALLOW || verdict->outcome == VERDICT_ALLOW))
                return;
        reply->verdict = *verdict;
        reply->judged = true;
}

/* Opens and judges one of the files that an exec needs. */
static int open_one(struct approval *approval, const struct request_path *path, unsigned at_flags,
                    enum path_access access, int *ret_fd, char *real_path)
{
        _cleanup_free_ struct verdict *verdict = calloc(1, sizeof *verdict);
        int r;

        if (!verdict)
                return -ENOMEM;
        r = operations_open_program(approval->worker, approval->caller, path, at_flags, access, ret_fd,
                                    real_path, verdict);
        record_verdict(approval->reply, verdict);
        return r;
}

/* Is the first path relative to a descriptor other than the working directory? */
static bool by_descriptor(const struct request_path *path)
{
        return path->fd != AT_FDCWD && path->text[0] != '/';
}

/* As alloc_bprm() names the file. */
static int set_execfn(struct exec_program *program, const struct request_path *path)
{
        int size = sizeof program->execfn, length;

        if (!by_descriptor(path))
                length = snprintf(program->execfn, (size_t)size, "%s", path->text);
        else if (path->by_fd)
                length = snprintf(program->execfn, (size_t)size, "/dev/fd/%d", path->fd);
        else
                length = snprintf(program->execfn, (size_t)size, "/dev/fd/%d/%s", path->fd, path->text);
        return length < size ? 0 : -ENAMETOOLONG;
}

static void set_comm(struct exec_program *program, const char *name)
{
        const char *slash = strrchr(name, '/');

        snprintf(program->comm, sizeof program->comm, "%.15s", slash ? slash + 1 : name);
}

/* Will the caller's descriptor fd be closed by the exec? Then no interpreter can open a script by it. */
static bool closes_on_exec(const struct approval *approval, int fd)
{
        _cleanup_fclose_ FILE *file = NULL;
        unsigned long flags = 0;
        char path[64], line[128];
        int info;

        snprintf(path, sizeof path, "%d/fdinfo/%d", approval->caller->tid, fd);
        info = openat(approval->worker->operations->proc_fd, path, O_RDONLY | O_CLOEXEC);
        file = info >= 0 ? fdopen(info, "r") : NULL;
        if (!file && info >= 0)
                close(info);
        while (file && fgets(line, sizeof line, file))
                if (sscanf(line, "flags:\t%lo", &flags) == 1)
                        return flags & O_CLOEXEC;
        return false;
}

static int append_word(char *words, size_t size, size_t *used, const char *word, size_t word_size)
{
        if (word_size > size - *used)
                return -E2BIG;
        memcpy(words + *used, word, word_size);
        *used += word_size;
        return 0;
}

/* The words in front of a script's name: this line's argument, then what an outer script already put there.
 */
static int push_script(struct approval *approval)
{
        struct exec_program *program = approval->program;
        const struct exec_image *image = &approval->image;
        size_t size = sizeof program->script_argument, used = 0;
        char words[sizeof program->script_argument] = {0};
        int r = 0;

        if (image->has_argument)
                r = append_word(words, size, &used, image->argument, strlen(image->argument) + 1);
        if (r == 0 && program->script_arguments)
                r = append_word(words, size, &used, program->script_interpreter,
                                strlen(program->script_interpreter) + 1);
        if (r == 0)
                r = append_word(words, size, &used, program->script_argument, approval->words_size);
        if (r < 0)
                return r;
        program->script_arguments += 1u + image->has_argument;
        memcpy(program->script_argument, words, size);
        approval->words_size = used;
        snprintf(program->script_interpreter, sizeof program->script_interpreter, "%.255s",
                 image->interpreter);
        return 0;
}

/* The path of an interpreter, which starts from the caller's working directory if it is relative. */
static void interpreter_path(const struct exec_image *image, struct request_path *ret_path)
{
        ret_path->fd = AT_FDCWD;
        ret_path->by_fd = false;
        ret_path->error = 0;
        ret_path->length = strlen(image->interpreter);
        memcpy(ret_path->text, image->interpreter, ret_path->length + 1);
}

/* Opens and looks into path, and into the interpreters of scripts, until there is a program. */
static int find_program(struct approval *approval)
{
        struct exec_program *program = approval->program;
        struct request_path path = approval->request->path[0];
        unsigned at_flags = approval->request->at_flags;

        for (unsigned depth = 0;; depth++) {
                int r;

                exec_program_finish(program);
                r = open_one(approval, &path, at_flags, PATH_EXEC, &program->fd, program->exe_path);
                if (r < 0)
                        return r;
                if (depth == 0)
                        set_comm(program, path.by_fd ? program->exe_path : program->execfn);
                r = exec_image_inspect(program->fd, &approval->image);
                if (r == 0 && approval->image.kind == EXEC_IMAGE_ELF)
                        return 0;
                if (approval->by_agent && operations_check_busy(program->fd) < 0)
                        return -ETXTBSY;
                if (r < 0)
                        return r;
                if (depth == EXEC_SCRIPT_DEPTH_MAX)
                        return -ELOOP;
                if (depth == 0 && by_descriptor(&path) && closes_on_exec(approval, path.fd))
                        return -ENOENT;
                r = push_script(approval);
                if (r < 0)
                        return r;
                interpreter_path(&approval->image, &path);
                at_flags = 0;
        }
}

/* The ELF interpreter has to be readable under the policy, and one. */
static int check_interpreter(struct approval *approval)
{
        struct exec_program *program = approval->program;
        _cleanup_close_ int fd = -1;
        struct request_path path;
        struct stat status;
        int r;

        if (!approval->image.interpreter[0])
                return 0;
        interpreter_path(&approval->image, &path);
        r = open_one(approval, &path, 0, PATH_READ, &fd, program->interpreter_path);
        if (r < 0)
                return approval->by_agent && operations_check_busy(program->fd) < 0 ? -ETXTBSY : r;
        if (fstat(fd, &status) < 0)
                return -errno;
        program->interpreter_device = status.st_dev;
        program->interpreter_inode = status.st_ino;
        return exec_image_check_interpreter(fd);
}

static int approve(struct approval *approval)
{
        struct exec_program *program = approval->program;
        struct stat status;
        int r = set_execfn(program, &approval->request->path[0]);

        if (r == 0)
                r = find_program(approval);
        if (r == 0)
                r = check_interpreter(approval);
        if (r < 0)
                return r;
        if (fstat(program->fd, &status) < 0)
                return -errno;
        program->device = status.st_dev;
        program->inode = status.st_ino;
        return 0;
}

int exec_approve(struct worker *worker, const struct caller *caller, const struct request *request,
                 bool by_agent, struct exec_program *ret_program, struct reply *reply)
{
        struct approval *approval = calloc(1, sizeof *approval);
        struct exec_program *program = calloc(1, sizeof *program);
        int r = -ENOMEM;

        if (approval && program) {
                exec_program_init(program);
                *approval = (struct approval){
                        .worker = worker,
                        .caller = caller,
                        .request = request,
                        .reply = reply,
                        .by_agent = by_agent,
                        .program = program,
                };
                r = approve(approval);
                if (r < 0)
                        exec_program_finish(program);
                else
                        *ret_program = *program;
        }
        free(program);
        free(approval);
        return r;
}
