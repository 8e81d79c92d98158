/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands say to a person: standard error, one write a line, "flicker: " in front. Words of the
 * command line are passed through escape_text by the caller where they may hold anything. */
#ifndef FLICKER_CLI_RUN_MESSAGE_H
#define FLICKER_CLI_RUN_MESSAGE_H

/* Exit statuses, as env(1) and timeout(1) have them. */
enum run_status {
        RUN_TIMED_OUT = 124,
        RUN_FAILED = 125, /* flicker itself failed before the program ran */
        RUN_NOT_EXECUTABLE = 126,
        RUN_NOT_FOUND = 127,
        RUN_SIGNALLED = 128, /* plus the signal's number */
};

#define RUN_WORD_MAX 512 /* bytes of a command line's word in a message */

void run_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
