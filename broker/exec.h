/* SPDX-License-Identifier: Apache-2.0 */
/* Approving an exec: wiring of resolution and judgement (enforce) with the look into the file (intake). */
#ifndef FLICKER_EXEC_H
#define FLICKER_EXEC_H

#include "broker/enforce/operations.h"
#include "broker/policy/request.h"

#define EXEC_SCRIPT_DEPTH_MAX 5 /* "#!" naming "#!", as the kernel's exec_binprm() */

/* What an approved exec will run. */
struct exec_program {
        int fd;       /* O_RDONLY|O_CLOEXEC of the program (a script's interpreter), owned */
        dev_t device; /* its identity */
        ino_t inode;
        dev_t interpreter_device; /* that of its ELF interpreter; 0, 0, "" where it has none */
        ino_t interpreter_inode;
        char interpreter_path[REQUEST_PATH_MAX];
        unsigned script_arguments; /* as in struct fl_hello */
        char execfn[REQUEST_PATH_MAX];
        char script_interpreter[256];
        char script_argument[256]; /* words, as in struct fl_hello */
        char exe_path[REQUEST_PATH_MAX];
        char comm[16];
};

void exec_program_init(struct exec_program *program);
void exec_program_finish(struct exec_program *program);

/* Judges a REQUEST_EXEC for caller. by_agent: an agent loads the program, unless it turns out to need none
 * (operations_check_busy() of the program is left to do where it is loaded); else the kernel. 0 and
 * *ret_program; or -errno as execve(2) has it. reply->verdict is filled where the policy was asked. */
int exec_approve(struct worker *worker, const struct caller *caller, const struct request *request,
                 bool by_agent, struct exec_program *ret_program, struct reply *reply);

#endif
