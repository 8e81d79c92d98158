/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stack.h"

#include <linux/auxvec.h>
#include <linux/elf.h>

#include "agent/bytes.h"
#include "agent/kernel.h"

#include "agent/poison.h"

_Static_assert(AG_STACK_RESERVE >= FL_PATH_MAX + 2 * FL_SHEBANG_MAX + (AG_SCRIPT_ARGUMENTS_MAX + 2) * 8 + 32,
               "strings and pointers fit the reserve");

static uint64_t *skip_pointers(uint64_t *word)
{
        while (*word)
                word++;
        return word + 1;
}

static uint64_t *skip_auxiliary(uint64_t *word)
{
        while (*word != AT_NULL)
                word += 2;
        return word + 2;
}

static uint64_t *environment_of(uint64_t *initial)
{
        return initial + 1 + initial[0] + 1;
}

struct ag_span ag_stack_auxiliary(uint64_t *initial)
{
        uint64_t *start = skip_pointers(environment_of(initial));

        return (struct ag_span){ag_address(start), ag_address(skip_auxiliary(start))};
}

/* AT_EXECFN lies behind them (fs/exec.c of Linux copies it first, downwards). */
struct ag_strings ag_stack_strings(uint64_t *initial)
{
        const uint64_t *environment = environment_of(initial), *auxv = skip_pointers(environment_of(initial));
        struct ag_strings strings = {0};

        while (auxv[0] != AT_NULL && auxv[0] != AT_EXECFN)
                auxv += 2;
        strings.end = auxv[1];
        strings.environment = environment[0] ? environment[0] : strings.end;
        strings.arguments = initial[0] ? initial[1] : strings.environment;
        return strings;
}

static uint64_t string_size(const char *text, size_t limit)
{
        return ag_length(text, limit - 1) + 1;
}

/* Copies text to *place, moves *place behind it, and returns where the copy is. */
static uint64_t put_string(char **place, const char *text, size_t limit)
{
        uint64_t address = ag_address(*place), size = string_size(text, limit);

        ag_copy(*place, text, size - 1);
        (*place)[size - 1] = '\0';
        *place += size;
        return address;
}

static void fill_auxiliary(uint64_t *auxv, const struct ag_auxiliary *auxiliary, uint64_t execfn)
{
        for (; *auxv != AT_NULL; auxv += 2) {
                switch (auxv[0]) {
                case AT_PHDR:
                        auxv[1] = auxiliary->headers;
                        break;
                case AT_PHENT:
                        auxv[1] = sizeof(Elf64_Phdr);
                        break;
                case AT_PHNUM:
                        auxv[1] = auxiliary->header_count;
                        break;
                case AT_ENTRY:
                        auxv[1] = auxiliary->entry;
                        break;
                case AT_BASE:
                        auxv[1] = auxiliary->base;
                        break;
                case AT_EXECFN:
                        auxv[1] = execfn;
                        break;
                default:
                        break;
                }
        }
}

/* Bytes of the words of a script's arguments, NULs included; words that are not there are empty ones. */
static uint64_t words_size(const struct fl_hello *hello)
{
        uint64_t at = 0;

        for (uint64_t i = 1; i < hello->script_arguments && at < FL_SHEBANG_MAX; i++)
                at += string_size(hello->script_argument + at, FL_SHEBANG_MAX - at);
        return at;
}

static uint64_t strings_size(const struct fl_hello *hello)
{
        uint64_t size = string_size(hello->execfn, FL_PATH_MAX);

        if (hello->script_arguments >= 1)
                size += string_size(hello->script_interpreter, FL_SHEBANG_MAX) + words_size(hello);
        return size;
}

/* argv[0] and on of an interpreter, up to the script's name. */
static void put_script(uint64_t *argv, char **strings, const struct fl_hello *hello)
{
        const char *words = hello->script_argument, *end = words + FL_SHEBANG_MAX;

        argv[0] = put_string(strings, hello->script_interpreter, FL_SHEBANG_MAX);
        for (uint64_t i = 1; i < hello->script_arguments; i++) {
                if (words == end) { /* fewer words than promised */
                        argv[i] = argv[i - 1];
                        continue;
                }
                argv[i] = put_string(strings, words, (size_t)(end - words));
                words += string_size(words, (size_t)(end - words));
        }
}

uint64_t ag_stack_build(uint64_t *initial, const struct fl_hello *hello, const struct ag_auxiliary *auxiliary)
{
        uint64_t argc = initial[0], more = hello->script_arguments; /* pointers inserted into argv */
        uint64_t *auxv = skip_pointers(environment_of(initial)), *end = skip_auxiliary(auxv);
        uint64_t start = (ag_address(initial) - strings_size(hello) - (more + !argc) * 8) & ~15ull;
        uint64_t *block = ag_pointer(start);
        uint64_t kept = argc ? argc - 1 : 0; /* argv[1] and on; a script's argv[0] is dropped */
        uint64_t *moved = block + 1 + (more ? more + 1 : argc ? 1 : 0); /* where they go */
        char *strings;
        uint64_t execfn, name = argc ? initial[1] : 0;

        block[0] = argc ? argc + more : more ? more + 1 : 0;
        /* Downwards, and each place is read before anything is written to it. */
        ag_copy(moved, initial + 1 + (argc ? 1 : 0), kept * 8);
        ag_copy(moved + kept, initial + 1 + argc,
                (uint64_t)((uint8_t *)end - (uint8_t *)(initial + 1 + argc)));
        auxv = moved + kept + (auxv - (initial + 1 + argc));
        strings = (char *)(moved + kept + (end - (initial + 1 + argc)));

        if (!more && argc)
                block[1] = name;
        if (more)
                put_script(block + 1, &strings, hello);
        execfn = put_string(&strings, hello->execfn, FL_PATH_MAX);
        if (more)
                block[1 + more] = execfn;
        fill_auxiliary(auxv, auxiliary, execfn);
        return start;
}
