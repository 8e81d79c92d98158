/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy: load, compile, match, explain. Pure once loaded: no descriptors, no clock, no locks that a
 * target's behaviour can hold; every match function may be called from any thread.
 *
 * Policy text is written by the administrator and may be wrong in every way, including on purpose. Paths and
 * addresses to match come from targets.
 */
#ifndef FLICKER_POLICY_POLICY_H
#define FLICKER_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "broker/base/err.h"
#include "broker/policy/verdict.h"

#define POLICY_FILE_MAX    (4u << 20) /* bytes of one policy file */
#define POLICY_DEPTH_MAX   32         /* nesting of JSON */
#define POLICY_EXTENDS_MAX 64         /* files of one extends tree */
#define POLICY_RULES_MAX   65536
#define POLICY_AUDIT_LIMIT (64u << 20) /* bytes, where the policy does not say */

struct policy;
struct policy_witness;

struct policy_variable {
        const char *name, *value;
};

enum rule_list {
        RULE_FILES_READ,
        RULE_FILES_WRITE,
        RULE_FILES_EXEC,
        RULE_FILES_DENY,
        RULE_FILES_HIDE,
        RULE_NETWORK_BIND,
        RULE_NETWORK_CONNECT,
        RULE_NETWORK_DENY,
        RULE_SYSCALLS_DENY,
        RULE_SYSCALLS_KILL,
        RULE_SYSCALLS_ALLOW,
        RULE_SYSCALLS_DEFAULT, /* "default": "deny", in any file */
        RULE_LIST_COUNT,
};

/* A rule of the command line (--read PATH and its kin), "as if written in the policy". */
struct policy_extra_rule {
        enum rule_list list;
        const char *text;
};

struct policy_options {
        const char *reference; /* FILE (has a slash or ends in .json) or NAME; NULL: "default" */
        const struct policy_variable *variables; /* --var */
        size_t variable_count;
        const struct policy_extra_rule *extra;
        size_t extra_count;
        /* Directories in which a bare NAME is looked up as NAME.json, in order; NULL-terminated. */
        const char *const *directories;
        /* Built-in variables. */
        const char *home, *user, *uid, *cwd, *tmpdir;
        const struct policy_witness *witness; /* witness.h; or NULL */
};

enum policy_on_deny { ON_DENY_ERRNO, ON_DENY_KILL, ON_DENY_WARN };
enum policy_audit { AUDIT_DENIED, AUDIT_ALL, AUDIT_NONE };

/* What is asked of a path. */
enum path_access {
        PATH_META, /* stat, access, readlink, O_PATH: only hide refuses */
        PATH_READ,
        PATH_WRITE, /* create, modify, rename, remove, change metadata */
        PATH_EXEC,
};

/* Loads, checks, merges and compiles. On failure *err says FILE:LINE:COLUMN, what was found and what was
 * expected, and the return is -errno (-ENOENT where the named policy does not exist, -EINVAL for a wrong
 * one). Symbolic links in the literal prefix of each pattern are resolved here, once. */
int policy_load(const struct policy_options *options, struct policy **ret_policy, struct err *err);
void policy_destroy(struct policy *policy);

/*
 * The compiled policy as one piece of memory that can be written to a file, and a policy made from such a
 * piece, by the same build of the same program only: nothing in it is checked. pack: the caller frees.
 * unpack: image is aligned to 16 bytes, stays where it is while the policy lives, and is only read. -ENOMEM.
 */
int policy_pack(const struct policy *policy, void **ret_image, size_t *ret_size);
int policy_unpack(const void *image, struct policy **ret_policy);

const char *policy_name(const struct policy *policy); /* "name", or the file's base name */
bool policy_mediate_all(const struct policy *policy);
enum policy_on_deny policy_on_deny(const struct policy *policy);
enum policy_audit policy_audit(const struct policy *policy);
uint64_t policy_audit_limit(const struct policy *policy); /* bytes of the log that one sandbox writes */
/* True where a policy text used $TMPDIR, so that one has to be there. */
bool policy_uses_tmpdir(const struct policy *policy);

/* Is access to path (absolute, symbolic links resolved, no "." or "..", no trailing slash; not
 * NUL-terminated) granted? Fills outcome, error and rule only. */
void policy_check_path(const struct policy *policy, const char *path, size_t length, enum path_access access,
                       struct verdict *ret_verdict);

/* A rename or exchange moves all that is beneath source to beneath target. Beyond PATH_WRITE on both (which
 * the caller checks): refused where something beneath would come out from under a deny or hide, or gain a
 * grant. Not needed where source is not a directory. */
