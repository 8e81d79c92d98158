/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, int error, const char *format, ...)
{
        va_list args;

        if (!err)
                return -error;

        err->error = error;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        return -error;
}
