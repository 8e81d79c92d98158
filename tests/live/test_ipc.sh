#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# System V IPC and message queues: the sandbox's own work as natively, those of others are out of reach.
. "$(dirname "$0")/lib.sh"
ipc=$LIVE_BIN/ipc
key=$((RANDOM * 32768 + RANDOM + 1))
# A broker without privileges reaches queues only where their file system is mounted (docs/POLICY.md).
use=use opened=fine
is_root || grep -q ' /dev/mqueue mqueue ' /proc/mounts || use=use-no-queue opened=EACCES

for tier in plain rich; do
        compare "own objects, $tier policy" "$policies/$tier.json" "$ipc" "$use" "$key"
done

read -r shm sem msg < <("$ipc" make "$key")
trap '"$ipc" remove "$key" 2>/dev/null; cleanup' EXIT
[ -n "$msg" ] || skip 'no System V IPC or no message queues here'
for mode in $modes all-noagent; do
        run "$mode" "$policies/plain.json" "$ipc" attack "$key" "$shm" "$sem" "$msg"
        equal "others' objects ($mode): status" 0 "$status"
        equal "others' objects ($mode): what was reached" '' "$(cat "$out")"
        explained "others' memory ($mode)" "$err" "shmat id $shm which is not the sandbox's" "$no_rule"
        [ "$opened" = EACCES ] || explained "others' queue ($mode)" "$err" "mq_open flicker-test-$key which is not the sandbox's" "$no_rule"
done
shared=$(policy shared <<END
{ "flicker": 1, "extends": ["$policies/plain.json"], "process": { "ipc": "host" } }
END
)
for mode in $modes; do
        run "$mode" "$shared" "$ipc" join "$key" "$shm"
        equal "granted by process.ipc ($mode)" "1 attached $opened" "$(cat "$out")"
done
options=(--warn)
run agent "$policies/plain.json" "$ipc" join "$key" "$shm"
equal 'reported only' '1 attached fine' "$(cat "$out")"
options=()

# What a sandbox leaves behind goes with it.
left() {
        ipcs -m | awk -v key="$(printf '0x%08x' $((key + 1)))" '$1 == key { n++ } END { print n + 0 }'
}
for mode in $modes; do
        run "$mode" "$policies/plain.json" python3 -c "
import ctypes
c = ctypes.CDLL(None)
assert c.shmget($((key + 1)), 4096, 0o1600) >= 0
assert c.shmget($((key + 1)), 4096, 0) >= 0"
        equal "left behind ($mode): status" 0 "$status"
        equal "left behind ($mode): gone with the sandbox" 0 "$(left)"
done

# And where the broker is killed, its guardian sees to it: memory, semaphores, messages and, where they can be had, queues.
left_by_key() { ipcs | awk -v key="$(printf '0x%08x' "$1")" '$1 == key { n++ } END { print n + 0 }'; }
cleared() { [ "$(left_by_key $((key + 2)))" = 0 ]; }
for mode in $modes; do
        prepare
        compose "$mode" "$policies/plain.json" sh -c '"$1" make "$2"; touch made; sleep 1000' sh "$ipc" $((key + 2))
        (cd "$DIR" && exec "${line[@]:5}") >/dev/null 2>&1 &
        broker=$!
        background+=("$broker")
        check "killed ($mode): objects are made" await 20 test -e "$DIR/made"
        equal "killed ($mode): they are there" 3 "$(left_by_key $((key + 2)))"
        kill -KILL "$broker"
        check "killed ($mode): gone" await 10 cleared
        [ "$opened" = EACCES ] || equal "killed ($mode): no queue" ENOENT \
                "$(python3 -c "import ctypes, errno; c = ctypes.CDLL('librt.so.1', use_errno=True)
print('open' if c.mq_open(b'/flicker-test-$((key + 2))', 0) >= 0 else errno.errorcode[ctypes.get_errno()])")"
done
finish