void policy_check_move(const struct policy *policy, const char *source, size_t source_length,
                       const char *target, size_t target_length, struct verdict *ret_verdict);

/* The same where source is a socket (NUL-terminated paths), for a rename or a hard link: it must not come to
 * where connecting is granted and was not, nor, if it could be bound where it is, to where it could not. */
void policy_check_socket_move(const struct policy *policy, const char *source, const char *target,
                              struct verdict *ret_verdict);

/* May the names in directory path be told as they come and go? Refused where something beneath may be hidden.
 */
void policy_check_listing(const struct policy *policy, const char *path, size_t length,
                          struct verdict *ret_verdict);

/* Is there any hide rule? */
bool policy_hides_anything(const struct policy *policy);

/* protocol is IPPROTO_TCP or IPPROTO_UDP, 0 for AF_UNIX. address is AF_INET, AF_INET6 (IPv4-mapped addresses
 * match as IPv4) or AF_UNIX; for AF_UNIX unix_path is the resolved path of the socket (or of the name to be
 * made), or NULL for abstract, unnamed. */
void policy_check_address(const struct policy *policy, bool bind, int protocol,
                          const struct sockaddr_storage *address, socklen_t address_size,
                          const char *unix_path, struct verdict *ret_verdict);

/* Does any rule grant this family (AF_UNIX, AF_INET, AF_INET6) and protocol (0: any)? */
bool policy_grants_family(const struct policy *policy, int family, int protocol);

/* syscalls.kill, syscalls.deny and, where the list of what is allowed is exhaustive, that list. ALLOW says
 * nothing yet about what the baseline refuses. */
void policy_check_syscall(const struct policy *policy, int nr, const uint64_t args[6],
                          struct verdict *ret_verdict);

/* "syscalls": { "default": "deny" } */
bool policy_syscalls_exhaustive(const struct policy *policy);

/* What syscalls.allow (and, in an exhaustive list, what needs no naming) says of a syscall. */
enum allow_extent { ALLOW_NOT, ALLOW_SOME, ALLOW_WHOLE };
enum allow_extent policy_allow_extent(const struct policy *policy, int nr);

/* Does a rule of syscalls.allow take in this call? tested: which of its arguments (bits) the rule has to test
 * for one value, or for bits of it; a rule that leaves one of them open does not count. NULL: none does. */
const struct rule *policy_find_allow(const struct policy *policy, int nr, const uint64_t args[6],
                                     unsigned tested);

/* "process" */
enum policy_ptrace { PTRACE_NONE, PTRACE_SANDBOX };
enum policy_ptrace policy_ptrace(const struct policy *policy);
bool policy_ipc_shared(const struct policy *policy); /* "ipc": "host" */

/* Rules, for the compilers of the kernel tier. */
enum argument_op { ARG_EQ, ARG_NE, ARG_LT, ARG_LE, ARG_GT, ARG_GE, ARG_MASKED_EQ };
struct argument_condition {
        unsigned index; /* 0 to 5 */
        enum argument_op op;
        uint64_t value, mask; /* ARG_MASKED_EQ: (argument & mask) == value */
};

/* The kernel takes many arguments as 32 bits and ignores what else is in the register, so a condition on a
 * value of 32 bits (signed or not) holds where it holds for the register or for its lower half: a deny must
 * not be got round by a stray upper bit. */
bool argument_condition_holds(const struct argument_condition *condition, uint64_t argument);

/* The same where it grants: it has to hold for both. */
bool argument_condition_grants(const struct argument_condition *condition, uint64_t argument);

struct rule {
        enum rule_list list;
        const char *text;      /* as written */
        const char *file;      /* as a person would name it; "command line" for options */
        unsigned line, column; /* 1-based; 0 for options */
        unsigned index;        /* position in its list of that file */
        /* files: the pattern with variables and the literal prefix resolved */
        const char *pattern;
        bool wildcard;
        /* syscalls */
        int nr;
        unsigned condition_count;
        const struct argument_condition *conditions;
        int error; /* errno of a deny */
};

size_t policy_rule_count(const struct policy *policy);
const struct rule *policy_rule(const struct policy *policy, size_t index);

/* "files.deny" */
const char *rule_list_name(enum rule_list list);

/* "files.deny[1], web.json:14", or "no rule grants it" for NULL. Returns out. */
char *rule_describe(const struct rule *rule, char *out, size_t size);

#endif
