#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The broker is stopped, and killed, while the sandbox besieges it: what waits goes on waiting, or fails; nothing is
# let through; another sandbox is served; nobody outlives the broker.
set -u
: "${FLICKER_RUN:?}" "${HOSTILE_BIN:?}"
. "$(dirname "$0")/lib.sh"
begin "${1:-}"
broker=''
# shellcheck disable=SC2317 # called by the trap
end_broker() { [ -z "$broker" ] || kill -KILL "$broker" 2>/dev/null; }
trap 'end_broker; cleanup' EXIT

await() {
        local end=$((SECONDS + $1))
        shift
        until "$@"; do
                [ "$SECONDS" -lt "$end" ] || return 1
                sleep 0.1
        done
}
ready() { [ -e "$DIR/public/ready" ]; }
counted() { stat -c %s "$DIR/public/count" 2>/dev/null || echo 0; }
more_than() { [ "$(counted)" -gt "$1" ]; }
nobody_left() { ! leftovers; }

besiege() {
        prepare prober
        (cd "$DIR" && exec "${as[@]}" "$FLICKER_RUN" --policy "$work/policy.json" --var "DIR=$DIR" "$@" -- "$DIR/prober" besiege) \
                >"$work/out" 2>"$work/err" </dev/null 9>&- &
        broker=$!
        await 30 ready || failed "$*: the siege does not begin: $(head -n 3 "$work/err")"
        await 10 more_than 0 || failed "$*: nothing is granted"
}
guardian() { tr ' ' '\n' <"/proc/$broker/task/$broker/children" | head -n 1; }
another_sandbox() {
        (cd / && exec timeout -k 5 20 "${as[@]}" "$FLICKER_RUN" --policy "$work/policy.json" --var "DIR=$DIR" -- cat "$DIR/public/file") \
                2>/dev/null </dev/null 9>&-
}
settle() {
        await 15 nobody_left || failed "$1: processes outlive their broker"
        ! grep -aq ESCAPED "$work/out" || failed "$1: $(grep -a ESCAPED "$work/out" | sort | uniq -c)"
        unharmed "$1"
        wait "$broker" 2>/dev/null
        broker=''
}

for mode in '' --no-agent; do
        besiege $mode
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
        besiege $mode
        guardian=$(guardian)
        kill -STOP "$guardian"
        kill -KILL "$broker"
        sleep 0.3
        before=$(counted)
        sleep 0.5
        equal "without a broker $mode: grants" "$before" "$(counted)"
        kill -CONT "$guardian"
        settle "without a broker $mode"

        besiege $mode
        kill -KILL "$(guardian)"
        settle "without a guardian $mode"
done
[ "$failures" = 0 ]
