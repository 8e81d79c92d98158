/* SPDX-License-Identifier: Apache-2.0 */
/* What the file system showed while a policy was compiled, kept as bytes, and whether it shows the same now.
 */
#ifndef FLICKER_CLI_RUN_POLICY_WITNESS_H
#define FLICKER_CLI_RUN_POLICY_WITNESS_H

#include <stdbool.h>

#include "broker/base/image.h"
#include "broker/policy/witness.h"

#define WITNESS_DIRECTORIES_MAX 512
#define WITNESS_PATHS_MAX       4096
#define WITNESS_FILES_MAX       256

struct witness;

/* NULL where memory is out. */
struct witness *witness_create(struct policy_witness *ret_callbacks);
void witness_destroy(struct witness *witness);

/* Adds what was seen to image, having looked again at every path. NULL where that is not possible: something
 * has changed meanwhile or just before, or there was too much. Otherwise the distance of what witness_holds
 * takes. */
const void *witness_add(const struct witness *witness, struct image *image);

/* Is all still as it was? */
bool witness_holds(const void *image, const void *testimony);

#endif
