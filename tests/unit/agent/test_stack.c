/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>

#include "agent/stack.h"

/* Room as the kernel and _start leave it: the block, and the reserve below it. */
static _Alignas(16) uint8_t room[AG_STACK_RESERVE + 4096];
static struct fl_hello hello;

static uint64_t *make_initial(unsigned argc)
{
        uint64_t *initial = (uint64_t *)(room + AG_STACK_RESERVE), *word = initial;
        static char *arguments[] = {"zero", "one", "two"};

        memset(room, 0xaa, sizeof room);
        memset(&hello, 0, sizeof hello);
        strcpy(hello.execfn, "/bin/program");
        *word++ = argc;
        for (unsigned i = 0; i < argc; i++)
                *word++ = (uintptr_t)arguments[i];
        *word++ = 0;
        *word++ = (uintptr_t) "HOME=/";
        *word++ = (uintptr_t) "A=B";
        *word++ = 0;
        for (uint64_t type = AT_PHDR; type <= AT_ENTRY; type++) {
                *word++ = type;
                *word++ = type * 1000;
        }
        *word++ = AT_EXECFN;
        *word++ = (uintptr_t) "/agent";
        *word++ = AT_RANDOM;
        *word++ = 0x1234;
        *word++ = AT_NULL;
        *word++ = 0;
        return initial;
}

static const struct ag_auxiliary auxiliary = {
        .headers = 0x40, .header_count = 9, .entry = 0x1000, .base = 0x7000};

static uint64_t auxiliary_value(uint64_t *auxv, uint64_t type)
{
        for (; *auxv != AT_NULL; auxv += 2) {
                if (*auxv == type)
                        return auxv[1];
        }
        cr_assert_fail("no %lu in the auxiliary vector", type);
        return 0;
}

/* Checks all behind the arguments and that everything lies between the new stack pointer and the old block's
 * end. */
static void check_rest(uint64_t *block, uint64_t *initial, unsigned old_argc)
{
        uint64_t *word = block + 1 + block[0];
        const char *execfn;

        cr_assert_eq((uintptr_t)block % 16, 0);
        cr_assert_geq((uintptr_t)block, (uintptr_t)room);
        cr_assert_lt((uintptr_t)block, (uintptr_t)initial);
        cr_assert_eq(*word++, 0);
        cr_assert_str_eq((char *)*word++, "HOME=/");
        cr_assert_str_eq((char *)*word++, "A=B");
        cr_assert_eq(*word++, 0);
        cr_assert_eq(auxiliary_value(word, AT_PHDR), 0x40);
        cr_assert_eq(auxiliary_value(word, AT_PHENT), 56);
        cr_assert_eq(auxiliary_value(word, AT_PHNUM), 9);
        cr_assert_eq(auxiliary_value(word, AT_ENTRY), 0x1000);
        cr_assert_eq(auxiliary_value(word, AT_BASE), 0x7000);
        cr_assert_eq(auxiliary_value(word, AT_PAGESZ), AT_PAGESZ * 1000);
        cr_assert_eq(auxiliary_value(word, AT_RANDOM), 0x1234);
        execfn = (const char *)auxiliary_value(word, AT_EXECFN);
        cr_assert_str_eq(execfn, "/bin/program");
        cr_assert_gt((uintptr_t)execfn, (uintptr_t)word);
        cr_assert_lt((uintptr_t)execfn + strlen(execfn), (uintptr_t)(initial + 1 + old_argc + 4 + 22));
}

Test(stack, plain)
{
        uint64_t *initial = make_initial(3);
        uint64_t *block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);

        cr_assert_eq(block[0], 3);
        cr_assert_str_eq((char *)block[1], "zero");
        cr_assert_str_eq((char *)block[2], "one");
        cr_assert_str_eq((char *)block[3], "two");
        check_rest(block, initial, 3);
}

Test(stack, script_without_argument)
{
        uint64_t *initial = make_initial(3), *block;

        hello.script_arguments = 1;
        strcpy(hello.script_interpreter, "/bin/sh");
        block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);
        cr_assert_eq(block[0], 4);
        cr_assert_str_eq((char *)block[1], "/bin/sh");
        cr_assert_str_eq((char *)block[2], "/bin/program");
        cr_assert_str_eq((char *)block[3], "one");
        cr_assert_str_eq((char *)block[4], "two");
        check_rest(block, initial, 3);
}

Test(stack, script_with_argument)
{
        uint64_t *initial = make_initial(2), *block;

        hello.script_arguments = 2;
        strcpy(hello.script_interpreter, "/bin/sh");
        strcpy(hello.script_argument, "-e -u");
        block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);
        cr_assert_eq(block[0], 4);
        cr_assert_str_eq((char *)block[1], "/bin/sh");
        cr_assert_str_eq((char *)block[2], "-e -u");
        cr_assert_str_eq((char *)block[3], "/bin/program");
        cr_assert_str_eq((char *)block[4], "one");
        check_rest(block, initial, 2);
}

Test(stack, scripts_of_scripts)
{
        static const char words[] = "-x\0/inner\0"; /* "-x", "/inner", "" */
        uint64_t *initial = make_initial(1), *block;

        hello.script_arguments = 4;
        strcpy(hello.script_interpreter, "/bin/sh");
        memcpy(hello.script_argument, words, sizeof words);
        block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);
        cr_assert_eq(block[0], 5);
        cr_assert_str_eq((char *)block[1], "/bin/sh");
        cr_assert_str_eq((char *)block[2], "-x");
        cr_assert_str_eq((char *)block[3], "/inner");
        cr_assert_str_eq((char *)block[4], "");
        cr_assert_str_eq((char *)block[5], "/bin/program");
        check_rest(block, initial, 1);
}

/* One long word fills the buffer: the others are not there, and nothing behind it is read. */
Test(stack, fewer_words_than_promised)
{
        uint64_t *initial = make_initial(1), *block;

        hello.script_arguments = AG_SCRIPT_ARGUMENTS_MAX;
        memset(hello.script_argument, 'z', sizeof hello.script_argument);
        block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);
        cr_assert_eq(block[0], AG_SCRIPT_ARGUMENTS_MAX + 1);
        cr_assert_eq(block[AG_SCRIPT_ARGUMENTS_MAX], block[2]);
        check_rest(block, initial, 1);
}

Test(stack, no_arguments_at_all)
{
        for (unsigned script = 0; script <= 2; script++) {
                uint64_t *initial = make_initial(0), *block;

                hello.script_arguments = script;
                block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);
                cr_assert_eq(block[0], script ? script + 1 : 0);
                check_rest(block, initial, 0);
        }
}

Test(stack, longest_strings_stay_in_the_reserve)
{
        uint64_t *initial = make_initial(3), *block;

        hello.script_arguments = 2;
        memset(hello.execfn, 'x', sizeof hello.execfn); /* not terminated: cut */
        memset(hello.script_interpreter, 'y', sizeof hello.script_interpreter);
        memset(hello.script_argument, 'z', sizeof hello.script_argument);
        block = (uint64_t *)ag_stack_build(initial, &hello, &auxiliary);
        cr_assert_geq((uintptr_t)block, (uintptr_t)room);
        cr_assert_eq(strlen((char *)block[1]), FL_SHEBANG_MAX - 1);
        cr_assert_eq(strlen((char *)block[2]), FL_SHEBANG_MAX - 1);
        cr_assert_eq(strlen((char *)block[3]), FL_PATH_MAX - 1);
}
