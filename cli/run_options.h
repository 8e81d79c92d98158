/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of flicker-run. It comes from the user, who may be wrong about it in every way. */
#ifndef FLICKER_CLI_RUN_OPTIONS_H
#define FLICKER_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/err.h"
#include "broker/policy/policy.h"

enum run_action { RUN_PROGRAM, RUN_HELP, RUN_VERSION };

struct run_options {
        enum run_action action;
        const char *policy;                /* FILE or NAME; NULL: the shipped default */
        struct policy_variable *variables; /* allocated; names are allocated too */
        size_t variable_count;
        struct policy_extra_rule *extra; /* allocated */
        size_t extra_count;
        bool no_agent, mediate_all, warn, quiet, verbose;
        const char *audit;  /* FILE, "-" for standard error, NULL for none */
        int64_t timeout_ms; /* 0: none */
        char **program;     /* NULL-terminated: PROGRAM [ARG...] */
};

/* Reads argv, which has to outlive *ret_options. 0, or -EINVAL with *err; -ENOMEM. */
int run_options_parse(int argc, char **argv, struct run_options *ret_options, struct err *err);
void run_options_finish(struct run_options *options);

/* "500ms", "60s", "10m", "2h", or a plain number of seconds, which may have a fraction. 0 or -EINVAL. */
int run_options_time(const char *text, int64_t *ret_ms);

/* The text of --help. */
extern const char run_help[];

#endif
