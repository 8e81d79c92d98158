/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/policy/json_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int lines_index(struct json_text *json)
{
        size_t count = 1, used = 1;

        for (size_t i = 0; i < json->length; i++)
                count += json->text[i] == '\n';
        json->lines = malloc(count * sizeof *json->lines);
        if (!json->lines)
                return -ENOMEM;
        json->lines[0] = 0;
        for (size_t i = 0; i < json->length; i++)
                if (json->text[i] == '\n')
                        json->lines[used++] = (uint32_t)i + 1;
        json->line_count = count;
        return 0;
}

void json_text_position(const struct json_text *json, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
        size_t low = 0, high = json->line_count;
        unsigned column = 1;

        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (json->lines[middle] <= offset)
                        low = middle;
                else
                        high = middle;
        }
        for (size_t i = json->lines[low]; i < offset; i++)
                column += ((unsigned char)json->text[i] & 0xc0) != 0x80;
        *ret_line = (unsigned)low + 1;
        *ret_column = column;
}

int json_text_error(const struct json_text *json, size_t offset, struct err *err, const char *format, ...)
{
        char message[ERR_MESSAGE_MAX];
        unsigned line, column;
        va_list args;

        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        json_text_position(json, offset, &line, &column);
        return err_set(err, EINVAL, "%s:%u:%u: %s", json->name, line, column, message);
}

/* The length of the UTF-8 sequence at text, or 0 where there is none (RFC 3629; text is NUL-terminated). */
static size_t utf8_sequence(const unsigned char *text)
{
        unsigned char c = text[0];

        if (c >= 0xc2 && c <= 0xdf)
                return (text[1] & 0xc0) == 0x80 ? 2 : 0;
        if (c >= 0xe0 && c <= 0xef) {
                if ((text[1] & 0xc0) != 0x80 || (text[2] & 0xc0) != 0x80 || (c == 0xe0 && text[1] < 0xa0) ||
                    (c == 0xed && text[1] > 0x9f))
                        return 0;
                return 3;
        }
        if (c >= 0xf0 && c <= 0xf4) {
                if ((text[1] & 0xc0) != 0x80 || (text[2] & 0xc0) != 0x80 || (text[3] & 0xc0) != 0x80 ||
                    (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
                        return 0;
                return 4;
        }
        return 0;
}

static int bytes_check(const struct json_text *json, struct err *err)
{
        const unsigned char *text = (const unsigned char *)json->text;

        if (json->length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
                return json_text_error(json, 0, err, "a byte order mark; expected plain UTF-8 without one");
        for (size_t i = 0; i < json->length;) {
                size_t taken = text[i] && text[i] < 0x80 ? 1 : utf8_sequence(text + i);

                if (!text[i])
                        return json_text_error(json, i, err, "a NUL byte; expected text");
                if (!taken)
                        return json_text_error(json, i, err,
                                               "byte 0x%02x, which is not UTF-8; expected UTF-8", text[i]);
                i += taken;
        }
        return 0;
}

int json_text_init(struct json_text *json, const char *name, char *text, size_t length, struct err *err)
{
        int r;

        *json = (struct json_text){.name = name, .text = text, .length = length};
        r = lines_index(json);
        if (r < 0)
                r = err_set(err, ENOMEM, "%s: out of memory", name);
        if (r == 0)
                r = bytes_check(json, err);
        if (r == 0)
                r = json_scan(json, err);
        if (r < 0)
                json_text_finish(json);
        return r;
}

void json_text_finish(struct json_text *json)
{
        free(json->text);
        free(json->nodes);
        free(json->keys);
        free(json->lines);
        *json = (struct json_text){0};
}
