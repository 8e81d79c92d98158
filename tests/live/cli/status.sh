#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exit statuses and messages.
# shellcheck source=tests/live/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# status EXPECTED MESSAGE COMMAND...: MESSAGE is a part of standard error
status() {
        local expected=$1 message=$2 found
        shift 2
        timeout 30 "$@" >"$work/out" 2>"$work/err" </dev/null
        found=$?
        same "status of: ${*:2}" "$expected" "$found"
        if [ -n "$message" ] && ! grep -qF -- "$message" "$work/err"; then
                fail "${*:2}: expected \"$message\" in: $(cat "$work/err")"
        fi
        if grep -qv '^flicker: ' "$work/err"; then
                fail "${*:2}: a line without \"flicker: \": $(cat "$work/err")"
        fi
}

status 0 "" "${flicker[@]}" true
status 1 "" "${flicker[@]}" false
status 7 "" "${flicker[@]}" sh -c 'exit 7'
status 255 "" "${flicker[@]}" sh -c 'exit 255'
status 137 "" "${flicker[@]}" sh -c 'kill -9 $$'
status 143 "" "${flicker[@]}" sh -c 'kill -TERM $$'
status 139 "" "${flicker[@]}" sh -c 'kill -SEGV $$'

status 127 "nosuchprogram: command not found" "${flicker[@]}" nosuchprogram
status 127 "./nosuch: No such file or directory" "${flicker[@]}" ./nosuch
status 127 "command not found" "${flicker[@]}" ""
status 126 "/tmp: Permission denied" "${flicker[@]}" /tmp
touch "$work/plain"
status 126 "Permission denied" "${flicker[@]}" "$work/plain"
head -c 100 /bin/true >"$work/truncated"
chmod +x "$work/truncated"
status 126 "Exec format error" "${flicker[@]}" "$work/truncated"
printf '#!/nonexistent/interpreter\n' >"$work/orphan"
chmod +x "$work/orphan"
status 127 "No such file or directory" "${flicker[@]}" "$work/orphan"
# Without "#!" a script is given to the shell, as execvp(3) does.
printf 'exit 5\n' >"$work/script"
chmod +x "$work/script"
status 5 "" "${flicker[@]}" "$work/script"
printf '#!/bin/sh\nexit 6\n' >"$work/script"
status 6 "" "${flicker[@]}" "$work/script"

status 125 "no program given" "$flicker_run"
status 125 "no program given" "$flicker_run" --
status 125 "--bogus" "$flicker_run" --bogus true
status 125 "-p needs a value" "$flicker_run" -p
status 125 "--learn is not in this version" "$flicker_run" --learn x true
status 125 "--broker /x" "$flicker_run" --broker /x true
status 125 "expected auto or all" "$flicker_run" --mediate some true
status 125 "expected a time" "$flicker_run" --timeout soon true
status 125 "expected NAME=VALUE" "$flicker_run" --var X true
status 125 "given twice" "$flicker_run" -p a -p b true
status 125 "nosuchpolicy" "$flicker_run" -p nosuchpolicy true
status 125 "nosuch.json" "$flicker_run" -p ./nosuch.json true
echo '{' >"$work/bad.json"
status 125 "bad.json:" "$flicker_run" -p "$work/bad.json" true
status 125 "audit" "${flicker[@]}" --audit /nonexistent/audit true
status 0 "" "${flicker[@]}" --broker embedded true

# Options end at the program.
same "options of the program" "--quiet -p" "$("${flicker[@]}" echo --quiet -p 2>&1)"
same "after --" "-x" "$("${flicker[@]}" -- echo -x 2>&1)"
"$flicker_run" --help >"$work/out" 2>&1 || fail "--help"
grep -q '^Usage: flicker-run' "$work/out" || fail "--help says nothing"
"$flicker_run" --version | grep -q '^flicker-run [0-9]' || fail "--version"

# The search of PATH goes on past what cannot be executed.
mkdir "$work/one" "$work/two"
touch "$work/one/prog"
printf '#!/bin/sh\nexit 9\n' >"$work/two/prog"
chmod +x "$work/two/prog"
PATH=$work/one:$work/two:$PATH status 9 "" "${flicker[@]}" prog
PATH=$work/one:$PATH status 126 "prog: Permission denied" "${flicker[@]}" prog

status 124 "time limit" "${flicker[@]}" --timeout 300ms sleep 20
status 124 "time limit" "${flicker[@]}" --timeout 0.3 sh -c 'trap "" TERM; while :; do sleep 0.1; done'
status 3 "" "${flicker[@]}" --timeout 20 sh -c 'exit 3'
finish
