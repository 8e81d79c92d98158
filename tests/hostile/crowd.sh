#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A sandbox at its limits: more requests that wait than its broker lets wait, while others ask without end. What is over
# the limit fails with the error that is documented, what is not is served, and another sandbox does not notice.
set -u
: "${FLICKER_RUN:?}" "${HOSTILE_BIN:?}"
. "$(dirname "$0")/lib.sh"
begin "${1:-}"
. "$here/siege.sh"
threads() { sed -n 's/^Threads:\s*//p' "/proc/$broker/status"; }
descriptors() { find "/proc/$broker/fd" -mindepth 1 2>/dev/null | wc -l; }
# Beyond the limit of SESSION_BLOCKING_MAX: main thread, listener, poller, the scanners' readers, one that binds.
threads_max=$((256 + 16))

for mode in '' --no-agent '--mediate all'; do
        # shellcheck disable=SC2086
        besiege crowd $mode
        before=$(counted)
        equal "at its limits $mode: another sandbox" PUBLIC "$(another_sandbox)"
        await 20 more_than "$before" || failed "at its limits $mode: does not serve its own"
        [ "$(threads)" -gt 256 ] || failed "at its limits $mode: it is not, with $(threads) threads"
        [ "$(threads)" -le "$threads_max" ] || failed "at its limits $mode: $(threads) threads"
        [ "$(descriptors)" -lt 2000 ] || failed "at its limits $mode: $(descriptors) descriptors"
        kill -KILL "$broker"
        settle "at its limits $mode"
done
[ "$failures" = 0 ]
