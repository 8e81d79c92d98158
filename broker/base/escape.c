/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/base/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "...";

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
        if ((need == 2 && point < 0xa0) || (need == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) ||
            (need == 4 && (point < 0x10000 || point > 0x10ffff)))
                return 0;
        /* Bidirectional and line-separating controls reorder what a person reads. */
        if ((point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
            (point >= 0x2066 && point <= 0x2069) || point == 0xfeff)
                return 0;
        return need;
}

static char *escape(const char *text, size_t length, char *out, size_t size, bool json)
{
        const unsigned char *in = (const unsigned char *)text;
        size_t used = 0;

        for (size_t i = 0; i < length;) {
                char piece[8];
                size_t taken = printable_sequence(in + i, length - i), n;

                if (taken && (in[i] == '\\' || (json && in[i] == '"')))
                        n = (size_t)snprintf(piece, sizeof piece, "\\%c", in[i]);
                else if (taken)
                        n = taken, memcpy(piece, in + i, taken);
                else
                        n = (size_t)snprintf(piece, sizeof piece, json ? "\\u00%02x" : "\\x%02x", in[i]);

                if (used + n + sizeof ellipsis > size && i + (taken ? taken : 1) < length) {
                        memcpy(out + used, ellipsis, sizeof ellipsis);
                        return out;
                }
                if (used + n + 1 > size) {
                        out[used] = 0;
                        out[size - 1] = '\0';
                        return out;
                }
                memcpy(out + used, piece, n);
                used += n;
                i += taken ? taken : 1;
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
