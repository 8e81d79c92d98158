#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that cannot run, and crafted ELF files: what happens is what happens natively; never an
# unconfined run, never one that hangs, and no process stays behind.
. "$(dirname "$0")/lib.sh"
echo secret >"$work/secret"
policy=$policies/plain.json
limit=20

# class STATUS: how a run ended, coarsely. 126/127 and 128+N as the shell would have it.
class() {
        case $1 in
        0 | 3) echo "ran $1" ;;
        126 | 127) echo 'cannot run' ;;
        132 | 135 | 136 | 137 | 139) echo 'died' ;;
        *) echo "status $1" ;;
        esac
}

# alike NATIVE GOT: the same class; or refused at once where natively the new image dies; or an empty file
# given to the shell, as execvp(3) does; or, for want of a kernel's way to map an image at address 0, run.
alike() {
        [ "$1" = "$2" ] || [ "${way:-} $1 $2" = 'align_overflow died ran 0' ] || [ "$1 $2" = 'died cannot run' ] || { [ ! -s "$DIR/crafted" ] && [ "$2" = 'ran 0' ]; }
}

# ends WHAT STATUS PROGRAM...: in each mode.
ends() {
        local what=$1 expected=$2 mode
        shift 2
        for mode in $modes; do
                run "$mode" "$policy" "$@"
                equal "$what ($mode)" "$expected" "$status"
                check "$what ($mode): says why" grep -aq '^flicker: ' "$err"
        done
}

echo 'text' >"$DIR/text"
cp /bin/true "$DIR/noexec"
chmod 644 "$DIR/noexec"
mkdir "$DIR/directory"
printf '#!/no/such/interpreter\n' >"$DIR/nointerp"
printf '#!' >"$DIR/emptyinterp"
printf '#!%s\n' "$DIR/selfinterp" >"$DIR/selfinterp"
chmod +x "$DIR/nointerp" "$DIR/emptyinterp" "$DIR/selfinterp"
ends 'absent' 127 "$DIR/absent"
ends 'not on the path' 127 no-such-program-anywhere
ends 'not executable' 126 "$DIR/noexec"
ends 'a directory' 126 "$DIR/directory"
ends 'beneath a file' 126 "$DIR/text/x"
ends 'its interpreter is absent' 127 "$DIR/nointerp"
ends 'its own interpreter' 126 "$DIR/selfinterp"
for mode in $modes; do
        run "$mode" "$policy" "$DIR/emptyinterp"
        check "no interpreter named ($mode)" [ "$status" != 0 ]
        run "$mode" "$policy" /var/lib/flicker-no-grant
        equal "absent where nothing is granted ($mode)" 127 "$status"
done

confined() { ! grep -q UNCONFINED "$1"; }

# Crafted files: static and dynamic, each spoilt in each way. Run by a shell, so that exec's answer shows.
for base in tiny-static tiny; do
        for way in $("$LIVE_BIN/mutate"); do
                cp "$LIVE_BIN/$base" "$DIR/crafted"
                "$LIVE_BIN/mutate" "$DIR/crafted" "$way" || { fail "$base $way: not made"; continue; }
                run native "$policy" "$LIVE_BIN/direct" "$DIR/crafted" "$work/secret"
                expected=$(class "$status")
                [ "$expected" = 'ran 3' ] && expected='ran 0'
                for mode in agent noagent; do
                        run "$mode" "$policy" "$DIR/crafted" "$work/secret"
                        check "$base $way ($mode): confined" confined "$out"
                        check "$base $way ($mode): as natively" alike "$expected" "$(class "$status")"
                        run "$mode" "$policy" sh -c './crafted "$1"; echo "status $?" >&2' sh "$work/secret"
                        check "$base $way ($mode), from inside: confined" confined "$out"
                done
        done
done

for length in 0 1 4 16 63 64 100 1000 5000; do
        head -c "$length" /bin/true >"$DIR/crafted"
        chmod +x "$DIR/crafted"
        run native "$policy" "$LIVE_BIN/direct" "$DIR/crafted"
        expected=$(class "$status")
        for mode in agent noagent; do
                run "$mode" "$policy" "$DIR/crafted"
                check "cut to $length bytes ($mode): as natively" alike "$expected" "$(class "$status")"
        done
done
finish
