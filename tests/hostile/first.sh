#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program's first moment, many times: the broker and its guardian are out of reach from its first instruction on, also
# where the policy grants tracing.
set -u
: "${FLICKER_RUN:?}" "${HOSTILE_BIN:?}"
. "$(dirname "$0")/lib.sh"
begin "${1:-}"
prepare first
cp "$here/policy_trace.json" "$work/trace.json"
for mode in '' --no-agent '--mediate all'; do
        wrong=0
        for _ in $(seq 40); do
                # shellcheck disable=SC2086
                timeout -k 5 20 "${as[@]}" "$FLICKER_RUN" --quiet $mode -p "$work/trace.json" --var "DIR=$DIR" "$DIR/first" "$DIR/mark" \
                        </dev/null 9>&- || wrong=$((wrong + 1))
        done
        equal "first moment ${mode:-(agent)}" 0 "$wrong"
done
[ ! -e "$DIR/mark" ] || failed "reached: $(cat "$DIR/mark")"
unharmed "first moment"
[ "$failures" = 0 ]
