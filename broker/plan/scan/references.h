/* SPDX-License-Identifier: Apache-2.0 */
/* Where data points into code: symbols, relocations, absolute words of fixed programs, jump tables. */
#ifndef FLICKER_PLAN_SCAN_REFERENCES_H
#define FLICKER_PLAN_SCAN_REFERENCES_H

#include "broker/plan/scan/code_map.h"

/* All but jump tables. 0; -ENOMEM; -E2BIG. */
int references_collect(struct code_map *map);

/* Jump tables of 32-bit entries relative to the table, at the addresses that the sweep saw taken
 * (map->tables, sorted). */
void references_jump_tables(struct code_map *map);

#endif
