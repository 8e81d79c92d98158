/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/report.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/cleanup.h"
#include "broker/base/escape.h"
#include "broker/proc.h"

#define REPORT_OBJECT_MAX  1024 /* bytes of an escaped object in a line */
#define REPORT_PROGRAM_MAX 80
#define REPORT_STAMP       40 /* bytes of a time */

struct reporter {
        struct reporter_options options;
        pthread_mutex_t lock;
        /* REPORT_DISTINCT_MAX hashes of refusals printed, open addressing, 0: free. Made with the first. */
        uint64_t *seen;
        unsigned seen_count;
        unsigned denied;
        uint64_t audit_bytes; /* written so far */
        bool audit_full, audit_failed;
        bool audit_torn; /* the last line is not whole */
};

/* What the lines of one event share. */
struct event {
        const struct verdict *verdict;
        bool refused;
        const char *way;
        pid_t pid;
        char comm[16];
        char rule[512];
};

int reporter_create(const struct reporter_options *options, struct reporter **ret_reporter)
{
        struct reporter *reporter = calloc(1, sizeof *reporter);

        if (!reporter)
                return -ENOMEM;
        reporter->options = *options;
        pthread_mutex_init(&reporter->lock, NULL);
        *ret_reporter = reporter;
        return 0;
}

void reporter_destroy(struct reporter *reporter)
{
        if (!reporter)
                return;
        if (reporter->denied && !reporter->options.quiet)
                fprintf(stderr, "flicker: %u operation%s %s\n", reporter->denied,
                        reporter->denied == 1 ? "" : "s",
                        reporter->options.warn ? "would be denied" : "denied");
        pthread_mutex_destroy(&reporter->lock);
        free(reporter->seen);
        free(reporter);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
        const unsigned char *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * 0x100000001b3ull; /* FNV-1a */
        return hash;
}

/* The object, but for the process ids of procfs, which would make a line of each process that ps looks at. */
static uint64_t hash_object(uint64_t hash, const struct verdict *verdict)
{
        static const char proc[] = "/proc/";
        size_t skip = sizeof proc - 1;

        if (verdict->object_length <= skip || memcmp(verdict->object, proc, skip) != 0)
                return hash_bytes(hash, verdict->object, verdict->object_length);
        while (skip < verdict->object_length && verdict->object[skip] >= '0' && verdict->object[skip] <= '9')
                skip++;
        return hash_bytes(hash, verdict->object + skip, verdict->object_length - skip);
}

/* Remembers the event; true the first time. */
static bool first_time(struct reporter *reporter, const struct event *event)
{
        uint64_t hash = 0xcbf29ce484222325ull;

        hash = hash_bytes(hash, event->verdict->operation, strlen(event->verdict->operation) + 1);
        if (event->verdict->purpose)
                hash = hash_bytes(hash, event->verdict->purpose, strlen(event->verdict->purpose));
        hash = hash_object(hash, event->verdict);
        hash = hash_bytes(hash, event->comm, strlen(event->comm)) | 1;

        if (!reporter->seen)
                reporter->seen = calloc(REPORT_DISTINCT_MAX, sizeof *reporter->seen);
        if (!reporter->seen)
                return true;
        for (unsigned i = 0; i < REPORT_DISTINCT_MAX; i++) {
                uint64_t *cell = &reporter->seen[(hash + i) % REPORT_DISTINCT_MAX];

                if (*cell == hash)
                        return false;
                if (*cell)
                        continue;
                if (reporter->seen_count >= REPORT_DISTINCT_MAX / 2)
                        return false;
                *cell = hash;
                reporter->seen_count++;
                return true;
        }
        return false;
}

static void print_line(const struct reporter *reporter, const struct event *event)
{
        const struct verdict *verdict = event->verdict;
        char object[REPORT_OBJECT_MAX], program[REPORT_PROGRAM_MAX], name[64];

        escape_text(verdict->object, verdict->object_length, object, sizeof object);
        escape_text(event->comm, strlen(event->comm), name, sizeof name);
        snprintf(program, sizeof program, "%s[%d]", name, (int)event->pid);
        fprintf(stderr, "flicker: %s  %s%s%s%s%s   %s   %s\n",
                reporter->options.warn && !verdict->baseline ? "would deny" : "denied", verdict->operation,
                verdict->object_length ? " " : "", object, verdict->purpose ? " " : "",
                verdict->purpose ? verdict->purpose : "", program, event->rule);
}

