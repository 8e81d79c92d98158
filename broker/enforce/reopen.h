/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the object that a place stands for, by its descriptor: what was judged is what is opened. */
#ifndef FLICKER_ENFORCE_REOPEN_H
#define FLICKER_ENFORCE_REOPEN_H

#include <limits.h>
#include <sys/types.h>

#include "broker/enforce/operation.h"
#include "broker/enforce/place.h"

#define REOPEN_WOULD_BLOCK INT_MIN /* and this worker may not; no -errno */

/* Opens place->fd again with the flags and mode of open(2), without O_CREAT and O_NOFOLLOW; O_CLOEXEC and
 * O_NOCTTY are added. A descriptor, -errno, or REOPEN_WOULD_BLOCK. */
int reopen(struct operation *operation, const struct place *place, int flags, mode_t mode);

#endif
