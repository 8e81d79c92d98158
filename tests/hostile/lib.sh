# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What run.sh, faults.sh and death.sh share. From the environment: FLICKER_RUN, HOSTILE_BIN.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
failures=0
failed() {
        printf 'FAIL %s\n' "$*"
        failures=$((failures + 1))
}
equal() { [ "$2" = "$3" ] || failed "$1: expected $2, got $3"; }

cleanup() {
        exec 8>&- 9>&-
        [ -z "$listener" ] || kill "$listener" 2>/dev/null
        wait
        rm -rf "$work"
}

# begin [user]: makes $work, and whoever listens outside; `user` has everything run as nobody, from a copy.
begin() {
        listener=''
        work=$(mktemp -d /tmp/flicker-hostile.XXXXXX) || exit 1
        trap cleanup EXIT
        trap 'exit 130' INT TERM HUP
        as=()
        if [ "${1:-}" = user ]; then
                [ "$(id -u)" = 0 ] || { echo 'skipped: an ordinary user already' && exit 77; }
                as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
                copy_flicker
        fi
        chmod 755 "$work"
        export DIR=$work/dir OUTSIDE=$work/outside SOCKET=$work/socket XDG_CACHE_HOME=$work/cache
        leaks=$work/leaks audit=$work/log/audit
        mkdir "$XDG_CACHE_HOME" "$work/log"
        chmod 777 "$XDG_CACHE_HOME" "$work/log"
        cp "$here/policy.json" "$work/policy.json"
        start_listener
}

copy_flicker() {
        local prefix part
        prefix=$(dirname "$(dirname "$FLICKER_RUN")")
        mkdir "$work/flicker"
        for part in bin libexec share; do
                [ ! -d "$prefix/$part" ] || cp -rL "$prefix/$part" "$work/flicker/"
        done
        chmod -R a+rX "$work/flicker"
        FLICKER_RUN=$work/flicker/bin/$(basename "$FLICKER_RUN")
}

start_listener() {
        mkfifo "$work/end"
        "$HOSTILE_BIN/listener" "$SOCKET" "$leaks" <"$work/end" >"$work/port" &
        listener=$!
        exec 9>"$work/end"
        for _ in $(seq 100); do
                [ -s "$work/port" ] && break
                sleep 0.05
        done
        PORT=$(cat "$work/port")
        LISTENER=$listener
        export PORT LISTENER
        chmod 777 "$SOCKET" "$SOCKET.datagram"
}

# prepare PROGRAM: the tree that attacks find (see attack.h), and PROGRAM in it.
prepare() {
        local at program=$1
        rm -rf "$DIR" "$OUTSIDE" "$audit"
        mkdir -p "$DIR"/{secret,public,hidden,swap,deep/parent/secret,plain,bystander,repository/.git,for-root,for-nobody,shared,granted,bound}
        for at in secret hidden deep/parent/secret for-root for-nobody; do echo SECRET >"$DIR/$at/file"; done
        for at in public swap bystander; do echo PUBLIC >"$DIR/$at/file"; done
        ln -s ../public "$DIR/hidden/link"
        ln -s nowhere "$DIR/hidden/dead"
        echo SECRET >"$DIR/repository/.git/config"
        echo SECRET >"$OUTSIDE"
        for at in giver plain/socket granted/never; do ln "$SOCKET" "$DIR/$at"; done
        ln "$SOCKET.datagram" "$DIR/plain/datagram"
        printf '#!/bin/sh\nexit 0\n' >"$DIR/secret/program"
        printf '#!/bin/sh\nexit 1\n' >"$DIR/public/program"
        chmod +x "$DIR"/*/program
        for at in . public secret; do cp "$HOSTILE_BIN/$program" "$DIR/$at/"; done
        cp "$HOSTILE_BIN/loader" "$DIR/secret/"
        [ ${#as[@]} = 0 ] || chown -R nobody:nogroup "$DIR" "$OUTSIDE"
        if [ "$(id -u)" = 0 ]; then
                chown -R nobody "$DIR/for-nobody"
                chmod 700 "$DIR/for-nobody" "$DIR/for-root"
                chmod 600 "$DIR/for-nobody/file" "$DIR/for-root/file"
                chmod 777 "$DIR/shared"
        fi
}

leftovers() {
        find /proc -maxdepth 2 -name exe -lname "$DIR/*" 2>/dev/null | grep -q .
}

# unharmed WHAT: what was protected is as it was, nobody outside got anything, nobody is left.
unharmed() {
        local made
        if [ "$(cat "$DIR/secret/file" 2>&1)" != SECRET ] || [ "$(cat "$OUTSIDE" 2>&1)" != SECRET ]; then
                failed "$1: what was protected is gone or changed"
        fi
        made=$(find "$DIR" -name '*forbidden*')
        [ -z "$made" ] || failed "$1: made what is refused: $made"
        made=$(find "$work" -maxdepth 1 -newer "$work/port" '(' -name new -o -name taken -o -name 'core*' ')')
        [ -z "$made" ] || failed "$1: made what nothing grants: $made"
        if [ -s "$leaks" ]; then
                failed "$1: what listens outside got $(sort -u "$leaks")"
                rm -f "$leaks"
        fi
        kill -0 "$listener" || failed "$1: what listens outside is gone"
        if leftovers && sleep 1 && leftovers; then failed "$1: processes stay behind"; fi
}
