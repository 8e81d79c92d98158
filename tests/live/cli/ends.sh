#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# However a sandbox ends, nothing of it is left.
# shellcheck source=tests/live/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# A program with a child, a grandchild in a session of its own, and an orphan.
cat >"$work/family" <<'EOF'
#!/bin/bash
cd "$1" || exit 1
echo $$ >program
echo "${TMPDIR:-}" >tmpdir
[ -z "${TMPDIR:-}" ] || { mkdir -p "$TMPDIR/a/b/c"; touch "$TMPDIR/a/b/c/d"; chmod 0 "$TMPDIR/a/b"; ln -s / "$TMPDIR/root"; }
sleep 1000 & echo $! >child
setsid bash -c 'echo $$ >session; exec sleep 1000' </dev/null >/dev/null 2>&1 &
(setsid bash -c 'trap "" HUP TERM INT; echo $$ >orphan; while :; do sleep 1000; done' </dev/null >/dev/null 2>&1 &)
while [ ! -s session ] || [ ! -s orphan ]; do sleep 0.02; done
touch ready
[ "${2:-}" = leave ] && exit 4
while :; do sleep 0.05; done
EOF
chmod +x "$work/family"

# start: the family in $work/run, its flicker-run's process id in $broker, its guardian's in $guardian
start() {
        rm -rf "$work/run"
        mkdir "$work/run"
        "${flicker[@]}" "$work/family" "$work/run" "$@" 2>"$work/err" &
        broker=$!
        soon "the family does not start: $(cat "$work/err")" test -e "$work/run/ready"
        guardian=$(sed -n 's/^PPid:\s*//p' "/proc/$(cat "$work/run/program")/status" 2>/dev/null)
}

# nothing_left WHAT
nothing_left() {
        local member tmpdir
        for member in program child session orphan; do
                soon "$1: the $member lives on" gone "$(cat "$work/run/$member")"
        done
        if [ -n "${guardian:-}" ]; then
                soon "$1: the guardian lives on" gone "$guardian"
        fi
        tmpdir=$(cat "$work/run/tmpdir")
        if [ -n "$tmpdir" ]; then
                soon "$1: $tmpdir is left" test ! -e "$tmpdir"
        else
                fail "$1: no TMPDIR"
        fi
}

# ended_with WHAT STATUS
ended_with() {
        wait "$broker" 2>/dev/null
        same "status: $1" "$2" $?
}

# Ended while it waits for somebody to read its log: the program has not begun, and nothing may stay.
mkfifo "$work/log"
mkdir "$work/temporary"
waits() { [ "$(sed -n 's/^State:\s*\(.\).*/\1/p' "/proc/$broker/status")" = S ]; }
empty() { [ -z "$(ls -A "$work/temporary")" ]; }
for signal in TERM KILL; do
        TMPDIR=$work/temporary "${flicker[@]}" --audit "$work/log" true 2>"$work/err" &
        broker=$!
        soon 'it does not wait for a reader' waits
        kill -"$signal" "$broker"
        wait "$broker" 2>/dev/null
        soon "SIG$signal before the program began: a temporary directory is left" empty
done

# Ended when its child waits for the first answer, many times, since who notices first is a race. The listener stands
# by then, and nobody has begun to listen.
begun() { pgrep -P "$broker" >"$work/guardian"; }
for _ in 1 2 3 4 5 6; do
        TMPDIR=$work/temporary "${flicker[@]}" sleep 1000 2>"$work/err" &
        broker=$!
        while ! begun; do :; done
        kill -KILL "$broker"
        wait "$broker" 2>/dev/null
        soon "killed when the program began: the guardian lives on" gone "$(head -n 1 "$work/guardian")"
        soon "killed when the program began: a temporary directory is left" empty
done

start leave
ended_with "the program ends by itself" 4
guardian=
nothing_left "the program ended by itself"

start
kill -9 "$(cat "$work/run/program")"
ended_with "the program killed" 137
nothing_left "the program killed"

start
kill -9 "$broker"
ended_with "the broker killed" 137
nothing_left "the broker killed"

start
kill -9 "$guardian"
ended_with "the guardian killed" 137
nothing_left "the guardian killed"
grep -q "^flicker: .*guardian" "$work/err" || fail "not a word about the guardian: $(cat "$work/err")"

# A group of its own, to be killed as a whole.
set -m
start
set +m
kill -9 -- "-$broker"
ended_with "the group killed" 137
nothing_left "the group killed"

start
kill -TERM "$broker"
ended_with "SIGTERM" 143
nothing_left "SIGTERM"

# Found by the name of the command it is not; closed, and the broker with it, to who might look into it (/proc/PID/environ
# is root's then).
named() {
        ! tr '\0' ' ' <"/proc/$guardian/cmdline" | grep -q flicker-run && ! grep -q flicker-run "/proc/$guardian/comm" &&
                [ "$(find "/proc/$guardian/fd" -mindepth 1 2>/dev/null | wc -l)" -le 4 ]
}
start
soon "the guardian's command line, name or descriptors" named
for pid in "$guardian" "$broker"; do
        same "owner of /proc/PID/environ" 0 "$(stat -c %u "/proc/$pid/environ")"
done
kill "$broker"
wait "$broker"

# All that may come in a program's first moment, before its guardian is a program of its own.
for _ in 1 2 3; do
        TMPDIR=$work/temporary "${flicker[@]}" sh -c 'setsid sleep 1000 >"$1/out" 2>&1 & echo $! >"$1/orphan"; exit 3' - "$work" 2>"$work/err"
        same "status of what leaves an orphan at once" 3 $?
        soon "an orphan of the first moment lives on" gone "$(cat "$work/orphan")"

        TMPDIR=$work/temporary "${flicker[@]}" sh -c 'mkdir -p "$TMPDIR/a"; chmod 0 "$TMPDIR/a"; exit 4' 2>"$work/err"
        same "status of what leaves files at once" 4 $?
        empty || fail "a temporary directory of the first moment is left"

        "${flicker[@]}" sh -c 'kill -KILL $$' 2>"$work/err"
        same "status of what is killed at once" 137 $?

        set -m
        "${flicker[@]}" sh -c 'kill -STOP $$; exit 5' 2>"$work/err" &
        broker=$!
        set +m
        soon "stopped at once: flicker-run is not" grep -q "^State:[[:space:]]*T" "/proc/$broker/status"
        kill -CONT "$broker"
        wait "$broker"
        same "status of what was stopped at once" 5 $?

        "${flicker[@]}" sleep 1000 2>"$work/err" &
        broker=$!
        while ! begun; do :; done
        kill -TERM "$broker"
        wait "$broker"
        same "status: SIGTERM when the program began" 143 $?
done

# A process that forks and ends, again and again.
rm -rf "$work/run"
mkdir "$work/run"
cat >"$work/comet" <<'EOF'
#!/bin/bash
# Each generation writes its number; two chains.
tail() { (sleep 0.01; echo x >>"$1/alive"; [ "$(wc -l <"$1/alive")" -lt 5000 ] && tail "$1") & }
tail "$1"
tail "$1"
sleep 0.5
EOF
chmod +x "$work/comet"
timeout 30 "${flicker[@]}" "$work/comet" "$work/run"
same "status of the comet" 0 $?
count=$(wc -l <"$work/run/alive")
sleep 0.3
same "the comet's tail" "$count" "$(wc -l <"$work/run/alive")"
finish
