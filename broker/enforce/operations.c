/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enforce/operations.h"

#include <errno.h>
#include <string.h>

#include "broker/enforce/credentials.h"
#include "broker/enforce/operation.h"

static operation_handler *const handlers[] = {
        [REQUEST_OPEN] = op_open,
        [REQUEST_STAT] = op_stat,
        [REQUEST_STATX] = op_statx,
        [REQUEST_STATFS] = op_statfs,
        [REQUEST_ACCESS] = op_access,
        [REQUEST_READLINK] = op_readlink,
        [REQUEST_GETDENTS] = op_getdents,
        [REQUEST_MKDIR] = op_mkdir,
        [REQUEST_RMDIR] = op_rmdir,
        [REQUEST_UNLINK] = op_unlink,
        [REQUEST_RENAME] = op_rename,
        [REQUEST_LINK] = op_link,
        [REQUEST_SYMLINK] = op_symlink,
        [REQUEST_MKNOD] = op_mknod,
        [REQUEST_CHMOD] = op_chmod,
        [REQUEST_CHOWN] = op_chown,
        [REQUEST_UTIME] = op_utime,
        [REQUEST_TRUNCATE] = op_truncate,
        [REQUEST_XATTR_GET] = op_xattr_get,
        [REQUEST_XATTR_SET] = op_xattr_set,
        [REQUEST_XATTR_LIST] = op_xattr_list,
        [REQUEST_XATTR_REMOVE] = op_xattr_remove,
        [REQUEST_CHDIR] = op_chdir,
        [REQUEST_WATCH] = op_watch,
        [REQUEST_IPC_GET] = op_ipc_get,
        [REQUEST_IPC_USE] = op_ipc_use,
        [REQUEST_QUEUE_OPEN] = op_queue_open,
        [REQUEST_QUEUE_UNLINK] = op_queue_unlink,
        [REQUEST_BIND] = op_bind,
        [REQUEST_CONNECT] = op_connect,
        [REQUEST_SEND] = op_send,
        [REQUEST_LISTEN] = op_listen,
};

int operations_perform(struct worker *worker, const struct caller *caller, struct request *request,
                       struct reply *reply)
{
        struct operation operation;
        operation_handler *handler = NULL;
        int r;

        operation.worker = worker;
        operation.caller = caller;
        operation.request = request;
        operation.reply = reply;
        operation.status_known = false;
        operation.as_real = false;
        reply_result(reply, 0);
        if (request->kind < sizeof handlers / sizeof *handlers)
                handler = handlers[request->kind];
        r = handler ? handler(&operation) : -ENOSYS;
        /* The next caller's memory is read with the broker's own rights. */
        if (worker->credentials)
                credentials_restore(worker);
        if (r == OPERATION_WOULD_BLOCK) {
                reply_finish(reply);
                reply_init(reply);
                return -EAGAIN;
        }
        if (r < 0 && reply->kind != REPLY_KILL) {
                reply_finish(reply);
                reply_result(reply, r);
        }
        return 0;
}

/* A verdict that refuses: one that is kept over those that follow. */
static bool is_refusal_recorded(const struct reply *reply)
{
        return reply->judged && reply->verdict.outcome != VERDICT_ALLOW;
}

static void record(struct reply *reply, const struct verdict *verdict, const char *name, const char *purpose,
                   const char *object, size_t length)
{
        if (is_refusal_recorded(reply))
                return;
        if (length > VERDICT_OBJECT_MAX)
                length = VERDICT_OBJECT_MAX;
        reply->judged = true;
        reply->verdict.outcome = verdict->outcome;
        reply->verdict.error = verdict->error;
        reply->verdict.rule = verdict->rule;
        reply->verdict.baseline = verdict->baseline;
        reply->verdict.operation = name;
        reply->verdict.purpose = purpose;
        reply->verdict.object_length = length;
        memcpy(reply->verdict.object, object, length);
}

int operation_conclude(struct operation *operation, const struct verdict *verdict, const char *name,
                       const char *purpose, const char *object, size_t object_length)
{
        record(operation->reply, verdict, name, purpose, object, object_length);
        switch (verdict->outcome) {
        case VERDICT_ALLOW:
                return 0;
        case VERDICT_KILL:
                operation->reply->kind = REPLY_KILL;
                return -EACCES;
        case VERDICT_DENY:
        case VERDICT_HIDE:
                break;
        }
        if (operation->worker->operations->tiers->warn && !verdict->baseline)
                return 0;
        if (verdict->outcome == VERDICT_HIDE)
                return -ENOENT;
        return verdict->error > 0 ? -verdict->error : -EACCES;
}

int operation_judge(struct operation *operation, const char *path, size_t length, enum path_access access,
                    const char *name, const char *purpose)
{
        struct verdict verdict;

        verdict.outcome = VERDICT_DENY;
        verdict.error = EACCES;
        verdict.rule = NULL;
        verdict.baseline = false;
        policy_check_path(operation->worker->operations->policy, path, length, access, &verdict);
        return operation_conclude(operation, &verdict, name, purpose, path, length);
}

int operation_refuse(struct operation *operation, int error, const char *name, const char *purpose,
                     const char *object, size_t object_length)
{
        struct verdict verdict;

        verdict.outcome = VERDICT_DENY;
        verdict.error = error;
        verdict.rule = NULL;
        verdict.baseline = true;
        return operation_conclude(operation, &verdict, name, purpose, object, object_length);
}

int operation_unjudge(struct operation *operation, int error)
{
        struct reply *reply = operation->reply;

        reply->judged = false;
        reply->verdict.outcome = VERDICT_ALLOW;
        reply->verdict.rule = NULL;
        return -error;
}
