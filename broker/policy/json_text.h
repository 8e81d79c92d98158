/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of one policy file: JSON (RFC 8259) with comments, checked against the grammar, with the place of
 * every key and value. json-c parses the values afterwards; it knows no places and lets duplicate keys pass.
 *
 * The text may be wrong in every way. Each error says FILE:LINE:COLUMN, what was found and what was expected.
 */
#ifndef FLICKER_POLICY_JSON_TEXT_H
#define FLICKER_POLICY_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/err.h"

#define JSON_NODES_MAX (1u << 18) /* values in one file */
#define JSON_NO_NODE   UINT32_MAX

/* A value. Children are in the order of the text, which is also json-c's. */
struct json_node {
        uint32_t offset;     /* of its first byte */
        uint32_t key_offset; /* of the quote that opens its key; members of objects only */
        uint32_t key_length; /* without quotes */
        uint32_t parent, first_child, next;
};

struct json_text {
        const char *name; /* for messages */
        char *text;       /* comments become blanks */
        size_t length;
        struct json_node *nodes; /* [0] is the root */
        size_t node_count, node_room;
        uint32_t *keys; /* hash table of members, for duplicates */
        size_t key_count, key_room;
        uint32_t *lines; /* offsets at which lines begin */
        size_t line_count, line_room;
};

/* Takes over text (malloc'd, length bytes and a NUL after them), also on failure. name must outlive it. */
int json_text_init(struct json_text *json, const char *name, char *text, size_t length, struct err *err);
void json_text_finish(struct json_text *json);

/* 1-based; the column counts characters. */
void json_text_position(const struct json_text *json, size_t offset, unsigned *ret_line,
                        unsigned *ret_column);

/* Fills err with "NAME:LINE:COLUMN: " and the message; returns -EINVAL. */
int json_text_error(const struct json_text *json, size_t offset, struct err *err, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* In json_scan.c, used by json_text_init(). */
int json_scan(struct json_text *json, struct err *err);

#endif
