# SPDX-License-Identifier: Apache-2.0
# What the tests of the command line share. $1 is flicker-run; MODE holds options that change no result.
# shellcheck shell=bash
set -u

flicker_run=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
policy=$here/everything.json
work=$(mktemp -d)
failures=0
touch "$work/err"

# The command under test, to be run by a shell or by exec.
# shellcheck disable=SC2206
flicker=("$flicker_run" -p "$policy" ${MODE:-})

trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT

fail() {
        echo "FAIL: $*"
        failures=$((failures + 1))
}

# same WHAT EXPECTED FOUND
same() {
        if [ "$2" != "$3" ]; then
                fail "$1: expected [$2], found [$3]"
        fi
}

# soon WHAT COMMAND...: COMMAND succeeds within five seconds
soon() {
        local what=$1
        shift
        for _ in $(seq 250); do
                if "$@" >/dev/null 2>&1; then
                        return 0
                fi
                sleep 0.02
        done
        fail "$what"
        return 1
}

# gone PID: no such process, or a zombie that somebody else has to reap
gone() {
        local state
        state=$(sed -n 's/^State:\s*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
        [ -z "$state" ] || [ "$state" = Z ]
}

finish() {
        if [ "$failures" -ne 0 ]; then
                exit 1
        fi
        echo "ok"
}
