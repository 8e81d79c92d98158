/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/request.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void request_init(struct request *request)
{
        /* Not the path and text buffers: they are large, and each is terminated when it is filled. */
        memset(request, 0, offsetof(struct request, path));
        for (unsigned i = 0; i < 2; i++) {
                request->path[i].fd = AT_FDCWD;
                request->path[i].by_fd = false;
                request->path[i].error = 0;
                request->path[i].length = 0;
                request->path[i].text[0] = '\0';
        }
        request->text[0] = '\0';
        memset(&request->fd, 0, sizeof *request - offsetof(struct request, fd));
        request->fd = -1;
}

void request_finish(struct request *request)
{
        for (unsigned i = 0; i < request->message_count; i++) {
                free(request->messages[i].data);
                free(request->messages[i].control);
        }
        free(request->messages);
        free(request->data);
        request->messages = NULL;
        request->message_count = 0;
        request->data = NULL;
}

void reply_init(struct reply *reply)
{
        memset(reply, 0, offsetof(struct reply, outputs));
        reply->fd = -1;
        reply->judged = false;
        memset(&reply->verdict, 0, offsetof(struct verdict, object));
        reply->verdict.object_length = 0;
}

void reply_drop_outputs(struct reply *reply)
{
        for (unsigned i = 0; i < reply->output_count; i++)
                free(reply->outputs[i].data);
        reply->output_count = 0;
}

void reply_finish(struct reply *reply)
{
        reply_drop_outputs(reply);
        if (reply->fd >= 0)
                close(reply->fd);
        reply->fd = -1;
}

void reply_add_output(struct reply *reply, uint64_t address, void *data, size_t size)
{
        assert(reply->output_count < REPLY_OUTPUTS_MAX);
        reply->outputs[reply->output_count++] = (struct reply_output){address, data, size};
}
