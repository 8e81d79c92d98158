/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON values strictly: what is not expected is an error with its place. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/escape.h"
#include "broker/base/nearest.h"
#include "broker/policy/loader.h"

#define SIZE_DIGITS_MAX 9 /* of a number with a unit: far from overflowing */

int value_error(struct loader *loader, struct value value, const char *format, ...)
{
        char message[ERR_MESSAGE_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        if (!value.source || !value.source->text.text)
                return err_set(loader->err, EINVAL, "%s: %s", value.source ? value.source->name : "policy",
                               message);
        return json_text_error(&value.source->text, value.source->text.nodes[value.node].offset, loader->err,
                               "%s", message);
}

static int key_error(struct loader *loader, struct value value, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static int key_error(struct loader *loader, struct value value, const char *format, ...)
{
        char message[ERR_MESSAGE_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(message, sizeof message, format, args);
        va_end(args);
        return json_text_error(&value.source->text, value.source->text.nodes[value.node].key_offset,
                               loader->err, "%s", message);
}

const char *value_found(struct value value, char *out, size_t size)
{
        char text[80];

        switch (json_object_get_type(value.json)) {
        case json_type_null:
                return "null";
        case json_type_boolean:
                return json_object_get_boolean(value.json) ? "true" : "false";
        case json_type_double:
        case json_type_int:
                snprintf(out, size, "the number %s", json_object_to_json_string(value.json));
                return out;
        case json_type_object:
                return "an object";
        case json_type_array:
                return "a list";
        case json_type_string:
                snprintf(out, size, "\"%s\"",
                         escape_text(json_object_get_string(value.json),
                                     (size_t)json_object_get_string_len(value.json), text, sizeof text));
                return out;
        }
        return "something else";
}

int value_string(struct loader *loader, struct value value, const char *what, const char **ret_text)
{
        char seen[128];

        if (!json_object_is_type(value.json, json_type_string))
                return value_error(loader, value, "%s; expected %s", value_found(value, seen, sizeof seen),
                                   what);
        *ret_text = json_object_get_string(value.json);
        return 0;
}

int value_unsigned(struct loader *loader, struct value value, const char *what, uint64_t *ret_number)
{
        char seen[128];

        /* json-c keeps numbers beyond 64 bits at the nearest end, so the ends do not count. */
        if (!json_object_is_type(value.json, json_type_int) ||
            json_object_get_int64(value.json) == INT64_MIN ||
            json_object_get_uint64(value.json) == UINT64_MAX)
                return value_error(loader, value, "%s; expected %s", value_found(value, seen, sizeof seen),
                                   what);
        if (json_object_get_int64(value.json) < 0)
                *ret_number = (uint64_t)json_object_get_int64(value.json);
        else
                *ret_number = json_object_get_uint64(value.json);
        return 0;
}

/* The factor that a size's last letter stands for; 0 where it is none. */
static uint64_t size_unit(char letter)
{
        switch (letter) {
        case 'K':
                return 1u << 10;
        case 'M':
                return 1u << 20;
        case 'G':
                return 1u << 30;
        default:
                return 0;
        }
}

int value_size(struct loader *loader, struct value value, uint64_t *ret_bytes)
{
        static const char what[] = "a size such as \"512K\", \"64M\" or \"2G\"";
        uint64_t unit, number = 0;
        const char *text;
        char seen[128];
        size_t digits;
        int r = value_string(loader, value, what, &text);

        if (r < 0)
                return r;
        digits = strspn(text, "0123456789");
        unit = size_unit(text[digits]);
        if (digits == 0 || digits > SIZE_DIGITS_MAX || !unit || text[digits + 1])
                return value_error(loader, value, "%s; expected %s", value_found(value, seen, sizeof seen),
                                   what);
        for (size_t i = 0; i < digits; i++)
                number = number * 10 + (uint64_t)(text[i] - '0');
        *ret_bytes = number * unit;
        return 0;
}

int object_check(struct loader *loader, struct value value, const char *what)
{
        char seen[128];

        if (json_object_is_type(value.json, json_type_object))
                return 0;
        return value_error(loader, value, "%s; expected %s", value_found(value, seen, sizeof seen), what);
}

int object_each(struct loader *loader, struct value value, const char *what,
                int (*each)(struct loader *, const char *key, struct value, void *), void *context)
{
        struct value member = {.source = value.source};
        int r = object_check(loader, value, what);

        if (r < 0)
                return r;
        member.node = value.source->text.nodes[value.node].first_child;
        /* Both keep the order of the text, and no key comes twice. */
        json_object_object_foreach(value.json, key, json)
        {
                member.json = json;
                r = each(loader, key, member, context);
                if (r < 0)
                        return r;
                member.node = value.source->text.nodes[member.node].next;
        }
        return 0;
}

const char *did_you_mean(const char *name, char *out, size_t size)
{
        if (!name)
                return "";
        snprintf(out, size, "; did you mean \"%s\"?", name);
        return out;
}

struct key_table {
        const struct key *keys;
        size_t count;
};

static int unknown_key(struct loader *loader, const char *key, struct value value,
                       const struct key_table *table)
{
        char seen[80], expected[512] = "", meant[64];
        struct nearest nearest;
        size_t used = 0;

        nearest_init(&nearest, key);
        for (size_t i = 0; i < table->count; i++) {
                nearest_consider(&nearest, table->keys[i].name);
                if (!table->keys[i].unsupported && used < sizeof expected)
                        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s",
                                                 used ? ", " : "", table->keys[i].name);
        }
        return key_error(loader, value, "the unknown key \"%s\"; expected one of %s%s",
                         escape_text(key, strlen(key), seen, sizeof seen), expected,
                         did_you_mean(nearest.name, meant, sizeof meant));
}

static int read_key(struct loader *loader, const char *key, struct value value, void *context)
{
        const struct key_table *table = context;

        for (size_t i = 0; i < table->count; i++) {
                const struct key *known = &table->keys[i];

                if (strcmp(known->name, key) != 0)
                        continue;
                if (known->unsupported)
                        return key_error(
                                loader, value,
                                "the key \"%s\", which this version of flicker does not support yet; "
                                "expected a policy without it",
                                key);
                return known->read && known->phase == loader->phase
                               ? known->read(loader, value, known->argument)
                               : 0;
        }
        return unknown_key(loader, key, value, table);
}

int object_read(struct loader *loader, struct value value, const char *what, const struct key *keys,
                size_t count)
{
        struct key_table table = {.keys = keys, .count = count};

        return object_each(loader, value, what, read_key, &table);
}

int array_each(struct loader *loader, struct value value, const char *what,
               int (*each)(struct loader *, struct value, unsigned index, int argument), int argument)
{
        struct value element = {.source = value.source};
        char seen[128];
        size_t count;

        if (!json_object_is_type(value.json, json_type_array))
                return value_error(loader, value, "%s; expected %s", value_found(value, seen, sizeof seen),
                                   what);
        count = json_object_array_length(value.json);
        element.node = value.source->text.nodes[value.node].first_child;
        for (size_t i = 0; i < count; i++) {
                int r;

                element.json = json_object_array_get_idx(value.json, i);
                r = each(loader, element, (unsigned)i, argument);
                if (r < 0)
                        return r;
                element.node = value.source->text.nodes[element.node].next;
        }
        return 0;
}

int value_choice(struct loader *loader, struct value value, const char *const *names, size_t count,
                 size_t *ret_index)
{
        char expected[256] = "", meant[64], seen[128];
        const char *text;
        size_t used = 0;
        int r;

        for (size_t i = 0; i < count && used < sizeof expected; i++)
                used += (size_t)snprintf(expected + used, sizeof expected - used, "%s\"%s\"",
                                         used ? " or " : "", names[i]);
        r = value_string(loader, value, expected, &text);
        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++)
                if (!strcmp(names[i], text)) {
                        *ret_index = i;
                        return 0;
                }
        return value_error(loader, value, "%s; expected %s%s", value_found(value, seen, sizeof seen),
                           expected, did_you_mean(nearest_of(text, names, count), meant, sizeof meant));
}
