/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/escape.h"
#include "cli/run_message.h"

#define TIMEOUT_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

enum option_value {
        OPTION_POLICY = 'p',
        OPTION_QUIET = 'q',
        OPTION_VERBOSE = 'v',
        OPTION_HELP = 'h',
        OPTION_VERSION = 'V',
        OPTION_VAR = 256,
        OPTION_NO_AGENT,
        OPTION_MEDIATE,
        OPTION_WARN,
        OPTION_AUDIT,
        OPTION_TIMEOUT,
        OPTION_BROKER,
        OPTION_LEARN,
        OPTION_RULE, /* + enum rule_list */
};

static const struct option long_options[] = {
        {"policy", required_argument, NULL, OPTION_POLICY},
        {"var", required_argument, NULL, OPTION_VAR},
        {"no-agent", no_argument, NULL, OPTION_NO_AGENT},
        {"mediate", required_argument, NULL, OPTION_MEDIATE},
        {"warn", no_argument, NULL, OPTION_WARN},
        {"audit", required_argument, NULL, OPTION_AUDIT},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"broker", required_argument, NULL, OPTION_BROKER},
        {"learn", required_argument, NULL, OPTION_LEARN},
        {"quiet", no_argument, NULL, OPTION_QUIET},
        {"verbose", no_argument, NULL, OPTION_VERBOSE},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"read", required_argument, NULL, OPTION_RULE + RULE_FILES_READ},
        {"write", required_argument, NULL, OPTION_RULE + RULE_FILES_WRITE},
        {"exec", required_argument, NULL, OPTION_RULE + RULE_FILES_EXEC},
        {"deny", required_argument, NULL, OPTION_RULE + RULE_FILES_DENY},
        {"hide", required_argument, NULL, OPTION_RULE + RULE_FILES_HIDE},
        {"bind", required_argument, NULL, OPTION_RULE + RULE_NETWORK_BIND},
        {"connect", required_argument, NULL, OPTION_RULE + RULE_NETWORK_CONNECT},
        {NULL, 0, NULL, 0},
};

/* One word of the command line, fit for a message. */
struct word {
        char text[RUN_WORD_MAX];
};

static const char *word(struct word *word, const char *text)
{
        return escape_text(text, strlen(text), word->text, sizeof word->text);
}

int run_options_time(const char *text, int64_t *ret_ms)
{
        static const struct {
                const char *suffix;
                double ms;
        } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
        size_t digits = strspn(text, "0123456789.");
        char *end;
        double value;

        if (digits == 0 || digits > 32)
                return -EINVAL;
        value = strtod(text, &end);
        if (end != text + digits)
                return -EINVAL;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
                if (strcmp(end, units[i].suffix) != 0)
                        continue;
                value *= units[i].ms;
                if (!(value <= (double)TIMEOUT_MAX_MS))
                        return -EINVAL;
                /* A time is never rounded down to "no limit". */
                *ret_ms = value > 0 && value < 1 ? 1 : (int64_t)value;
                return 0;
        }
        return -EINVAL;
}

static int add_variable(struct run_options *options, const char *text, struct err *err)
{
        const char *equals = strchr(text, '=');
        struct policy_variable *variable = &options->variables[options->variable_count];
        struct word shown;

        if (!equals || equals == text)
                return err_set(err, EINVAL, "--var %s: expected NAME=VALUE", word(&shown, text));
        variable->name = strndup(text, (size_t)(equals - text));
        if (!variable->name)
                return err_set(err, ENOMEM, "out of memory");
        variable->value = equals + 1;
        options->variable_count++;
        return 0;
}

static int set_once(const char **text, const char *option, const char *value, struct err *err)
{
        if (*text)
                return err_set(err, EINVAL, "%s is given twice", option);
        if (!*value)
                return err_set(err, EINVAL, "%s: expected a name, got nothing", option);
        *text = value;
        return 0;
}

static int set_mediate(struct run_options *options, const char *value, struct err *err)
{
        struct word shown;

        if (strcmp(value, "all") != 0 && strcmp(value, "auto") != 0)
                return err_set(err, EINVAL, "--mediate %s: expected auto or all", word(&shown, value));
        options->mediate_all = strcmp(value, "all") == 0;
        return 0;
}

