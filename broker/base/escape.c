/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "...";

/* Bidirectional and line-separating controls reorder what a person reads; others do not show at all. */
static bool is_misleading(unsigned point)
{
        static const struct {
                unsigned first, last;
        } ranges[] = {
                {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160}, {0x17b4, 0x17b5},
                {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
                {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
        };

        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
                if (point >= ranges[i].first && point <= ranges[i].last)
                        return true;
        return false;
}

/* Length in bytes of the valid, printable UTF-8 sequence at text, or 0. C1 controls, surrogates and
 * overlong forms are not printable (RFC 3629). */
static size_t printable_sequence(const unsigned char *text, size_t length)
{
        unsigned char c = text[0];
        size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        unsigned point;

        if (c >= 0x20 && c < 0x7f)
                return 1;
        if (c < 0xc2 || c > 0xf4 || need > length)
                return 0;

        point = c & (0xffu >> (need + 1));
        for (size_t i = 1; i < need; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (text[i] & 0x3f);
        }
        if ((need == 2 && point < 0xa0) ||
            (need == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) ||
            (need == 4 && (point < 0x10000 || point > 0x10ffff)))
                return 0;
        return is_misleading(point) ? 0 : need;
}

/* One character, or byte that is none, at text as it is written to piece. Its length there; *ret_taken here.
 */
static size_t escape_one(const unsigned char *text, size_t length, bool json, char piece[8],
                         size_t *ret_taken)
{
        size_t taken = printable_sequence(text, length);

        *ret_taken = taken ? taken : 1;
        if (!taken)
                return (size_t)snprintf(piece, 8, json ? "\\u00%02x" : "\\x%02x", text[0]);
        if (text[0] == '\\' || (json && text[0] == '"'))
                return (size_t)snprintf(piece, 8, "\\%c", text[0]);
        memcpy(piece, text, taken);
        return taken;
}

static char *escape(const char *text, size_t length, char *out, size_t size, bool json)
{
        size_t used = 0, cut = 0; /* cut: the last place where the ellipsis still fits */

        for (size_t i = 0, taken; i < length; i += taken) {
                char piece[8];
                size_t n = escape_one((const unsigned char *)text + i, length - i, json, piece, &taken);

                if (used + n >= size) {
                        memcpy(out + cut, ellipsis, sizeof ellipsis);
                        return out;
                }
                memcpy(out + used, piece, n);
                used += n;
                if (used + sizeof ellipsis <= size)
                        cut = used;
        }
        out[used] = '\0';
        return out;
}

char *escape_text(const char *text, size_t length, char *out, size_t size)
{
        return escape(text, length, out, size, false);
}

char *escape_json(const char *text, size_t length, char *out, size_t size)
{
        return escape(text, length, out, size, true);
}
