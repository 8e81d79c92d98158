/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of results that are the same in every run: errno by name, never a pid, a time or an inode. */
#ifndef FLICKER_TESTS_LIVE_REPORT_H
#define FLICKER_TESTS_LIVE_REPORT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "name: 0", "name: -1 ENOENT": descriptors and byte counts above 0 print as "ok" unless exact. */
static inline void report(const char *name, long result)
{
        int error = errno;

        if (result < 0)
                printf("%s: %ld %s\n", name, result, strerrorname_np(error));
        else
                printf("%s: %s\n", name, result == 0 ? "0" : "ok");
        fflush(stdout);
        errno = 0;
}

static inline void report_text(const char *name, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        printf("%s: ", name);
        vprintf(format, arguments);
        printf("\n");
        va_end(arguments);
        fflush(stdout);
        errno = 0;
}

#endif
