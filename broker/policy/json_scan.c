/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of RFC 8259, with comments where it allows blanks. Recursive; policy.h bounds the depth. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/policy/json_text.h"
#include "broker/policy/policy.h"

struct scan {
        struct json_text *json;
        size_t at;
        unsigned depth;
        struct err *err;
};

static int scan_value(struct scan *scan, uint32_t node);

static char current(const struct scan *scan)
{
        return scan->json->text[scan->at];
}

/* What a person sees at this place. */
static const char *found(const struct scan *scan, char *out, size_t size)
{
        const char *text = scan->json->text + scan->at;
        char escaped[32];
        size_t length = 1;

        if (scan->at >= scan->json->length)
                return "the end of the file";
        while (((unsigned char)text[length] & 0xc0) == 0x80)
                length++;
        if (*text == '"' || *text == '\'')
                snprintf(out, size, "%c", *text);
        else
                snprintf(out, size, "\"%s\"", escape_text(text, length, escaped, sizeof escaped));
        return out;
}

static int expected(const struct scan *scan, const char *what)
{
        char seen[48];

        return json_text_error(scan->json, scan->at, scan->err, "%s; expected %s",
                               found(scan, seen, sizeof seen), what);
}

static int scan_comment(struct scan *scan)
{
        char *text = scan->json->text;
        size_t start = scan->at, end;

        if (text[start + 1] == '/') {
                for (end = start; end < scan->json->length && text[end] != '\n'; end++)
                        ;
        } else if (text[start + 1] == '*') {
                const char *close = strstr(text + start + 2, "*/");

                if (!close)
                        return json_text_error(scan->json, start, scan->err,
                                               "a comment without end; expected \"*/\"");
                end = (size_t)(close - text) + 2;
        } else {
                return expected(scan, "a value, \"//\" or \"/*\"");
        }
        for (size_t i = start; i < end; i++)
                if (text[i] != '\n')
                        text[i] = ' ';
        scan->at = end;
        return 0;
}

static int scan_blanks(struct scan *scan)
{
        for (;;) {
                char c = current(scan);

                if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
                        scan->at++;
                } else if (c == '/') {
                        int r = scan_comment(scan);

                        if (r < 0)
                                return r;
                } else {
                        return 0;
                }
        }
}

static int node_add(struct scan *scan, uint32_t parent, uint32_t *previous, uint32_t *ret_node)
{
        struct json_text *json = scan->json;
        uint32_t node = (uint32_t)json->node_count;

        if (json->node_count >= JSON_NODES_MAX)
                return json_text_error(json, scan->at, scan->err, "more than %u values; expected fewer",
                                       JSON_NODES_MAX);
        if (json->node_count == json->node_room) {
                size_t room = json->node_room ? json->node_room * 2 : 256;
                struct json_node *larger = reallocarray(json->nodes, room, sizeof *larger);

                if (!larger)
                        return err_set(scan->err, ENOMEM, "%s: out of memory", json->name);
                json->nodes = larger;
                json->node_room = room;
        }
        json->nodes[node] = (struct json_node){.offset = (uint32_t)scan->at,
                                               .parent = parent,
                                               .first_child = JSON_NO_NODE,
                                               .next = JSON_NO_NODE};
        if (*previous != JSON_NO_NODE)
                json->nodes[*previous].next = node;
        else if (parent != JSON_NO_NODE)
                json->nodes[parent].first_child = node;
        json->node_count++;
        *previous = node;
        *ret_node = node;
        return 0;
}

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The four digits after \u, or -1. */
static long hex_value(const char *text)
{
        char digits[5] = {0};

        for (unsigned i = 0; i < 4; i++) {
                if (!is_hex(text[i]))
                        return -1;
                digits[i] = text[i];
        }
        return strtol(digits, NULL, 16);
}

