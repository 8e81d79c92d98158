/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind tables (LSB Core, "Exception Frames"; Itanium C++ ABI, "Exception Handling Tables"): where functions
 * begin and end, and where landing pads are. They survive stripping.
 */
#ifndef FLICKER_PLAN_SCAN_EH_FRAME_H
#define FLICKER_PLAN_SCAN_EH_FRAME_H

#include "broker/plan/scan/code_map.h"

/* Adds functions and marks landing pads. Stops quietly where a table stops making sense. 0; -ENOMEM; -E2BIG.
 */
int eh_frame_collect(struct code_map *map);

#endif
