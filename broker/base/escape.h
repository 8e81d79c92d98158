/* SPDX-License-Identifier: Apache-2.0 */
/* Strings that a target controls, made harmless for a terminal, a log line and a JSON string. */
#ifndef FLICKER_BASE_ESCAPE_H
#define FLICKER_BASE_ESCAPE_H

#include <stddef.h>

/* Copies text (length bytes, any content) to out as printable UTF-8: control characters, invalid UTF-8
 * and backslashes become \xNN or \\; what does not fit size bytes (NUL included) is cut and ends in
 * "...". Returns out. size is at least 4. */
char *escape_text(const char *text, size_t length, char *out, size_t size);

/* The same for the inside of a JSON string (RFC 8259): quotes and backslashes escaped, control characters
 * and bytes that are not valid UTF-8 as \u00NN. */
char *escape_json(const char *text, size_t length, char *out, size_t size);

#endif
