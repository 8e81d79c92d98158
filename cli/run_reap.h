/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a sandbox: kills and reaps every descendant of the calling process, which is a child subreaper. They
 * may fork as fast as they can while this goes on. */
#ifndef FLICKER_CLI_RUN_REAP_H
#define FLICKER_CLI_RUN_REAP_H

#include <stdbool.h>

/* Reaps the children that have ended, without waiting. False where there is no child at all, and so (of a
 * subreaper) no descendant. */
bool run_reap_ended(void);

/* SIGKILL to all, until none is left. SIGCHLD has to be blocked. Gives up after limit_ms (a process may be
 * stuck in the kernel); 0: never. True where none is left. */
bool run_reap_all(int limit_ms);

/* State letter of a child, as in /proc/PID/stat ('T': stopped), or '\0'. */
char run_reap_state(int pid);

#endif