static int take_value(struct run_options *options, int option, const char *value, struct err *err)
{
        struct word shown;

        switch (option) {
        case OPTION_POLICY:
                return set_once(&options->policy, "--policy", value, err);
        case OPTION_AUDIT:
                return set_once(&options->audit, "--audit", value, err);
        case OPTION_VAR:
                return add_variable(options, value, err);
        case OPTION_MEDIATE:
                return set_mediate(options, value, err);
        case OPTION_TIMEOUT:
                if (run_options_time(value, &options->timeout_ms) < 0)
                        return err_set(err, EINVAL,
                                       "--timeout %s: expected a time such as 500ms, 60s, 10m or 2h",
                                       word(&shown, value));
                return 0;
        case OPTION_BROKER:
                if (strcmp(value, "embedded") != 0)
                        return err_set(err, EINVAL,
                                       "--broker %s: this version has no daemon, only \"--broker embedded\"",
                                       word(&shown, value));
                return 0;
        case OPTION_LEARN:
                return err_set(err, EINVAL, "--learn is not in this version");
        default:
                options->extra[options->extra_count++] = (struct policy_extra_rule){
                        .list = (enum rule_list)(option - OPTION_RULE), .text = value};
                return 0;
        }
}

static int take_option(struct run_options *options, int option, const char *value, struct err *err)
{
        switch (option) {
        case OPTION_NO_AGENT:
                options->no_agent = true;
                return 0;
        case OPTION_WARN:
                options->warn = true;
                return 0;
        case OPTION_QUIET:
                options->quiet = true;
                return 0;
        case OPTION_VERBOSE:
                options->verbose = true;
                return 0;
        case OPTION_HELP:
        case OPTION_VERSION:
                options->action = option == OPTION_HELP ? RUN_HELP : RUN_VERSION;
                return 0;
        default:
                return take_value(options, option, value, err);
        }
}

/* getopt's ':' and '?', in words. argument is the element of argv that was not understood. */
static int refuse(int option, const char *argument, struct err *err)
{
        struct word shown;

        if (option == ':')
                return err_set(err, EINVAL, "%s needs a value; see flicker-run --help",
                               word(&shown, argument));
        return err_set(err, EINVAL,
                       "%s: unknown or ambiguous option, or one that takes no value; see flicker-run --help",
                       word(&shown, argument));
}

static int parse(int argc, char **argv, struct run_options *options, struct err *err)
{
        optind = 0; /* glibc: start anew */
        opterr = 0;
        while (options->action == RUN_PROGRAM) {
                int before = optind ? optind : 1;
                int option = getopt_long(argc, argv, "+:p:qvhV", long_options, NULL);
                int r;

                if (option == -1)
                        break;
                if (option == ':' || option == '?')
                        return refuse(option, before < argc ? argv[before] : "", err);
                r = take_option(options, option, optarg, err);
                if (r < 0)
                        return r;
        }
        if (options->action != RUN_PROGRAM)
                return 0;
        if (options->quiet && options->verbose)
                return err_set(err, EINVAL, "--quiet and --verbose exclude each other");
        if (optind >= argc)
                return err_set(err, EINVAL,
                               "no program given; usage: flicker-run [OPTIONS] [--] PROGRAM [ARG...]");
        options->program = argv + optind;
        return 0;
}

int run_options_parse(int argc, char **argv, struct run_options *ret_options, struct err *err)
{
        struct run_options options = {0};
        size_t room = argc > 0 ? (size_t)argc : 1;
        int r;

        options.variables = calloc(room, sizeof *options.variables);
        options.extra = calloc(room, sizeof *options.extra);
        if (!options.variables || !options.extra)
                r = err_set(err, ENOMEM, "out of memory");
        else
                r = parse(argc, argv, &options, err);
        if (r < 0)
                run_options_finish(&options);
        else
                *ret_options = options;
        return r;
}

void run_options_finish(struct run_options *options)
{
        for (size_t i = 0; i < options->variable_count; i++)
                free((char *)options->variables[i].name);
        free(options->variables);
        free(options->extra);
        *options = (struct run_options){0};
}
