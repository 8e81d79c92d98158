/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLICKER_TESTS_ASTRAY_H
#define FLICKER_TESTS_ASTRAY_H

/* Tries to leave the files of the policy, where the environment says so, and tells. */
void astray(void);

#endif
