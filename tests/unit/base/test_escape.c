/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/escape.h"

#include <criterion/criterion.h>
#include <string.h>

#define TEXT(literal) (literal), sizeof(literal) - 1

static void check_text(const char *in, size_t length, const char *expected)
{
        char out[256];

        cr_assert_str_eq(escape_text(in, length, out, sizeof out), expected);
}

Test(escape, leaves_printable_text)
{
        check_text(TEXT("/etc/shadow"), "/etc/shadow");
        check_text(TEXT("/home/j\xc3\xb6rg/\xe2\x82\xac \xf0\x9f\x98\x80"),
                   "/home/j\xc3\xb6rg/\xe2\x82\xac \xf0\x9f\x98\x80");
        check_text(TEXT(""), "");
}

Test(escape, neutralises_what_a_terminal_obeys)
{
        check_text(TEXT("a\nflicker: denied"), "a\\x0aflicker: denied");
        check_text(TEXT("\x1b[2J\x07"), "\\x1b[2J\\x07");
        check_text(TEXT("\x7f\x00z"), "\\x7f\\x00z");
        check_text(TEXT("\xc2\x9b"
                        "31m"),
                   "\\xc2\\x9b31m"); /* C1 control sequence introducer */
        check_text(TEXT("\xe2\x80\xae"
                        "cod.exe"),
                   "\\xe2\\x80\\xaecod.exe"); /* right-to-left override */
        check_text(TEXT("back\\slash"), "back\\\\slash");
}

Test(escape, neutralises_what_does_not_show)
{
        check_text(TEXT("a\xd8\x9c"
                        "b"),
                   "a\\xd8\\x9cb");                                     /* Arabic letter mark */
        check_text(TEXT("a\xc2\xad"), "a\\xc2\\xad");                   /* soft hyphen */
        check_text(TEXT("a\xe2\x81\xa0"), "a\\xe2\\x81\\xa0");          /* word joiner */
        check_text(TEXT("a\xf3\xa0\x81\x81"), "a\\xf3\\xa0\\x81\\x81"); /* tag */
        check_text(TEXT("a\xef\xb8\x8f"), "a\\xef\\xb8\\x8f");          /* variation selector */
        check_text(TEXT("a\xe2\x80\xa8z\xe2\x81\xa9"),
                   "a\\xe2\\x80\\xa8z\\xe2\\x81\\xa9"); /* separator, isolate */
}

Test(escape, refuses_what_is_not_utf8)
{
        check_text(TEXT("\xff\xfe"), "\\xff\\xfe");
        check_text(TEXT("\xc0\xaf"), "\\xc0\\xaf");          /* overlong */
        check_text(TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
        check_text(TEXT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
        check_text(TEXT("\xe2\x82"), "\\xe2\\x82"); /* cut short */
}

Test(escape, cuts_and_says_so)
{
        char out[12];

        cr_assert_str_eq(escape_text(TEXT("/a/very/long/path"), out, sizeof out), "/a/very/...");
        cr_assert_str_eq(escape_text(TEXT("12345678901"), out, sizeof out), "12345678901");
        for (size_t size = 4; size < 32; size++) {
                char small[32];

                memset(small, 'x', sizeof small);
                escape_text(TEXT("\n\n\n\n\n\n\n\n"), small, size);
                cr_assert_lt(strnlen(small, sizeof small), size);
        }
}

Test(escape, json)
{
        char out[256];

        cr_assert_str_eq(escape_json(TEXT("say \"hi\"\\\n\xff"), out, sizeof out),
                         "say \\\"hi\\\"\\\\\\u000a\\u00ff");
}
