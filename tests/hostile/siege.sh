# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What death.sh and crowd.sh share: a sandbox that makes itself felt, and whether others are served.
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

# besiege HOW OPTION...: prober HOW in a sandbox, in the background.
besiege() {
        local how=$1
        shift
        prepare prober
        (cd "$DIR" && exec "${as[@]}" "$FLICKER_RUN" --policy "$work/policy.json" --var "DIR=$DIR" "$@" -- "$DIR/prober" "$how") \
                >"$work/out" 2>"$work/err" </dev/null 9>&- &
        broker=$!
        await 30 ready || failed "$*: the siege does not begin: $(head -n 3 "$work/err")"
        await 10 more_than 0 || failed "$*: nothing is granted"
}
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
