/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside enforcement: one request being carried out, and what its handlers share. A handler is named op_NOUN,
 * stands in the table of operations.c, and works like the kernel's syscall: it finds out what the arguments
 * lead to, judges that, does it with the caller's credentials, and says the result.
 *
 * Facts about the caller come from the kernel (caller_view.h) with the broker's own credentials; what is done
 * for the caller is done with the caller's (credentials.h).
 */
#ifndef FLICKER_ENFORCE_OPERATION_H
#define FLICKER_ENFORCE_OPERATION_H

#include "broker/enforce/caller_view.h"
#include "broker/enforce/credentials.h"
#include "broker/enforce/operations.h"

struct operation {
        struct worker *worker;
        const struct caller *caller;
        struct request *request;
        struct reply *reply;
        struct caller_status status; /* read at most once a request: caller_status() */
        bool status_known;
        bool as_real; /* credentials are assumed as access(2) does, with the real ids */
};

/* What a handler returns, beside 0 and -errno: the work might block and this worker must not. Nothing has
 * been done yet. operations_perform() turns it into its -EAGAIN. */
#define OPERATION_WOULD_BLOCK 1

/* 0: *reply is filled (it starts as REPLY_RESULT 0). -errno: what the syscall returns. OPERATION_WOULD_BLOCK.
 */
typedef int operation_handler(struct operation *operation);

/* While it is held, no request makes or moves a directory or a link: a path leads where it led before. */
void tree_hold(void);
void tree_release(void);

/* files */
operation_handler op_open, op_stat, op_statx, op_statfs, op_access, op_readlink, op_getdents, op_mkdir,
        op_rmdir, op_unlink, op_rename, op_link, op_symlink, op_mknod, op_chmod, op_chown, op_utime,
        op_truncate, op_xattr_get, op_xattr_set, op_xattr_list, op_xattr_remove, op_chdir, op_watch;
/* objects without a path */
operation_handler op_ipc_get, op_ipc_use, op_queue_open, op_queue_unlink;
/* sockets */
operation_handler op_bind, op_connect, op_send, op_listen;

/*
 * The judgement of one path (absolute, real; see policy_check_path), recorded in reply->verdict under the
 * static strings name ("open") and purpose ("for reading", or NULL). 0: go on (under tiers->warn also where
 * the policy refuses; the verdict still says so). -errno: refused. A refusal that is already recorded stays
 * recorded.
 */
int operation_judge(struct operation *operation, const char *path, size_t length, enum path_access access,
                    const char *name, const char *purpose);

/*
 * The same for a verdict that the handler got elsewhere (policy_check_address): outcome, error, rule and
 * baseline are set; name, purpose and object are recorded with it.
 */
int operation_conclude(struct operation *operation, const struct verdict *verdict, const char *name,
                       const char *purpose, const char *object, size_t object_length);

/* Refused by the baseline, whatever the policy says: -error, recorded. */
int operation_refuse(struct operation *operation, int error, const char *name, const char *purpose,
                     const char *object, size_t object_length);

/* Takes back a recorded refusal where the kernel would have failed before it asked (EEXIST, ENOENT): returns
 * -error. */
int operation_unjudge(struct operation *operation, int error);

#endif
