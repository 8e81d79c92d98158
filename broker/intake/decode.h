/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From registers to a checked request: the one place where a target's memory is read. Each argument is read
 * once, into the request, bounded; then only the copy is looked at.
 */
#ifndef FLICKER_INTAKE_DECODE_H
#define FLICKER_INTAKE_DECODE_H

#include "broker/policy/request.h"

/* A syscall as submitted, by either way. */
struct raw_call {
        int nr;
        uint64_t args[6];
        /* A string that came along with the registers, already the broker's copy (NUL-terminated, none
         * inside), so that it need not be read from text_address. NULL: none. */
        const char *text;
        size_t text_length;
        uint64_t text_address;
};

/* Decodes call for caller into *request (request_init'ed by the caller of this function). 0; or -errno, which
 * is what the syscall returns (EFAULT for bad pointers, ENAMETOOLONG, EINVAL for flags the kernel would
 * refuse); or -ENOTSUP where no decoder knows nr (then the request is REQUEST_SYSCALL, and the policy refuses
 * it). */
int decode(const struct caller *caller, const struct raw_call *call, struct request *request);

/* For the coverage test: has nr a decoder? */
bool decode_knows(int nr);

#endif
