#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The broker is stopped, and killed, while the sandbox besieges it: what waits goes on waiting, or fails; nothing is
# let through; another sandbox is served; nobody outlives the broker.
set -u
: "${FLICKER_RUN:?}" "${HOSTILE_BIN:?}"
. "$(dirname "$0")/lib.sh"
begin "${1:-}"
. "$here/siege.sh"
guardian() { tr ' ' '\n' <"/proc/$broker/task/$broker/children" | head -n 1; }
for mode in '' --no-agent; do
        besiege besiege $mode
        kill -STOP "$broker"
        sleep 0.3
        before=$(counted)
        equal "stopped $mode: another sandbox" PUBLIC "$(another_sandbox)"
        equal "stopped $mode: grants" "$before" "$(counted)"
        kill -CONT "$broker"
        await 10 more_than "$before" || failed "stopped $mode: does not go on"
        kill -KILL "$broker"
        settle "killed $mode"

        # With the guardian stopped nobody ends the sandbox at once: it gets nothing meanwhile.
        besiege besiege $mode
        guardian=$(guardian)
        kill -STOP "$guardian"
        kill -KILL "$broker"
        sleep 0.3
        before=$(counted)
        sleep 0.5
        equal "without a broker $mode: grants" "$before" "$(counted)"
        kill -CONT "$guardian"
        settle "without a broker $mode"

        besiege besiege $mode
        kill -KILL "$(guardian)"
        settle "without a guardian $mode"
done
[ "$failures" = 0 ]