static int scan_unicode(struct scan *scan)
{
        const char *text = scan->json->text + scan->at;
        long value = hex_value(text + 2), low;

        if (value < 0)
                return json_text_error(scan->json, scan->at, scan->err,
                                       "\"\\u\"; expected four hexadecimal digits after it");
        if (value == 0)
                return json_text_error(scan->json, scan->at, scan->err,
                                       "\"\\u0000\"; expected text without NUL");
        scan->at += 6;
        if (value < 0xd800 || value > 0xdfff)
                return 0;
        low = text[6] == '\\' && text[7] == 'u' ? hex_value(text + 8) : -1;
        if (value > 0xdbff || low < 0xdc00 || low > 0xdfff) {
                scan->at -= 6;
                return json_text_error(scan->json, scan->at, scan->err,
                                       "half of a surrogate pair; expected both, or the character itself");
        }
        scan->at += 6;
        return 0;
}

static int scan_string(struct scan *scan)
{
        size_t start = scan->at++;

        for (;;) {
                unsigned char c = (unsigned char)current(scan);
                int r;

                if (scan->at >= scan->json->length || c == '\n')
                        return json_text_error(scan->json, start, scan->err,
                                               "a string without end; expected '\"' on the same line");
                if (c < 0x20)
                        return expected(scan, "no control characters in a string");
                if (c == '"') {
                        scan->at++;
                        return 0;
                }
                if (c != '\\') {
                        scan->at++;
                        continue;
                }
                c = (unsigned char)scan->json->text[scan->at + 1];
                if (c == 'u') {
                        r = scan_unicode(scan);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (!c || !strchr("\"\\/bfnrt", c))
                        return json_text_error(scan->json, scan->at, scan->err,
                                               "\"\\\" in a string; expected one of \\\" \\\\ \\/ \\b \\f "
                                               "\\n \\r \\t \\uXXXX");
                scan->at += 2;
        }
}

static size_t digits(const char *text)
{
        return strspn(text, "0123456789");
}

static int scan_number(struct scan *scan)
{
        const char *text = scan->json->text + scan->at, *p = text + (*text == '-');
        size_t whole = digits(p);

        if (!whole || (whole > 1 && *p == '0'))
                return expected(scan, "a number as JSON writes it");
        p += whole;
        if (*p == '.') {
                if (!digits(p + 1))
                        return expected(scan, "a number as JSON writes it");
                p += 1 + digits(p + 1);
        }
        if (*p == 'e' || *p == 'E') {
                p += 1 + (p[1] == '+' || p[1] == '-');
                if (!digits(p))
                        return expected(scan, "a number as JSON writes it");
                p += digits(p);
        }
        scan->at += (size_t)(p - text);
        return 0;
}

static int scan_word(struct scan *scan)
{
        static const char *const words[] = {"true", "false", "null"};

        for (unsigned i = 0; i < 3; i++) {
                size_t length = strlen(words[i]);

                if (!strncmp(scan->json->text + scan->at, words[i], length)) {
                        scan->at += length;
                        return 0;
                }
        }
        return expected(scan, "a value");
}

static uint32_t key_hash(const struct json_text *json, const struct json_node *node)
{
        uint32_t hash = 2166136261u ^ node->parent * 2654435761u;

        for (uint32_t i = 0; i < node->key_length; i++)
                hash = (hash ^ (unsigned char)json->text[node->key_offset + 1 + i]) * 16777619u;
        return hash ^ hash >> 15;
}

/* Where node's key is in the table, or would be. */
static uint32_t *key_place(const struct json_text *json, const struct json_node *node)
{
        for (size_t i = key_hash(json, node) & (json->key_room - 1);; i = (i + 1) & (json->key_room - 1)) {
                const struct json_node *other = &json->nodes[json->keys[i]];

                if (json->keys[i] == 0 ||
                    (other->parent == node->parent && other->key_length == node->key_length &&
                     !memcmp(json->text + other->key_offset, json->text + node->key_offset,
                             node->key_length + 1)))
                        return &json->keys[i];
        }
}

static int keys_grow(struct json_text *json)
{
        size_t old_room = json->key_room;
        uint32_t *old = json->keys;

        if (json->key_count * 2 < json->key_room)
                return 0;
        json->keys = calloc(old_room ? old_room * 2 : 256, sizeof *json->keys);
        if (!json->keys) {
                json->keys = old;
                return -ENOMEM;
        }
        json->key_room = old_room ? old_room * 2 : 256;
        for (size_t i = 0; i < old_room; i++)
                if (old[i])
                        *key_place(json, &json->nodes[old[i]]) = old[i];
        free(old);
        return 0;
}

/* node is never 0, the root: 0 marks a free place. */
static int key_remember(struct scan *scan, uint32_t node)
{
        struct json_text *json = scan->json;
        unsigned line, column;
        uint32_t *place;

        if (keys_grow(json) < 0)
                return err_set(scan->err, ENOMEM, "%s: out of memory", json->name);
        place = key_place(json, &json->nodes[node]);
        if (*place) {
                char key[64];

                json_text_position(json, json->nodes[*place].key_offset, &line, &column);
                return json_text_error(
                        json, json->nodes[node].key_offset, scan->err,
                        "the key \"%s\" again; expected each key once (it is also at line %u, column %u)",
                        escape_text(json->text + json->nodes[node].key_offset + 1,
                                    json->nodes[node].key_length, key, sizeof key),
                        line, column);
        }
        *place = node;
        json->key_count++;
        return 0;
}

/* "key": — the node is placed at the value afterwards. */
static int scan_key(struct scan *scan, uint32_t node)
{
        struct json_text *json = scan->json;
        size_t start = scan->at;
        int r;

        if (current(scan) != '"')
                return expected(scan, "a key in double quotes");
        r = scan_string(scan);
        if (r < 0)
                return r;
        json->nodes[node].key_offset = (uint32_t)start;
        json->nodes[node].key_length = (uint32_t)(scan->at - start - 2);
        /* So that equal keys have equal bytes. */
        if (memchr(json->text + start, '\\', scan->at - start))
                return json_text_error(json, start, scan->err,
                                       "a key with \"\\\"; expected keys without escapes");
        r = key_remember(scan, node);
        if (r == 0)
                r = scan_blanks(scan);
        if (r < 0)
                return r;
        if (current(scan) != ':')
                return expected(scan, "\":\" after the key");
        scan->at++;
        r = scan_blanks(scan);
        json->nodes[node].offset = (uint32_t)scan->at;
        return r;
}

/* The members of an object or the elements of an array, up to close. */
static int scan_children(struct scan *scan, uint32_t parent, char close)
{
        uint32_t previous = JSON_NO_NODE, node;
        bool comma = false;

        scan->at++;
        for (;;) {
                int r = scan_blanks(scan);

                if (r < 0)
                        return r;
                if (!comma && current(scan) == close) {
                        scan->at++;
                        return 0;
                }
                r = node_add(scan, parent, &previous, &node);
                if (r == 0 && close == '}')
                        r = scan_key(scan, node);
                if (r == 0)
                        r = scan_value(scan, node);
                if (r == 0)
                        r = scan_blanks(scan);
                if (r < 0)
                        return r;
                comma = current(scan) == ',';
                if (!comma && current(scan) != close)
                        return expected(scan, close == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
                scan->at += comma;
        }
}

static int scan_value(struct scan *scan, uint32_t node)
{
        char c = current(scan);
        int r;

        if (c == '{' || c == '[') {
                if (++scan->depth > POLICY_DEPTH_MAX)
                        return json_text_error(scan->json, scan->at, scan->err,
                                               "nesting deeper than %d; expected less", POLICY_DEPTH_MAX);
                r = scan_children(scan, node, c == '{' ? '}' : ']');
                scan->depth--;
                return r;
        }
        if (c == '"')
                return scan_string(scan);
        if (c == '-' || (c >= '0' && c <= '9'))
                return scan_number(scan);
        return scan_word(scan);
}

int json_scan(struct json_text *json, struct err *err)
{
        struct scan scan = {.json = json, .err = err};
        uint32_t previous = JSON_NO_NODE, root;
        int r = scan_blanks(&scan);

        if (r < 0)
                return r;
        if (current(&scan) != '{')
                return expected(&scan, "\"{\", the beginning of a policy");
        r = node_add(&scan, JSON_NO_NODE, &previous, &root);
        if (r == 0)
                r = scan_value(&scan, root);
        if (r == 0)
                r = scan_blanks(&scan);
        if (r == 0 && scan.at < json->length)
                return expected(&scan, "the end of the file");
        return r;
}