static void make_stamp(char out[REPORT_STAMP])
{
        struct timespec now;
        struct tm tm;
        size_t length;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        length = strftime(out, REPORT_STAMP, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(out + length, REPORT_STAMP - length, ".%06ldZ", now.tv_nsec / 1000);
}

/* One write a line: the log may be shared. What a full disk cut short ends with the next that has room; why,
 * the write of the rest tells. */
static void write_line(struct reporter *reporter, const char *line, size_t length)
{
        size_t done = reporter->audit_torn ? 0 : 1; /* line begins with a newline */
        ssize_t n = 1;

        while (done < length && n > 0) {
                n = write(reporter->options.audit_fd, line + done, length - done);
                if (n > 0) {
                        done += (size_t)n;
                        reporter->audit_bytes += (uint64_t)n;
                        reporter->audit_torn = done < length;
                }
        }
        if (n > 0 || reporter->audit_failed)
                return;
        reporter->audit_failed = true;
        fprintf(stderr, "flicker: the audit log cannot be written: %s\n", strerror(errno));
}

/* A line of the log; the texts are escaped already. */
struct record {
        const char *event, *operation, *object, *purpose, *program, *rule, *way;
        pid_t pid;
};

/* The line's length in out, which begins with a newline for write_line(). */
static size_t format_record(const struct record *record, char *out, size_t size)
{
        char stamp[REPORT_STAMP];

        make_stamp(stamp);
        return (size_t)snprintf(
                out, size,
                "\n{\"time\":\"%s\",\"event\":\"%s\",\"operation\":\"%s\",\"object\":\"%s\","
                "\"purpose\":\"%s\",\"program\":\"%s\",\"pid\":%d,\"rule\":\"%s\",\"way\":\"%s\"}\n",
                stamp, record->event, record->operation, record->object, record->purpose, record->program,
                (int)record->pid, record->rule, record->way);
}

static void close_audit(struct reporter *reporter)
{
        char limit[64], line[512];
        const struct record record = {
                .event = "full",
                .operation = "audit",
                .object = limit,
                .purpose = "are the limit: no more events are recorded",
                .program = "flicker-run",
                .pid = getpid(),
                .rule = "audit.limit",
                .way = "",
        };

        snprintf(limit, sizeof limit, "%" PRIu64 " bytes", reporter->options.audit_limit);
        write_line(reporter, line, format_record(&record, line, sizeof line));
        reporter->audit_full = true;
        fprintf(stderr,
                "flicker: the audit log has reached its limit of %s (audit.limit): no more events are "
                "recorded\n",
                limit);
}

static void print_audit(struct reporter *reporter, const struct event *event)
{
        const struct verdict *verdict = event->verdict;
        char object[2 * REPORT_OBJECT_MAX], name[128], rule[1024], line[8192];
        const struct record record = {
                .event = !event->refused                                ? "allowed"
                         : reporter->options.warn && !verdict->baseline ? "would-deny"
                                                                        : "denied",
                .operation = verdict->operation,
                .object = object,
                .purpose = verdict->purpose ? verdict->purpose : "",
                .program = name,
                .pid = event->pid,
                .rule = rule,
                .way = event->way,
        };
        size_t length;

        if (reporter->audit_full)
                return;
        escape_json(verdict->object, verdict->object_length, object, sizeof object);
        escape_json(event->comm, strlen(event->comm), name, sizeof name);
        escape_json(event->rule, strlen(event->rule), rule, sizeof rule);
        length = format_record(&record, line, sizeof line);
        if (reporter->audit_bytes + length > reporter->options.audit_limit)
                close_audit(reporter);
        else
                write_line(reporter, line, length);
}

static void fill_rule(const struct verdict *verdict, bool refused, char *out, size_t size)
{
        if (verdict->rule)
                rule_describe(verdict->rule, out, size);
        else if (verdict->baseline)
                snprintf(out, size, "the baseline refuses it");
        else
                snprintf(out, size, "%s", refused ? "no rule grants it" : "");
}

void reporter_judged(struct reporter *reporter, pid_t tid, const struct verdict *verdict, const char *way)
{
        bool audited = reporter->options.audit_fd >= 0 && reporter->options.audit != AUDIT_NONE;
        struct event event = {.verdict = verdict, .refused = verdict->outcome != VERDICT_ALLOW, .way = way};

        if (!event.refused && !(audited && reporter->options.audit == AUDIT_ALL))
                return;
        event.pid = proc_tgid(tid);
        if (event.pid <= 0)
                event.pid = tid;
        proc_comm(event.pid, event.comm);
        fill_rule(verdict, event.refused, event.rule, sizeof event.rule);

        pthread_mutex_lock(&reporter->lock);
        if (event.refused) {
                __atomic_add_fetch(&reporter->denied, 1, __ATOMIC_RELAXED);
                if (first_time(reporter, &event) && !reporter->options.quiet)
                        print_line(reporter, &event);
        }
        if (audited)
                print_audit(reporter, &event);
        pthread_mutex_unlock(&reporter->lock);
}
