/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors for people: where a policy or a command line is wrong, an errno is not enough. Functions that
 * take a struct err fill it on failure, return the same -errno, and leave it alone on success.
 */
#ifndef FLICKER_BASE_ERR_H
#define FLICKER_BASE_ERR_H

#define ERR_MESSAGE_MAX 1024

struct err {
        int error; /* positive errno */
        char message[ERR_MESSAGE_MAX];
};

/* Fills *err (which may be NULL) and returns -error. The message is cut at ERR_MESSAGE_MAX. */
int err_set(struct err *err, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
