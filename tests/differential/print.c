/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "tests/differential/case.h"

static void print_path(const struct path *path, FILE *out)
{
        static const char *const pointers[] = {"", "NULL", "BAD", "CUT"};
        size_t length = strlen(path->text);

        fputs(pointers[path->pointer], out);
        if (path->pointer != POINTER_GOOD)
                return;
        fputc('"', out);
        for (size_t i = 0; i < length; i++) {
                if (length > 400 && i == 20)
                        i += (size_t)fprintf(out, "...%zu...", length) * 0 + length - 40;
                if (path->text[i] == '\n')
                        fputs("\\n", out);
                else
                        fputc(path->text[i], out);
        }
        fputc('"', out);
}

static void print_number(char letter, long number, FILE *out)
{
        if (number == AT_FDCWD && strchr("df", letter))
                fputs("CWD", out);
        else if (strchr("omM", letter))
                fprintf(out, "%#lo", number);
        else if (strchr("aKLRwD", letter))
                fprintf(out, "%#lx", number);
        else
                fprintf(out, "%ld", number);
}

static void print_structure(const struct thing *thing, char letter, FILE *out)
{
        if (thing->out == POINTER_NULL || thing->out == POINTER_BAD)
                fputs(thing->out == POINTER_NULL ? "NULL" : "BAD", out);
        else if (letter == ARG_HOW)
                fprintf(out, "{%#llo, %#llo, %#llx}", thing->how.flags, thing->how.mode, thing->how.resolve);
        else if (letter == ARG_TIMESPEC)
                fprintf(out, "{%ld.%ld, %ld.%ld}", thing->times[0].tv_sec, thing->times[0].tv_nsec,
                        thing->times[1].tv_sec, thing->times[1].tv_nsec);
        else if (letter == ARG_TIMEVAL)
                fprintf(out, "{%ld.%ld, %ld.%ld}", thing->timevals[0].tv_sec, thing->timevals[0].tv_usec,
                        thing->timevals[1].tv_sec, thing->timevals[1].tv_usec);
        else
                fputs(thing->out == POINTER_CUT ? "CUT" : "&", out);
}

void thing_print(const struct thing *thing, FILE *out)
{
        unsigned paths = 0;

        fprintf(out, "%s(", thing->shape->name);
        for (unsigned i = 0; thing->shape->arguments[i]; i++) {
                char letter = thing->shape->arguments[i];

                if (i)
                        fputs(", ", out);
                if (strchr("pntq", letter))
                        print_path(&thing->path[paths++], out);
                else if (strchr("hTvUbxyB", letter))
                        print_structure(thing, letter, out);
                else if (strchr("kV", letter))
                        fprintf(out, "'%s'", thing->value);
                else
                        print_number(letter, thing->args[i], out);
        }
        fputc(')', out);
}
