/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a policy: all files of an extends tree are read and checked first, then variables are settled, then
 * the rules are compiled, nearest file first. The parts of the loader share this; nobody else includes it but
 * the fuzzer, for policy_load_text().
 */
#ifndef FLICKER_POLICY_LOADER_H
#define FLICKER_POLICY_LOADER_H

#include <json-c/json.h>
#include <sys/types.h>

#include "broker/policy/compiled.h"
#include "broker/policy/json_text.h"
#include "broker/policy/resolver.h"

#define VARIABLES_MAX       1024
#define VARIABLES_DEPTH_MAX 32 /* of references among them */

/* One file; or, without text, the command line. */
struct source {
        const char *name;      /* as a person would name it */
        const char *directory; /* absolute; for $POLICY_DIR and relative references */
        dev_t device;
        ino_t inode;
        struct json_text text;
        json_object *root;
        bool visited;
        bool visiting; /* on the way down its extends */
};

/* A place in a policy: a JSON value and where it stands. The command line has no JSON. */
struct value {
        const struct source *source;
        json_object *json;
        uint32_t node;
};

enum variable_state { VARIABLE_NEW, VARIABLE_EXPANDING, VARIABLE_DONE };

struct variable {
        const char *name;
        struct value value; /* where it is declared */
        const char *text;   /* as written there or on the command line */
        const char *expanded;
        enum variable_state state;
        bool uses_tmpdir;
};

/* Which keys are read: the files are walked three times. */
enum phase { PHASE_RULES, PHASE_EXTENDS, PHASE_VARIABLES };

struct loader {
        const struct policy_options *options;
        struct policy *policy;
        struct err *err;
        enum phase phase;
        bool offline; /* no file is looked at: extends is an error, links are not followed */
        struct resolver resolver;
        struct source *sources[POLICY_EXTENDS_MAX];
        size_t source_count;
        struct source *order[POLICY_EXTENDS_MAX]; /* extended before extending */
        size_t order_count;
        struct source command_line;
        struct variable *variables; /* the nearest declaration of each; at most VARIABLES_MAX */
        size_t variable_count, variable_room;
        unsigned variable_depth;
        bool mediate_set, on_deny_set, audit_set, audit_limit_set, ptrace_set, ipc_set;
};

/* A key of an object, and what reads it. */
struct key {
        const char *name;
        int (*read)(struct loader *loader, struct value value, int argument);
        int argument;
        enum phase phase;
        bool unsupported; /* of the language, but not of this version */
};

/* "FILE:LINE:COLUMN: ..." at the value, -EINVAL. */
int value_error(struct loader *loader, struct value value, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* What was found there, for messages: "a number", ... */
const char *value_found(struct value value, char *out, size_t size);
/* A string without NUL, or an error that says what was expected. */
int value_string(struct loader *loader, struct value value, const char *what, const char **ret_text);
int value_unsigned(struct loader *loader, struct value value, const char *what, uint64_t *ret_number);
/* "512K", "64M", "2G". */
int value_size(struct loader *loader, struct value value, uint64_t *ret_bytes);
int object_check(struct loader *loader, struct value value, const char *what);
/* Calls each for every member, in order; key is as written. */
int object_each(struct loader *loader, struct value value, const char *what,
                int (*each)(struct loader *, const char *key, struct value, void *), void *context);
/* Reads an object whose keys are known. Those of another phase are skipped. */
int object_read(struct loader *loader, struct value value, const char *what, const struct key *keys,
                size_t count);
int array_each(struct loader *loader, struct value value, const char *what,
               int (*each)(struct loader *, struct value, unsigned index, int argument), int argument);
/* One of names; the number of the one found. */
int value_choice(struct loader *loader, struct value value, const char *const *names, size_t count,
                 size_t *ret_index);
/* "; did you mean "name"?", or "". */
const char *did_you_mean(const char *name, char *out, size_t size);

/* policy_source.c: reads and parses one file. at: the reference, for messages (or none: source NULL). */
int source_read(struct loader *loader, const char *name, struct value at, struct source **ret_source);
int source_parse(struct loader *loader, const char *name, const char *directory, char *text, size_t length,
                 struct source **ret_source);
void source_destroy(struct source *source);

/* policy_extends.c: fills loader->sources and loader->order. */
int extends_load(struct loader *loader, const char *reference);
int extends_visit(struct loader *loader, struct source *source);
int extends_read(struct loader *loader, struct value value, int argument);

/* policy_variables.c */
int variables_read(struct loader *loader, struct value value, int argument);
int variables_override(struct loader *loader);
int variables_expand_all(struct loader *loader);
/* Variables and ~/ replaced. What built-in variables hold is escaped, so that patterns take it literally. */
int variables_expand(struct loader *loader, struct value at, const char *text, const char **ret_text);

/* policy_keys.c */
int keys_read(struct loader *loader, struct source *source); /* those of loader->phase */

/* policy_rules.c: the new rule, its text expanded. It may move with the next one. */
int rule_add(struct loader *loader, struct value at, enum rule_list list, unsigned index, const char *text,
             struct rule **ret_rule);
int rule_read_files(struct loader *loader, struct value value, unsigned index, int list);
int rule_add_file(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                  const char *text);

/* policy_network.c */
int rule_read_network(struct loader *loader, struct value value, unsigned index, int list);
int rule_add_network(struct loader *loader, struct value at, enum rule_list list, unsigned index,
                     const char *text);

/* policy_syscalls.c */
int rule_read_syscall(struct loader *loader, struct value value, unsigned index, int list);
int syscall_default_read(struct loader *loader, struct value value, int argument);
int syscall_rules_index(struct loader *loader);

/* policy_process.c */
int process_read(struct loader *loader, struct value value, int argument);

/* policy_load.c, for fuzzing: one policy from memory (length bytes), no file is touched. */
int policy_load_text(const struct policy_options *options, const char *name, const char *text, size_t length,
                     struct policy **ret_policy, struct err *err);

#endif
