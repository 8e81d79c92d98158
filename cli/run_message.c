/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX 4096

void run_say(const char *format, ...)
{
        static const char prefix[] = "flicker: ";
        char line[MESSAGE_MAX];
        size_t used = sizeof prefix - 1;
        int saved = errno, n;
        va_list args;
        ssize_t written;

        memcpy(line, prefix, used);
        va_start(args, format);
        n = vsnprintf(line + used, sizeof line - used - 1, format, args);
        va_end(args);
        if (n > 0)
                used += (size_t)n < sizeof line - used - 1 ? (size_t)n : sizeof line - used - 2;
        line[used++] = '\n';
        written = write(STDERR_FILENO, line, used);
        (void)written;
        errno = saved;
}
