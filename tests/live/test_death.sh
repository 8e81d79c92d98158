#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sandbox ends with its broker, with its main program, and with its guardian; nothing stays behind.
. "$(dirname "$0")/lib.sh"
members() { [ "$(wc -l <"$DIR/members" 2>/dev/null || echo 0)" -ge 6 ]; }

survivors() {
        local pid left=''
        while read -r pid; do
                # A zombie is nobody.
                [ -e "/proc/$pid" ] && ! grep -q '^State:	[ZX]' "/proc/$pid/status" 2>/dev/null && left="$left $pid"
        done <"$DIR/members"
        echo "$left"
}
all_gone() { [ -z "$(survivors)" ]; }

sweep() {
        local pid
        for pid in $(survivors); do kill -KILL "$pid" 2>/dev/null; done
}

children_of() { cat "/proc/$1/task/$1/children" 2>/dev/null; }

# begin MODE POLICY: a family in the sandbox; leaves $broker (flicker-run) and $guardian.
begin() {
        prepare
        compose "$1" "$2" "$LIVE_BIN/family" "$DIR/members"
        err=$work/out/$1.err
        # Without timeout(1) in front: flicker-run itself is the child.
        (cd "$DIR" && exec "${line[@]:5}") >/dev/null 2>"$err" </dev/null &
        broker=$!
        background+=("$broker")
        if ! await 20 members; then
                fail "$1: the family did not come up"
                head -n 5 "$err"
                kill -KILL "$broker"
                sweep
                return 1
        fi
        guardian=$(children_of "$broker" | awk '{ print $1 }')
}

for mode in $modes; do
        for tier in plain rich; do
                begin "$mode" "$policies/$tier.json" || continue
                kill -KILL "$broker"
                wait "$broker" 2>/dev/null
                check "$mode, $tier: broker killed, nobody is left" await 5 all_gone
                sweep

                begin "$mode" "$policies/$tier.json" || continue
                kill -KILL "$guardian"
                check "$mode, $tier: guardian killed, nobody is left" await 5 all_gone
                check "$mode, $tier: guardian killed, flicker-run ends" await 5 gone "$broker"
                sweep
        done
        for signal in TERM INT HUP QUIT; do
                begin "$mode" "$policies/rich.json" || continue
                kill -"$signal" "$broker"
                check "$mode: SIG$signal ends flicker-run" await 5 gone "$broker"
                wait "$broker" 2>/dev/null
                status=$?
                equal "$mode: SIG$signal: status" "$((128 + $(kill -l "$signal")))" "$status"
                check "$mode: SIG$signal: nobody is left" await 5 all_gone
                sweep
        done
        # The main program ends, its daemons do not outlive it.
        prepare
        run "$mode" "$policies/rich.json" sh -c "$LIVE_BIN/family $DIR/members & until [ \$(wc -l <$DIR/members 2>/dev/null || echo 0) -ge 6 ]; do sleep 0.05; done; exit 7"
        equal "$mode: main program ends: status" 7 "$status"
        check "$mode: main program ends: nobody is left" await 5 all_gone
        sweep
        # --timeout
        prepare
        options=(--timeout 1s)
        run "$mode" "$policies/rich.json" "$LIVE_BIN/family" "$DIR/members"
        check "$mode: --timeout: status" [ "$status" -ge 124 ]
        check "$mode: --timeout: nobody is left" await 5 all_gone
        sweep
        options=()
done

# Statuses.
for mode in native $modes; do
        for expected in 0 1 42 255; do
                run "$mode" "$policies/rich.json" sh -c "exit $expected"
                equal "$mode: exit $expected" "$expected" "$status"
        done
        for signal in TERM KILL ABRT SEGV USR1 PIPE; do
                run "$mode" "$policies/rich.json" sh -c "ulimit -c 0; kill -$signal \$\$"
                equal "$mode: ended by SIG$signal" "$((128 + $(kill -l "$signal")))" "$status"
        done
done
for mode in $modes; do
        options=(--no-such-option)
        run "$mode" "$policies/rich.json" true
        equal "$mode: unknown option" 125 "$status"
        options=()
done
finish
