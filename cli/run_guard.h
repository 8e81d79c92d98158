/* SPDX-License-Identifier: Apache-2.0 */
/* What the guardian of a sandbox becomes where there is more to do than to see a short program end
 * (cli/run_guardian.h): flicker-run, executed anew under another name. */
#ifndef FLICKER_CLI_RUN_GUARD_H
#define FLICKER_CLI_RUN_GUARD_H

/* tmpdir: removed at the end, unless NULL. The rest it finds in standard input (run_charge.h). The exit
 * status. */
int run_guard(const char *tmpdir);

#endif
