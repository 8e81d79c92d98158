#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh ATTACK [user]: runs one attack program in every mode and shows that nothing came of it.
# From the environment: FLICKER_RUN, HOSTILE_BIN; `user` runs it as nobody, from a copy.
set -u
: "${FLICKER_RUN:?}" "${HOSTILE_BIN:?}"
attack=${1:?}
here=$(cd "$(dirname "$0")" && pwd)
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
work=$(mktemp -d /tmp/flicker-hostile.XXXXXX) || exit 1
listener=''
cleanup() {
        exec 9>&-
        [ -z "$listener" ] || kill "$listener" 2>/dev/null
        wait
        rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
as=()
if [ "${2:-}" = user ]; then
        [ "$(id -u)" = 0 ] || { echo 'skipped: an ordinary user already' && exit 77; }
        as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
        prefix=$(dirname "$(dirname "$FLICKER_RUN")")
        mkdir "$work/flicker"
        for part in bin libexec share; do
                [ ! -d "$prefix/$part" ] || cp -r "$prefix/$part" "$work/flicker/"
        done
        chmod -R a+rX "$work/flicker"
        FLICKER_RUN=$work/flicker/bin/flicker-run
fi
chmod 755 "$work"
policy=$here/policy.json
[ ! -e "$here/policy_$attack.json" ] || policy=$here/policy_$attack.json
cp "$policy" "$work/policy.json"
export DIR=$work/dir OUTSIDE=$work/outside SOCKET=$work/socket XDG_CACHE_HOME=$work/cache
leaks=$work/leaks
mkdir "$XDG_CACHE_HOME"
chmod 777 "$XDG_CACHE_HOME"

prepare() {
        rm -rf "$DIR" "$OUTSIDE"
        mkdir -p "$DIR"/{secret,public,hidden,swap,deep/parent/secret,plain,repository/.git,for-root,for-nobody,shared,granted,bound}
        local at
        for at in secret hidden deep/parent/secret for-root for-nobody; do echo SECRET >"$DIR/$at/file"; done
        for at in public swap; do echo PUBLIC >"$DIR/$at/file"; done
        ln -s ../public "$DIR/hidden/link"
        ln -s nowhere "$DIR/hidden/dead"
        echo SECRET >"$DIR/repository/.git/config"
        echo SECRET >"$OUTSIDE"
        for at in giver plain/socket granted/never; do ln "$SOCKET" "$DIR/$at"; done
        printf '#!/bin/sh\nexit 0\n' >"$DIR/secret/program"
        printf '#!/bin/sh\nexit 1\n' >"$DIR/public/program"
        chmod +x "$DIR"/*/program
        for at in . public secret; do cp "$HOSTILE_BIN/attack_$attack" "$DIR/$at/"; done
        [ ${#as[@]} = 0 ] || chown -R nobody:nogroup "$DIR" "$OUTSIDE"
        if [ "$(id -u)" = 0 ]; then
                chown -R nobody "$DIR/for-nobody"
                chmod 700 "$DIR/for-nobody" "$DIR/for-root"
                chmod 600 "$DIR/for-nobody/file" "$DIR/for-root/file"
                chmod 777 "$DIR/shared"
        fi
}

mkfifo "$work/end"
"$HOSTILE_BIN/listener" "$SOCKET" "$leaks" <"$work/end" >"$work/port" &
listener=$!
exec 9>"$work/end"
chmod 777 "$SOCKET" 2>/dev/null || :
for _ in $(seq 100); do
        [ -s "$work/port" ] && break
        sleep 0.05
done
PORT=$(cat "$work/port")
export PORT
chmod 777 "$SOCKET" "$SOCKET.datagram"

failures=0
run() {
        local mode=$1 status
        shift
        prepare
        (cd "$DIR" && exec timeout --foreground -k 5 90 "${as[@]}" "$FLICKER_RUN" --policy "$work/policy.json" --var "DIR=$DIR" "$@" -- \
                "$DIR/attack_$attack") >"$work/out" 2>"$work/err" </dev/null 9>&-
        status=$?
        if [ "$status" = 77 ]; then echo 'skipped' && exit 77; fi
        # An attacker whom a signal ends (the sandbox killed it) has got nowhere either.
        if grep -aq ESCAPED "$work/out" || { [ "$status" != 0 ] && [ "$status" != 137 ] && [ "$status" != 159 ]; }; then
                printf 'FAIL %s (%s): status %s\n' "$attack" "$mode" "$status"
                grep -a . "$work/out" | sort | uniq -c | sort -rn | head -n 20
                tail -n 5 "$work/err" | cut -c 1-300
                failures=$((failures + 1))
        else
                printf 'ok %s (%s): status %s\n' "$attack" "$mode" "$status"
        fi
        if [ "$(cat "$DIR/secret/file" 2>&1)" != SECRET ] || [ "$(cat "$OUTSIDE" 2>&1)" != SECRET ]; then
                printf 'FAIL %s (%s): what was protected is gone or changed\n' "$attack" "$mode"
                failures=$((failures + 1))
        fi
        if [ -s "$leaks" ]; then
                printf 'FAIL %s (%s): what listens outside got %s\n' "$attack" "$mode" "$(sort -u "$leaks")"
                failures=$((failures + 1))
                rm -f "$leaks"
        fi
        if [ "$(wc -c <"$work/err")" -gt 1000000 ]; then
                printf 'FAIL %s (%s): floods standard error\n' "$attack" "$mode"
                failures=$((failures + 1))
        fi
        # What the program calls itself and its files never reaches a terminal as it is.
        if LC_ALL=C tr -d '\t\n\040-\176' <"$work/err" | grep -q . ||
                [ "$(grep -ac '^flicker: [0-9]* operations\{0,1\} denied' "$work/err")" -gt 1 ]; then
                printf 'FAIL %s (%s): a name spoils standard error\n' "$attack" "$mode"
                failures=$((failures + 1))
        fi
        if leftovers && sleep 1 && leftovers; then
                printf 'FAIL %s (%s): processes stay behind\n' "$attack" "$mode"
                failures=$((failures + 1))
        fi
}
leftovers() {
        find /proc -maxdepth 2 -name exe -lname "$DIR/*" 2>/dev/null | grep -q .
}

run agent
run no-agent --no-agent
run all --mediate all
[ "$failures" = 0 ]
