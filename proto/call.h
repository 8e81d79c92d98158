/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls an agent makes to its broker: one syscall number that no kernel uses, which the seccomp
 * filter turns into a notification. The kernel vouches for who is calling; nothing else about a call
 * is trusted. Without a broker (or outside a sandbox) the number fails with ENOSYS.
 *
 * Written and read by both sides, hence no libc here.
 */
#ifndef FL_PROTO_CALL_H
#define FL_PROTO_CALL_H

#include <stdint.h>

#define FL_PROTO_VERSION 4u

/* The syscall number. Far above any real one, far below the x32 bit (0x40000000). */
#define FL_CALL_NR 0x464c

/* rdi of a call; the other arguments follow in rsi, rdx, r10, r8, r9. */
enum fl_call {
        /* (struct fl_hello *out, size_t size): a new image asks what to run. The broker answers only if
         * /proc/PID/exe is the agent and an exec was approved for the process; it fills *out and returns
         * a descriptor (close-on-exec) of the program's file, or -errno. */
        FL_CALL_HELLO = 1,
        /* (): a descriptor (close-on-exec) of this process's ring memory, struct fl_ring, or -errno. */
        FL_CALL_RING = 2,
        /* (int fd, void *out, size_t size, size_t offset): the patch plan of the file open at fd, see
         * proto/plan.h. Copies plan bytes [offset, offset+size) and returns the plan's whole size in
         * bytes (0: nothing to patch), or -errno. */
        FL_CALL_PLAN = 3,
        /* (int nr, const uint64_t args[6], long error): syscall nr, an open, ran natively and the kernel
         * refused it with -error. The broker explains the refusal, or opens what the policy grants all the
         * same. What the program is to get: a descriptor, or -errno. */
        FL_CALL_REPORT = 4,
};

/* An execve with this in r10, an execveat with it in r9, where the kernel looks for nothing, is an agent's:
 * may this process execute the program, and does it take an agent? If not (it is being traced, or has nothing
 * for an agent to do) the syscall goes on. If so, the broker has noted the program for the image that follows
 * and the answer is -FL_EXEC_BY_AGENT, which is no errno: the agent then executes the file named by
 * fl_hello.agent_path with the caller's argv and envp. */
#define FL_EXEC_MARK     0x45584543464c4b52ull
#define FL_EXEC_BY_AGENT 4001

#define FL_SYSCALL_LIMIT 512u /* syscall numbers the masks below cover; higher ones always run natively */
#define FL_MASK_WORDS    (FL_SYSCALL_LIMIT / 64u)
#define FL_PATH_MAX      4096u
#define FL_SHEBANG_MAX   256u /* BINPRM_BUF_SIZE of the kernel */

enum fl_hello_flags {
        /* readlink, open, stat, exec of "/proc/self/exe" run natively under this policy, so the agent
         * substitutes fl_hello.exe_path for that very string. */
        FL_HELLO_SUBSTITUTE_EXE = 1u << 0,
        /* rt_sigprocmask runs natively at full speed, so that the agent can ask the kernel with it whether
         * memory is there before it touches what the program pointed to. */
        FL_HELLO_PROBE = 1u << 1,
        /* The broker carries sendmsg out, and the policy has no rule by which a send without an address would
         * fare otherwise as a sendto, which runs natively. */
        FL_HELLO_PLAIN_SENDS = 1u << 2,
        /* The program's own file has nothing to patch: no plan need be asked for. */
        FL_HELLO_NO_PLAN = 1u << 3,
        /* One prctl(PR_SET_MM) of the process goes on, before the program runs: see agent/describe.h. */
        FL_HELLO_DESCRIBE = 1u << 4,
};

/* What a new image learns. All strings are NUL-terminated. About 17 KiB. */
struct fl_hello {
        uint32_t version;
        uint32_t flags;
        /* Bit nr set: the filter notifies the broker of this syscall (some may be let go by registers,
         * without). */
        uint64_t mediated[FL_MASK_WORDS];
        /* Subset of mediated that may be submitted on the ring; the rest of mediated, and all else, runs
         * natively (and meets the seccomp filter there). */
        uint64_t ring[FL_MASK_WORDS];
        /* Runs natively; where the kernel answers EACCES or EPERM the agent makes FL_CALL_REPORT. */
        uint64_t reported[FL_MASK_WORDS];
        /* "#!" scripts: the program is the interpreter. 0: not a script. n: argv becomes
         * {script_interpreter, the n-1 words of script_argument, execfn, argv[1]...} (execve(2),
         * "Interpreter scripts"). The words lie one behind the other, each with its NUL; there is more than
         * one where an interpreter is a script itself, and a word may be empty. */
        uint32_t script_arguments;
        char comm[16];                           /* for PR_SET_NAME */
        char execfn[FL_PATH_MAX];                /* AT_EXECFN */
        char script_interpreter[FL_SHEBANG_MAX]; /* argv[0] of a script's interpreter */
        char script_argument[FL_SHEBANG_MAX];
        char exe_path[FL_PATH_MAX];   /* where the program's file is, symbolic links resolved */
        char agent_path[FL_PATH_MAX]; /* what to execute after FL_EXEC_BY_AGENT */
};

#endif
