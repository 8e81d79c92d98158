/* SPDX-License-Identifier: Apache-2.0 */
/* What the guardian of a sandbox becomes where there is more to do than to see a short program end
 * (cli/run_guardian.h): flicker-run, executed anew under another name. */
#ifndef FLICKER_CLI_RUN_GUARD_H
#define FLICKER_CLI_RUN_GUARD_H

/* charge: the descriptor of a struct run_charge, in decimal. The process's exit status. */
int run_guard(const char *charge);

#endif
