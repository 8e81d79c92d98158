#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The broker without memory, descriptors or threads at every point in its life: calls may fail and the sandbox may
# end, but nothing is let through, nothing hangs, nobody stays behind. From the environment: FLICKER_RUN_FAULTY,
# HOSTILE_BIN.
set -u
: "${FLICKER_RUN_FAULTY:?}" "${HOSTILE_BIN:?}"
FLICKER_RUN=$FLICKER_RUN_FAULTY
. "$(dirname "$0")/lib.sh"
begin "${1:-}"
faults=0
probe() {
        local fault=$1 status
        shift
        prepare prober
        (cd "$DIR" && exec env FLICKER_FAULT="$fault" timeout --foreground -k 5 40 "${as[@]}" "$FLICKER_RUN" --policy "$work/policy.json" \
                --var "DIR=$DIR" "$@" -- "$DIR/prober") >"$work/out" 2>"$work/err" </dev/null 9>&-
        status=$?
        [ "$status" = 0 ] || faults=$((faults + 1))
        if grep -aq ESCAPED "$work/out" || [ "$status" = 124 ] || [ "$status" = 142 ]; then
                failed "$fault $*: status $status"
                grep -a . "$work/out" | sort | uniq -c | head -n 10
                tail -n 3 "$work/err" | cut -c 1-300
        fi
        unharmed "$fault $*"
}
each() {
        local kind=$1 n
        shift
        for n; do
                probe "$kind:$n"
                probe "$kind:$n+" --no-agent
        done
}
each memory 1 20 100 150 220 500
each descriptors 1 8 30 55 100 200
each threads 1 2
printf '%s runs ended otherwise than without a fault\n' "$faults"
[ "$faults" -gt 5 ] || failed 'the faults do nothing'
[ "$failures" = 0 ]
