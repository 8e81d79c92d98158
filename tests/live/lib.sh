# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every live test uses. A test runs a program natively and in the sandbox (with the agent, without,
# and with every syscall mediated) and compares. Source this, call the functions below, end with `finish`.
#
# From the environment: FLICKER_RUN (the program under test), LIVE_BIN (the compiled helpers),
# FLICKER_POLICIES (the shipped policies), XDG_CACHE_HOME (a cache of patch plans; optional).
set -u
: "${FLICKER_RUN:?}" "${LIVE_BIN:?}"
for variable in $(compgen -e); do
        case $variable in
        FLICKER_* | LIVE_* | XDG_CACHE_HOME | TMPDIR | HOME | USER) ;;
        *) unset "$variable" ;;
        esac
done
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export HOME=${HOME:-/tmp}
live=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
policies=$live/policies
name=$(basename "$0" .sh)
umask 022
work=$(mktemp -d "${TMPDIR:-/tmp}/flicker-live.XXXXXX") || exit 1
# The directory that policies name $DIR; the program works in it.
DIR=$work/dir
mkdir "$DIR" "$work/out"
limit=${LIVE_LIMIT:-100} # seconds that any one run may take
modes=${LIVE_MODES:-agent noagent all}
checks=0 failures=0
background=()

cleanup() {
        local pid
        for pid in "${background[@]}"; do
                kill -KILL "$pid" 2>/dev/null
        done
        wait 2>/dev/null
        chmod -R u+rwx "$work" 2>/dev/null
        rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

pass() {
        checks=$((checks + 1))
        printf 'ok %s\n' "$*"
}

fail() {
        checks=$((checks + 1))
        failures=$((failures + 1))
        printf 'FAIL %s\n' "$*"
}

# check WHAT COMMAND...: COMMAND has to succeed.
check() {
        local what=$1
        shift
        if "$@"; then pass "$what"; else fail "$what: ${*:1:6}"; fi
}

# equal WHAT EXPECTED GOT
equal() {
        if [ "$2" = "$3" ]; then
                pass "$1"
        else
                fail "$1: expected '${2:0:300}', got '${3:0:300}'"
        fi
}

# same WHAT FILE FILE: equal content, or the difference is shown.
same() {
        if cmp -s "$2" "$3"; then
                pass "$1"
        else
                fail "$1: differs (< expected, > got)"
                diff -a "$2" "$3" | cut -c 1-200 | head -n 40
        fi
}

skip() {
        printf 'skipped: %s\n' "$*"
        exit 77
}

need() {
        local program
        for program in "$@"; do
                command -v "$program" >/dev/null || skip "no $program here"
        done
}

is_root() { [ "$(id -u)" = 0 ]; }

finish() {
        printf '%s: %d checks, %d failed\n' "$name" "$checks" "$failures"
        [ "$failures" = 0 ]
        exit
}

# compose MODE POLICY COMMAND...: the command line of a run, in the array `line`. A mode is native or one
# of $modes, or all-noagent. Further options of flicker-run stand in the array `options`.
options=()
compose() {
        local mode=$1 policy=$2
        shift 2
        line=(timeout --foreground -k 5 "$limit")
        [ "$mode" = native ] && line+=("$@") && return
        line+=("$FLICKER_RUN" --policy "$policy" --var "DIR=$DIR" --var "BIN=$LIVE_BIN" "${options[@]}")
        case $mode in
        noagent) line+=(--no-agent) ;;
        all) line+=(--mediate all) ;;
        all-noagent) line+=(--mediate all --no-agent) ;;
        esac
        line+=(-- "$@")
}

# run MODE POLICY COMMAND...: runs in $DIR; leaves $out, $err (files) and $status.
run() {
        local mode=$1
        compose "$@"
        out=$work/out/$mode.out err=$work/out/$mode.err
        # The braces keep the shell's own word on a child that a signal ended to itself.
        { (cd "$DIR" && exec "${line[@]}") >"$out" 2>"$err" </dev/null; } 2>/dev/null
        status=$?
}

# What the program itself wrote to standard error.
program_errors() { grep -av '^flicker: ' "$1"; }

# Runs before each run of `compare`, so that all start from the same files; tests redefine it.
prepare() {
        rm -rf "$DIR"
        mkdir "$DIR"
}

# compare WHAT POLICY COMMAND...: status, output and errors in each mode are those of the native run.
compare() {
        local what=$1 policy=$2 mode expected
        shift 2
        prepare
        run native "$policy" "$@"
        expected=$status
        cp "$out" "$work/out/expected.out"
        program_errors "$err" >"$work/out/expected.err"
        for mode in $modes; do
                prepare
                run "$mode" "$policy" "$@"
                equal "$what ($mode): status" "$expected" "$status"
                same "$what ($mode): output" "$work/out/expected.out" "$out"
                program_errors "$err" >"$work/out/got.err"
                same "$what ($mode): errors" "$work/out/expected.err" "$work/out/got.err"
                check "$what ($mode): nothing is refused" silent "$err"
        done
}

silent() {
        ! grep -a '^flicker: denied' "$1"
}

# explained WHAT FILE OPERATION RULE: FILE has the line that explains the refusal; both are extended
# regular expressions.
explained() {
        if grep -aEq "^flicker: denied  $3 +[^ ]+\[[0-9]+\] +$4\$" "$2"; then
                pass "$1: explained"
        else
                fail "$1: no line 'flicker: denied  $3  PROGRAM[PID]  $4' in:"
                grep -a '^flicker' "$2" | cut -c 1-300 | head -n 10
        fi
}

# rule KEY POLICY: the expression for a rule of that key in that policy file.
rule() { printf '%s, [^ ]*%s:[0-9]+' "$(printf '%s' "$1" | sed 's/[].[]/\\&/g')" "$(basename "$2")"; }

no_rule='no rule grants it'

# policy NAME: writes standard input to a policy file and prints its path.
policy() {
        mkdir -p "$work/policies"
        cat >"$work/policies/$1.json"
        printf '%s\n' "$work/policies/$1.json"
}

# await SECONDS COMMAND...: until COMMAND succeeds.
await() {
        local end=$((SECONDS + $1))
        shift
        until "$@" 2>/dev/null; do
                [ "$SECONDS" -ge "$end" ] && return 1
                sleep 0.05
        done
}

free_port() { "$LIVE_BIN/freeport" "${1:-1}"; }

# serve MODE POLICY COMMAND...: a server in the background; leaves $server (its pid), $out and $err.
serve() {
        local mode=$1
        compose "$@"
        out=$work/out/$mode.out err=$work/out/$mode.err
        (cd "$DIR" && exec "${line[@]}") >"$out" 2>"$err" </dev/null &
        server=$!
        background+=("$server")
}

alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }

# Does something listen at PORT? Fails at once where the server has ended.
listening() {
        local hex
        printf -v hex ':%04X' "$1"
        awk -v port="$hex" '$2 ~ port "$" && $4 == "0A" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6
}

up() {
        await 30 up_or_ended "$1" && listening "$1"
}
up_or_ended() { listening "$1" || gone "$server"; }

# end_server [SIGNAL]: ends the server and leaves its exit status in $status.
end_server() {
        kill -"${1:-TERM}" "$server" 2>/dev/null
        if await 20 gone "$server"; then
                wait "$server"
                status=$?
        else
                kill -KILL "$server"
                wait "$server" 2>/dev/null
                status=hung
        fi
}

fetch() { timeout 30 curl -sS --max-time 20 --noproxy '*' "$@"; }

# status_of URL [OPTION...]: the HTTP status.
status_of() { fetch -o /dev/null -w '%{http_code}' "$@"; }
