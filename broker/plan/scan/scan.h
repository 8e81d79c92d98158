/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of an ELF file to its patch plan. Pure: no descriptors, no clock; the bytes are hostile and
 * must not change meanwhile.
 */
#ifndef FLICKER_PLAN_SCAN_SCAN_H
#define FLICKER_PLAN_SCAN_SCAN_H

#include "broker/plan/scan/window.h"

struct scan_result {
        struct fl_plan *plan; /* allocated; identity all zero, checksum in place */
        size_t size;
        enum window_refusal
                *refusals; /* allocated; site by site why it has no tactic; NULL where that got lost */
};

/* 0; -ENOEXEC: not a file to patch; -E2BIG: too much of something; -ENOMEM. */
int scan_elf(const uint8_t *data, size_t size, struct scan_result *ret_result);
void scan_result_finish(struct scan_result *result);

#endif
